#include "forgedit/io/tables/csv.h"

#include <gtest/gtest.h>

#include "forgedit/core/error.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using Cells = std::vector<std::string>;

TEST(Csv, ReadsCellsInQuotes) {
  const auto rows = read_csv("image,target\na.png,\"a dog, \"\"running\"\"\"\nb.png,two\n", "list.csv");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].cells, (Cells{"image", "target"}));
  EXPECT_EQ(rows[1].cells, (Cells{"a.png", "a dog, \"running\""}));
  EXPECT_EQ(rows[2].cells, (Cells{"b.png", "two"}));
}

TEST(Csv, KnowsTheLineOfEachRow) {
  for (const std::string end : {"\n", "\r\n"}) {
    const auto rows = read_csv("a,b" + end + end + "1,\"two" + end + "lines\"" + end + "3,4", "list.csv");
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0].line, 1U);
    EXPECT_EQ(rows[1].line, 3U);
    EXPECT_EQ(rows[1].cells, (Cells{"1", "two" + end + "lines"}));
    EXPECT_EQ(rows[2].line, 5U);
    EXPECT_EQ(rows[2].cells, (Cells{"3", "4"}));
  }
}

TEST(Csv, KeepsEmptyCells) {
  const auto rows = read_csv("a,,c\n,,\n", "list.csv");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].cells, (Cells{"a", "", "c"}));
  EXPECT_EQ(rows[1].cells, (Cells{"", "", ""}));
}

TEST(Csv, NamesTheLineOfWrongQuotes) {
  EXPECT_NE(testing::message_of([] { read_csv("a,b\n1,\"two\nthree", "list.csv"); }).find("list.csv:"),
            std::string::npos);
  EXPECT_NE(testing::message_of([] {
              read_csv("a,b\n1,2\n\"x\"y,2\n", "list.csv");
            }).find("list.csv:3: misplaced quote"),
            std::string::npos);
}

}  // namespace
}  // namespace forgedit
