#include "apps/cli/as_typed.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

namespace forgedit::cli {
namespace {

using Words = std::vector<std::string>;

/// A program with positionals and options of one and of several values, as forgedit's commands have them.
struct Program {
  std::string image, source;
  Words targets, paths;
  CLI::App app{"", "program"};
  bool learned = false;

  explicit Program(Words words) {
    app.require_subcommand(0, 1);
    auto* edit = app.add_subcommand("edit");
    auto* learn = app.add_subcommand("learn");
    edit->add_option("IMAGE", image);
    edit->add_option("TARGET", targets);
    edit->add_option("--source", source);
    edit->add_option("--lpips", paths)->expected(1, 2)->allow_extra_args(false);
    leave_as_typed(app);
    words.insert(words.begin(), "program");
    std::vector<const char*> argv;
    for (const auto& word : words) argv.push_back(word.c_str());
    auto arguments = marked_arguments(static_cast<int>(argv.size()), argv.data());
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    learned = learn->parsed();
  }
};

TEST(AsTyped, BehindTheEndOfOptionsToo) {
  for (const char* text : {"--x=[a]", "--out=[z]", "[a]", "--gamma=++", "a"}) {
    EXPECT_EQ(Program({"edit", "dog.png", "--", text}).targets, (Words{text}));
  }
}

TEST(AsTyped, ATargetIsWhatWasTyped) {
  const Words odd{"[a dog, a cat]", "[a dog]", "[]",           "[",     "]",    "[[a],[b]]",  "a, b",
                  "\"a dog\"",      "'a'",     "a dog\nbrown", " a ",   "++",   "%1",         "{a}",
                  "a=[b]",          "\x01[a]", "\x01\x01",     "learn", "edit", "-5 degrees", "- a dog",
                  "\\[a\\]"};
  for (const auto& text : odd) {
    const Program program({"edit", "dog.png", text});
    EXPECT_EQ(program.targets, (Words{text}));
    EXPECT_FALSE(program.learned);
    EXPECT_EQ(Program({"edit", text, "a"}).image, text);
    EXPECT_EQ(Program({"edit", "dog.png", "a", "--source", text}).source, text);
    EXPECT_EQ(Program({"edit", "dog.png", "a", "--source=" + text}).source, text);
    EXPECT_EQ(Program({"edit", "dog.png", "--", text}).targets, (Words{text}));
    EXPECT_EQ(unmarked(marked_arguments(2, std::array{"", text.c_str()}.data())[0]), text);
  }
  Words all{"edit", "dog.png"};
  all.insert(all.end(), odd.begin(), odd.end());
  EXPECT_EQ(Program(all).targets, odd);
  EXPECT_EQ(Program({"edit", "dog.png", "--", "--source", "-a"}).targets, (Words{"--source", "-a"}));
}

TEST(AsTyped, ListsOfOptionsToo) {
  EXPECT_EQ(Program({"edit", "--lpips", "[a,b]", "[c]", "dog.png", "a"}).paths, (Words{"[a,b]", "[c]"}));
  EXPECT_EQ(Program({"edit", "dog.png", "--lpips=[a,b]"}).paths, (Words{"[a,b]"}));
  const Program program({"edit", "--lpips", "a", "b", "dog.png", "a", "b"});
  EXPECT_EQ(program.image, "dog.png");
  EXPECT_EQ(program.targets, (Words{"a", "b"}));
}

}  // namespace
}  // namespace forgedit::cli
