#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace forgedit {

/// One sheet of a workbook: texts by row and column, both from 1. Empty cells are absent.
struct Sheet {
  std::string name;
  std::map<int, std::map<int, std::string>> rows;
};

/// Reads the texts of an .xlsx workbook (ECMA-376): shared, inline and formula strings, and numbers as
/// written. Ignores formats and formulas. Throws Error naming file and part.
std::vector<Sheet> read_xlsx(const std::filesystem::path& path);

}  // namespace forgedit
