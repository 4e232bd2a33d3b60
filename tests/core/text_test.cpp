#include "forgedit/core/text.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

TEST(Text, TrimsBothEnds) {
  EXPECT_EQ(trimmed(" \ta cat\r\n"), "a cat");
  EXPECT_EQ(trimmed("a  b"), "a  b");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" 'eps' ", " '"), "eps");
  EXPECT_EQ(trimmed("a\n", " "), "a\n");
}

TEST(Text, BlanksAloneAreBlank) {
  EXPECT_TRUE(is_blank(" \t\r\n"));
  EXPECT_TRUE(is_blank(""));
  EXPECT_FALSE(is_blank(" a"));
}

}  // namespace
}  // namespace forgedit
