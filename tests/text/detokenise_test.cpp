#include "forgedit/text/detokenise.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace forgedit {
namespace {

struct Pair {
  const char* words;
  const char* text;
};

TEST(Detokenise, SetsSignsAsPeopleDo) {
  for (const auto& [words, text] : std::initializer_list<Pair>{
           {"", ""},
           {"a dog", "a dog"},
           {"a man walking : dark skin tone on a blue background",
            "a man walking: dark skin tone on a blue background"},
           {"a dog , a cat and a cow .", "a dog, a cat and a cow."},
           {"what ? no ! . . .", "what? no!..."},
           {"a man ' s dog", "a man's dog"},
           {"they don ' t , i ' m , you ' re , we ' ve , he ' ll , she ' d",
            "they don't, i'm, you're, we've, he'll, she'd"},
           {"the dogs ' toys", "the dogs' toys"},
           {"a sign that says ' stop ' on it", "a sign that says 'stop' on it"},
           {"a sign that says \" stop \" , in red", "a sign that says \"stop\", in red"},
           {"\" stop \"", "\"stop\""},
           {"a sign that says \" don ' t stop", "a sign that says \"don't stop"},
           {"a black - and - white t - shirt", "a black-and-white t-shirt"},
           {"a close - up and / or 1 / 2", "a close-up and/or 1/2"},
           {"a 3 . 5 m pole at 10 : 30", "a 3.5 m pole at 10:30"},
           {"1 , 000 dogs , 2 , 3 or 4", "1,000 dogs, 2, 3 or 4"},
           {"number 5 . a dog", "number 5. a dog"},
           {"50 % off , $ 5 , # 1", "50% off, $5, #1"},
           {"a dog ( brown ) and [ a cat ]", "a dog (brown) and [a cat]"},
           {"salt & pepper", "salt & pepper"},
           {"- a dog -", "- a dog -"},
           {"caf\u00e9 : small", "caf\u00e9: small"},
           {"\u4e00 \u53ea \u732b", "\u4e00\u53ea\u732b"},
       }) {
    EXPECT_EQ(detokenise(words), text);
  }
}

TEST(Detokenise, TextThatIsSetAlreadyStays) {
  for (const char* text : {"a man walking: dark skin tone", "a man's t-shirt, 3.5 m", "he said \"stop\"",
                           "a dog (brown)", "' ' '"}) {
    EXPECT_EQ(detokenise(detokenise(text)), detokenise(text));
  }
  EXPECT_EQ(detokenise("a man's t-shirt, 3.5 m"), "a man's t-shirt, 3.5 m");
}

TEST(Detokenise, NoWordIsLost) {
  const std::string signs = "' \" - . , : ( ) [ ] $ / % a s 1 \u2019 \u4e00";
  std::string all;
  for (int i = 0; i < 50; ++i) all += signs.substr(static_cast<std::size_t>(i) % 7) + " ";
  const auto without_blanks = [](std::string text) {
    text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
    return text;
  };
  EXPECT_EQ(without_blanks(detokenise(all)), without_blanks(all));
}

}  // namespace
}  // namespace forgedit
