#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// A row of a table, and the line of the text (from 1) in which it begins.
struct CsvRow {
  std::size_t line = 0;
  std::vector<std::string> cells;
};

/// Reads comma-separated values (RFC 4180). Quoted cells may contain commas, line ends and doubled quotes;
/// lines end in LF or CRLF. Blanks around an unquoted cell are not part of it, and empty lines are skipped.
/// Throws a failure "NAME:LINE: ..." for misplaced quotes, and for a text that ends inside a quoted cell.
std::vector<CsvRow> read_csv(std::string_view text, const std::string& name);

}  // namespace forgedit
