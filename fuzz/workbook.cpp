// An .xlsx workbook whose parts are the input's: the list of sheets, their places, the shared strings, a
// sheet. Archives as such are fuzz_torch_file's.
#include "fuzz/input.h"

#include "forgedit/io/tables/xlsx.h"
#include "tests/support/make_xlsx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  const auto parts = fuzzing::split_parts(fuzzing::as_text(data, size), 4);
  const auto archive = testing::make_zip({{"xl/workbook.xml", std::string(parts[0])},
                                          {"xl/_rels/workbook.xml.rels", std::string(parts[1])},
                                          {"xl/sharedStrings.xml", std::string(parts[2])},
                                          {"xl/worksheets/sheet1.xml", std::string(parts[3])}});
  const auto file = fuzzing::input_folder().write("workbook.xlsx", archive);
  fuzzing::expect_only_errors([&] {
    for (const auto& sheet : read_xlsx(file)) {
      for (const auto& row : sheet.rows) {
        if (row.first < 1 || row.second.empty() || row.second.begin()->first < 1) std::abort();
      }
    }
  });
  return 0;
}
