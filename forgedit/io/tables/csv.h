#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// A row of a table, and the line of the text (from 1) that it begins in.
struct CsvRow {
  std::size_t line = 0;
  std::vector<std::string> cells;
};

/// Reads comma-separated values (RFC 4180): cells in quotes may hold commas, line ends and doubled quotes;
/// lines end in LF or CRLF. Blanks around a cell without quotes are not part of it, empty lines are no rows.
/// Throws a failure "NAME:LINE: ..." for quotes in the wrong place, and for a text that ends inside of
/// quotes.
std::vector<CsvRow> read_csv(std::string_view text, const std::string& name);

}  // namespace forgedit
