#include "forgedit/batch/list_lines.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/text.h"
#include "forgedit/io/tables/csv.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Keys whose cells are always texts, whatever they look like.
constexpr std::array<std::string_view, 10> kTextKeys{"id",     "image",  "picture", "from",      "learned",
                                                     "target", "source", "size",    "captioner", "region"};

[[noreturn]] void reject(const std::string& origin, const std::string& message) {
  throw usage_error(origin + ": " + message);
}

void add(std::vector<ListLine>& lines, const std::string& origin, json keys) {
  lines.push_back({origin, std::make_shared<const json>(std::move(keys))});
}

std::string origin_of(const std::string& name, std::size_t line) {
  return name + ":" + std::to_string(line);
}

/// Parses an object. Throws a usage Error for a repeated key, of which nlohmann::json would silently take the
/// last one.
json parse_object(const std::string& text, const std::string& origin) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      reject(origin, one_line(value.get<std::string>()) + ": duplicate key");
    }
    return true;
  };
  json object;
  try {
    object = json::parse(text, watch);
  } catch (const json::parse_error& error) {
    reject(
        origin,
        "expected one JSON object; JSON error at character " + std::to_string(error.byte) + ", near '" +
            one_line(text.substr(std::min(text.size(), error.byte - std::min<std::size_t>(error.byte, 12))),
                     24) +
            "'");
  } catch (const json::out_of_range& error) {
    reject(origin, json_mistake(error));
  }
  if (!object.is_object()) {
    reject(origin,
           "expected one JSON object, such as {\"image\": \"dog.jpg\", \"target\": \"a dog on a beach\"}, "
           "got '" +
               one_line(text, 60) + "'");
  }
  return object;
}

std::vector<ListLine> json_lines(std::string_view text, const std::string& name) {
  std::vector<ListLine> lines;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto origin = origin_of(name, ++number);
    const auto line = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    if (line.size() > kMaxListLine) {
      reject(origin, "a line of " + std::to_string(line.size()) + " bytes, expected at most " +
                         std::to_string(kMaxListLine));
    }
    if (!line.empty() && line.front() != '#') add(lines, origin, parse_object(std::string(line), origin));
  }
  return lines;
}

json value_of(const std::string& key, const std::string& cell) {
  if (std::find(kTextKeys.begin(), kTextKeys.end(), key) != kTextKeys.end()) return cell;
  const auto value = json::parse(cell, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() || value.is_null() || value.is_string() ? json(cell) : value;
}

std::vector<ListLine> table_lines(std::string_view text, const std::string& name) {
  const auto rows = read_csv(text, name);
  std::vector<ListLine> lines;
  if (rows.empty()) return lines;
  const auto& heading = rows.front().cells;
  const auto first = origin_of(name, rows.front().line);
  if (heading.size() == 1 && heading[0].find_first_of(";\t") != std::string::npos) {
    reject(first, "expected commas between the columns, found semicolons or tabs");
  }
  if (std::set<std::string>(heading.begin(), heading.end()).size() != heading.size()) {
    reject(first, "duplicate key in the first line");
  }
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& cells = rows[i].cells;
    const auto origin = origin_of(name, rows[i].line);
    if (cells.size() != heading.size()) {
      reject(origin, "expected " + std::to_string(heading.size()) + " cells as in the first line, got " +
                         std::to_string(cells.size()));
    }
    auto keys = json::object();
    for (std::size_t c = 0; c < cells.size(); ++c) {
      if (cells[c].size() > kMaxListLine)
        reject(origin, "a cell of more than " + std::to_string(kMaxListLine) + " bytes");
      if (!cells[c].empty()) keys[heading[c]] = value_of(heading[c], cells[c]);
    }
    if (!keys.empty()) add(lines, origin, std::move(keys));
  }
  return lines;
}

}  // namespace

std::vector<ListLine> read_list_lines(const std::string& text, const std::string& name) {
  if (text.size() > kMaxListBytes) {
    throw usage_error(name + ": too large for a list: expected at most " +
                      std::to_string(kMaxListBytes >> 20) + " MiB");
  }
  std::string_view rest = text;
  if (starts_with(rest, kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  const auto content = trimmed(rest);
  if (starts_with(text, "PK\x03\x04")) {
    throw usage_error(name + ": expected a text file, found a zip archive; save an Excel workbook as CSV");
  }
  if (starts_with(content, "[")) {
    throw usage_error(
        name + ": expected one JSON object per line, found a JSON list: `jq -c '.[]'` converts it to lines");
  }
  const bool is_json = starts_with(content, "{") || starts_with(content, "#");
  auto lines = is_json ? json_lines(rest, name) : table_lines(rest, name);
  if (lines.empty()) throw usage_error(name + ": expected at least one line with an edit");
  return lines;
}

}  // namespace forgedit
