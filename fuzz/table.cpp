// A table of comma-separated values.
#include "forgedit/io/tables/csv.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  fuzzing::expect_only_errors([&] {
    std::size_t last = 0;
    for (const auto& row : read_csv(fuzzing::as_text(data, size), "list.csv")) {
      if (row.line < last || row.cells.empty()) std::abort();  // rows that end in CR alone share a line
      last = row.line;
    }
  });
  return 0;
}
