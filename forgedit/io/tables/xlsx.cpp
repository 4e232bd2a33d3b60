#include "forgedit/io/tables/xlsx.h"

#include <charconv>
#include <pugixml.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/text.h"
#include "forgedit/io/archive/zip.h"

namespace forgedit {
namespace {

constexpr int kMaxColumn = 16384, kMaxRow = 1048576;      // limits of the format
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;  // of the file, and of each of its parts
constexpr const char* kWorkbook = "xl/workbook.xml";

/// Returns the name without its namespace prefix, which each writer may choose.
std::string local_name(const char* name) {
  const std::string text = name;
  return text.substr(text.find(':') + 1);
}

std::vector<pugi::xml_node> children(const pugi::xml_node& node, const std::string& name) {
  std::vector<pugi::xml_node> found;
  for (const auto& child : node.children()) {
    if (local_name(child.name()) == name) found.push_back(child);
  }
  return found;
}

pugi::xml_node child(const pugi::xml_node& node, const std::string& name) {
  const auto found = children(node, name);
  return found.empty() ? pugi::xml_node() : found.front();
}

/// The parts of the file, by name.
class Archive {
 public:
  explicit Archive(const std::filesystem::path& path)
      : origin_(path.string()),
        bytes_(read_file(path, kMaxBytes)),
        parts_(read_zip_directory(bytes_, origin_)) {}

  bool has(const std::string& part) const { return parts_.count(part) > 0; }
  std::string read(const std::string& part) const {
    const auto where = origin_ + ": " + part;
    const auto found = parts_.find(part);
    if (found == parts_.end()) throw failure(where + ": missing");
    return unpack_zip_entry(bytes_, found->second, kMaxBytes, where);
  }

 private:
  std::string origin_, bytes_;
  std::map<std::string, ZipEntry> parts_;
};

/// One part of the workbook as XML.
class Part {
 public:
  Part(const Archive& archive, const std::string& origin, const std::string& name)
      : text_(archive.read(name)) {
    const auto result = document_.load_buffer(text_.data(), text_.size());
    if (!result) throw failure(origin + ": " + name + ": not valid XML: " + result.description());
  }
  pugi::xml_node root() const { return document_.document_element(); }

 private:
  std::string text_;
  pugi::xml_document document_;
};

/// The text of a shared or inline string, plain or in formatted runs. Skips phonetic hints.
std::string string_of(const pugi::xml_node& item) {
  std::string text;
  for (const auto& part : item.children()) {
    const auto name = local_name(part.name());
    if (name == "t") text += part.text().get();
    if (name == "r") text += child(part, "t").text().get();
  }
  return text;
}

int number_of(const std::string& text) {
  int value = -1;
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end ? value : -1;
}

/// Parses a cell reference: "AB12" -> column 28, row 12.
std::pair<int, int> place_of(const std::string& reference, const std::string& where) {
  int column = 0;
  std::size_t i = 0;
  for (; i < reference.size() && reference[i] >= 'A' && reference[i] <= 'Z' && column <= kMaxColumn; ++i) {
    column = 26 * column + (reference[i] - 'A' + 1);
  }
  const int row = number_of(reference.substr(i));
  if (column < 1 || column > kMaxColumn || row < 1 || row > kMaxRow) {
    throw failure(where + ": a cell at '" + reference + "'");
  }
  return {column, row};
}

std::vector<std::string> shared_strings(const Archive& archive, const std::string& origin) {
  std::vector<std::string> strings;
  const char* name = "xl/sharedStrings.xml";
  if (!archive.has(name)) return strings;
  const Part part(archive, origin, name);
  for (const auto& item : children(part.root(), "si")) strings.push_back(string_of(item));
  return strings;
}

std::string cell_text(const pugi::xml_node& cell, const std::vector<std::string>& strings,
                      const std::string& where) {
  const std::string type = cell.attribute("t").value();
  if (type == "inlineStr") return string_of(child(cell, "is"));
  const std::string value = child(cell, "v").text().get();
  if (type != "s" || value.empty()) return value;
  const int index = number_of(value);
  if (index < 0 || index >= static_cast<int>(strings.size())) {
    throw failure(where + ": " + cell.attribute("r").value() + ": no shared string " + value);
  }
  return strings[static_cast<std::size_t>(index)];
}

/// Reads one sheet. `room` is the number of bytes of text still allowed, because cells share strings, and
/// sheets share parts.
Sheet read_sheet(const Archive& archive, const std::string& origin, const std::string& part_name,
                 const std::string& sheet_name, const std::vector<std::string>& strings, std::size_t& room) {
  const auto where = origin + ": " + part_name;
  const Part part(archive, origin, part_name);
  Sheet sheet{sheet_name, {}};
  for (const auto& row : children(child(part.root(), "sheetData"), "row")) {
    for (const auto& cell : children(row, "c")) {
      auto text = cell_text(cell, strings, where);
      if (text.empty()) continue;
      if (text.size() > room) throw failure(where + ": more text in all cells than files of this kind have");
      room -= text.size();
      const auto [column, number] = place_of(cell.attribute("r").value(), where);
      sheet.rows[number][column] = std::move(text);
    }
  }
  return sheet;
}

/// The names of parts by relationship id.
std::map<std::string, std::string> relationships(const Archive& archive, const std::string& origin) {
  std::map<std::string, std::string> targets;
  const Part part(archive, origin, "xl/_rels/workbook.xml.rels");
  for (const auto& item : children(part.root(), "Relationship")) {
    const std::string target = item.attribute("Target").value();
    targets[item.attribute("Id").value()] = starts_with(target, "/") ? target.substr(1) : "xl/" + target;
  }
  return targets;
}

}  // namespace

std::vector<Sheet> read_xlsx(const std::filesystem::path& path) {
  const Archive archive(path);
  const auto origin = path.string();
  const Part workbook(archive, origin, kWorkbook);
  const auto targets = relationships(archive, origin);
  const auto strings = shared_strings(archive, origin);
  std::vector<Sheet> sheets;
  auto room = kMaxBytes;
  for (const auto& item : children(child(workbook.root(), "sheets"), "sheet")) {
    std::string id;
    for (const auto& attribute : item.attributes()) {
      if (local_name(attribute.name()) == "id") id = attribute.value();
    }
    const auto target = targets.find(id);
    if (target == targets.end()) {
      throw failure(origin + ": " + kWorkbook + ": no part for sheet '" + item.attribute("name").value() +
                    "'");
    }
    sheets.push_back(
        read_sheet(archive, origin, target->second, item.attribute("name").value(), strings, room));
  }
  if (sheets.empty()) throw failure(origin + ": a workbook without sheets");
  return sheets;
}

}  // namespace forgedit
