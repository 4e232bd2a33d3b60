#include "forgedit/text/display_width.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("a dog"), 5U);
  EXPECT_EQ(display_width("caf\xc3\xa9"), 4U);
  EXPECT_EQ(display_width("cafe\xcc\x81"), 4U) << "a combining accent";
  EXPECT_EQ(display_width("一只猫"), 6U);
  EXPECT_EQ(display_width("\xf0\x9f\x98\x80"), 2U) << "an emoji";
}

TEST(DisplayWidth, FitsIntoColumns) {
  EXPECT_EQ(fit_columns("a dog", 10), "a dog");
  EXPECT_EQ(fit_columns("a dog", 3), "a d");
  EXPECT_EQ(fit_columns("一只猫", 5), "一只");
  EXPECT_EQ(fit_columns("cafe\xcc\x81s", 4), "cafe\xcc\x81");
  EXPECT_EQ(fit_columns("a", 0), "");
}

}  // namespace
}  // namespace forgedit
