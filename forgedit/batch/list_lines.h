#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// The most that one line, or one cell of a table, may have.
inline constexpr std::size_t kMaxListLine = std::size_t{1} << 20;
/// The most that a list may have.
inline constexpr std::size_t kMaxListBytes = std::size_t{256} << 20;

/// One line of a list.
struct ListLine {
  std::string origin;                          ///< for errors: "list.jsonl:3"
  std::shared_ptr<const nlohmann::json> keys;  ///< an object
};

/// The lines of a list of edits: JSON lines, or comma-separated values with a heading of keys (where `text`
/// does not begin with a brace). Empty lines are ignored, and in JSON lines those that begin with #. Of a
/// table an empty cell is a key that is not there; numbers, true, false and JSON lists are taken as such,
/// except in keys that are texts. Throws a usage Error "NAME:LINE: ..." for what is no such list.
std::vector<ListLine> read_list_lines(const std::string& text, const std::string& name);

}  // namespace forgedit
