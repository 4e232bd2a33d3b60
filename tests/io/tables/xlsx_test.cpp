#include "forgedit/io/tables/xlsx.h"

#include "forgedit/core/error.h"
#include "tests/support/make_xlsx.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::make_xlsx;
using testing::make_zip;
using testing::message_of;

class Xlsx : public testing::TemporaryFolder {
 protected:
  std::string write(const std::string& bytes) {
    testing::write_bytes(folder_ / "book.xlsx", bytes);
    return folder_ / "book.xlsx";
  }
  std::string message(const std::string& bytes) {
    return message_of([&] { read_xlsx(write(bytes)); });
  }
};

TEST_F(Xlsx, ReadsTextsByRowAndColumn) {
  const auto sheets =
      read_xlsx(write(make_xlsx({{"a &amp; b", "Source", ""}, {}, {"", "", "end"}}, "Edits")));
  ASSERT_EQ(sheets.size(), 1U);
  EXPECT_EQ(sheets[0].name, "Edits");
  const std::map<int, std::map<int, std::string>> expected{{1, {{1, "a & b"}, {2, "Source"}}},
                                                           {3, {{3, "end"}}}};
  EXPECT_EQ(sheets[0].rows, expected);
}

TEST_F(Xlsx, ReadsPrefixedNamesAndInlineStrings) {
  const auto sheets = read_xlsx(write(make_zip(
      {{"xl/workbook.xml",
        "<x:workbook xmlns:x=\"y\"><x:sheets><x:sheet name=\"S\" r:id=\"a\"/></x:sheets></x:workbook>"},
       {"xl/_rels/workbook.xml.rels",
        "<Relationships><Relationship Id=\"a\" Target=\"/xl/s.xml\"/></Relationships>"},
       {"xl/s.xml",
        "<x:worksheet><x:sheetData><x:row r=\"1\"><x:c r=\"AB1\" "
        "t=\"inlineStr\"><x:is><x:t>hello</x:t></x:is></x:c>"
        "<x:c r=\"AC1\"><x:v>7</x:v></x:c></x:row></x:sheetData></x:worksheet>"}})));
  EXPECT_EQ(sheets[0].rows.at(1).at(28), "hello");
  EXPECT_EQ(sheets[0].rows.at(1).at(29), "7");
}

// One string of a megabyte in a hundred cells, from a file of a few kilobytes.
TEST_F(Xlsx, SharedTextIsBounded) {
  std::string cells;
  for (int row = 1; row <= 100; ++row) {
    cells += "<row><c r=\"A" + std::to_string(row) + "\" t=\"s\"><v>0</v></c></row>";
  }
  EXPECT_TRUE(contains(
      message(make_zip(
          {{"xl/sharedStrings.xml", "<sst><si><t>" + std::string(1 << 20, 'a') + "</t></si></sst>"},
           {"xl/workbook.xml", "<workbook><sheets><sheet name=\"S\" r:id=\"a\"/></sheets></workbook>"},
           {"xl/s.xml", "<worksheet><sheetData>" + cells + "</sheetData></worksheet>"},
           {"xl/_rels/workbook.xml.rels",
            "<Relationships><Relationship Id=\"a\" Target=\"s.xml\"/></Relationships>"}})),
      "xl/s.xml: more text in all cells"));
}

TEST_F(Xlsx, NamesWhatIsWrong) {
  EXPECT_TRUE(contains(message("hello"), "book.xlsx: not a zip archive"));
  EXPECT_TRUE(contains(message(make_zip({{"letter.txt", "hello"}})), "xl/workbook.xml: missing"));
  EXPECT_TRUE(contains(message(make_zip({{"xl/workbook.xml", "<workbook>"}})), "not valid XML"));
  const auto sheet = [&](const std::string& cell) {
    return message(
        make_zip({{"xl/workbook.xml", "<workbook><sheets><sheet name=\"S\" r:id=\"a\"/></sheets></workbook>"},
                  {"xl/_rels/workbook.xml.rels",
                   "<Relationships><Relationship Id=\"a\" Target=\"s.xml\"/></Relationships>"},
                  {"xl/s.xml", "<worksheet><sheetData><row>" + cell + "</row></sheetData></worksheet>"}}));
  };
  EXPECT_TRUE(contains(sheet("<c r=\"B2\" t=\"s\"><v>3</v></c>"), "B2: no shared string 3"));
  EXPECT_TRUE(contains(sheet("<c r=\"ZZZZZZ2\"><v>3</v></c>"), "a cell at 'ZZZZZZ2'"));
  EXPECT_TRUE(contains(sheet("<c r=\"B99999999999\"><v>3</v></c>"), "a cell at"));
  auto wrong_sum = make_xlsx({{"text"}});
  wrong_sum[14] = static_cast<char>(wrong_sum[14] ^ 1);  // the local header's is not used ...
  EXPECT_EQ(read_xlsx(write(wrong_sum)).size(), 1U);
  const auto directory = wrong_sum.find("PK\x01\x02");
  wrong_sum[directory + 16] = static_cast<char>(wrong_sum[directory + 16] ^ 1);  // ... the directory's is
  EXPECT_TRUE(contains(message(wrong_sum), "checksum does not fit"));
}

TEST_F(Xlsx, DamageIsAnErrorAndNeverACrash) {
  const auto whole = make_xlsx({{"Object Addition", "Source Prompt", "Target Prompt"}, {"", "a", "b"}});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(read_xlsx(write(whole.substr(0, length))), Error) << length;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0x01, 0x80, 0xff}) {
      auto damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ bit);
      try {
        read_xlsx(write(damaged));
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace forgedit
