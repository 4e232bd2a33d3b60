#include "forgedit/serve/client_words.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

TEST(ClientWords, PlacesOfTheMachineAreLeftOut) {
  const ClientWords words("/srv/data",
                          {"/home/anna", "/home/anna/.cache/huggingface/hub", "/models/sd/", "", "/"});
  EXPECT_EQ(words("/srv/data/jobs/a/edit.json: is damaged\nand more"), "jobs/a/edit.json: is damaged");
  EXPECT_EQ(words("/srv/data/pictures/" + std::string(26, 'a') + "/picture.webp: an animation"),
            "the picture: an animation");
  EXPECT_EQ(words("/srv/data/pictures/x/picture.webp: no"), "pictures/x/picture.webp: no");
  EXPECT_EQ(words("no BLIP in /home/anna/.cache/huggingface/hub"), "no BLIP in hub");
  EXPECT_EQ(words("/models/sd/unet/config.json: no such file"), "sd/unet/config.json: no such file");
  EXPECT_EQ(words("'/home/anna/x' and /home/anna."), "'anna/x' and anna.");
  EXPECT_EQ(words("/models/sdxl/a and /home/annabel"), "/models/sdxl/a and /home/annabel") << "other ones";
}

}  // namespace
}  // namespace forgedit
