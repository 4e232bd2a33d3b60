#include "forgedit/core/page_data.h"

#include <gtest/gtest.h>

#include "tests/support/page_data.h"

namespace forgedit {
namespace {

using nlohmann::json;

const std::string kPage = "<script>\nconst data = /*DATA*/null;\n</script>\n";

TEST(PageData, NoTextCanEndTheScript) {
  const json data{
      {"a", "</script><script>alert(1)</script>"}, {"b", "<!--<script>"}, {"</SCRIPT>", "\"&'\n"}};
  const auto page = page_with_data(kPage, data);
  EXPECT_EQ(page.find('<'), 0U);
  EXPECT_EQ(page.find('<', 1), page.rfind("</script>"));
  EXPECT_EQ(testing::data_of_page(page), data);
}

TEST(PageData, WhatIsNoUtf8IsReplaced) {
  EXPECT_EQ(testing::data_of_page(page_with_data(kPage, {{"name", "\xff.png"}})),
            (json{{"name", "\uFFFD.png"}}));
}

}  // namespace
}  // namespace forgedit
