#include "forgedit/io/tables/csv.h"

#include <csv.h>

#include <algorithm>
#include <new>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

/// Collects the cells and rows that libcsv reports.
struct Rows {
  std::vector<CsvRow> rows;
  std::vector<std::string> cells;
  std::size_t line = 1, begin = 0;  // of the present row; `begin` is 0 before its first cell

  void add_cell(const char* text, std::size_t size) {
    if (begin == 0) begin = line;
    cells.emplace_back(text ? text : "", size);
    line += static_cast<std::size_t>(std::count(cells.back().begin(), cells.back().end(), '\n'));
  }
  void end_row(int newline) {
    if (!cells.empty()) rows.push_back({begin, std::move(cells)});
    cells.clear();
    begin = 0;
    if (newline == CSV_LF) ++line;
  }
};

void on_cell(void* text, std::size_t size, void* rows) {
  static_cast<Rows*>(rows)->add_cell(static_cast<const char*>(text), size);
}

void on_row(int newline, void* rows) {
  static_cast<Rows*>(rows)->end_row(newline);
}

/// libcsv's state, freed by the destructor.
struct Parser {
  Parser() {
    if (csv_init(&state, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0) throw std::bad_alloc();
  }
  ~Parser() { csv_free(&state); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  csv_parser state{};
};

}  // namespace

std::vector<CsvRow> read_csv(std::string_view text, const std::string& name) {
  Parser parser;
  Rows rows;
  const bool whole =
      csv_parse(&parser.state, text.data(), text.size(), on_cell, on_row, &rows) == text.size() &&
      csv_fini(&parser.state, on_cell, on_row, &rows) == 0;
  if (whole) return std::move(rows.rows);
  if (csv_error(&parser.state) == CSV_ENOMEM) throw std::bad_alloc();
  throw usage_error(
      name + ":" + std::to_string(rows.line) +
      ": misplaced quote: a cell with a quote or a comma must be quoted, and quotes inside it doubled");
}

}  // namespace forgedit
