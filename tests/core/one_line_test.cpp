#include "forgedit/core/one_line.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

TEST(OneLine, ControlCharactersNeverReachTheTerminal) {
  EXPECT_EQ(one_line("a dog, brown"), "a dog, brown");
  EXPECT_EQ(one_line("a\x1b[31mdog\x07\x7f"), "a?[31mdog??");
  EXPECT_EQ(one_line("a\xc2\x9b"
                     "31m caf\xc3\xa9"),
            "a?31m caf\xc3\xa9")
      << "a control of 8-bit terminals";
  EXPECT_EQ(one_line("a dog\r\nbrown\tand old"), "a dog  brown and old");
}

TEST(OneLine, LongTextsKeepBothEnds) {
  const auto line = one_line("key: " + std::string(100'000, 'x') + ", expected one of gamma, beta", 60);
  EXPECT_LE(line.size(), 66U);
  EXPECT_EQ(line.rfind("key: xxx", 0), 0U);
  EXPECT_NE(line.find("one of gamma, beta"), std::string::npos);
  EXPECT_EQ(one_line(std::string(60, 'x'), 60), std::string(60, 'x'));
}

TEST(OneLine, CutsBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "\xe7\x8c\xab";
  for (std::size_t most = 9; most < 20; ++most) {
    const auto line = one_line(text, most);
    const auto gap = line.find(" \xe2\x80\xa6 ");
    ASSERT_NE(gap, std::string::npos);
    EXPECT_EQ(gap % 3, 0U) << most;
    EXPECT_EQ((line.size() - gap - 5) % 3, 0U) << most;
  }
}

}  // namespace
}  // namespace forgedit
