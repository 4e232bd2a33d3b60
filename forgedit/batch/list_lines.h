#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// The maximum size of a line, or of a cell of a table, in bytes.
inline constexpr std::size_t kMaxListLine = std::size_t{1} << 20;
/// The maximum size of a list in bytes.
inline constexpr std::size_t kMaxListBytes = std::size_t{256} << 20;

/// One line of a list.
struct ListLine {
  std::string origin;                          ///< for errors: "list.jsonl:3"
  std::shared_ptr<const nlohmann::json> keys;  ///< an object
};

/// Reads a list of edits: JSON lines if `text` begins with a brace or #, else comma-separated values with a
/// heading of keys. Empty lines are ignored, and so are JSON lines that begin with #. An empty cell of a
/// table is a missing key. Cells with numbers, true, false and JSON lists get that type, except for keys
/// whose values are texts. Throws a usage Error "NAME:LINE: ..." if it is not such a list.
std::vector<ListLine> read_list_lines(const std::string& text, const std::string& name);

}  // namespace forgedit
