#pragma once

#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace forgedit::testing {

inline std::string little_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

inline std::string raw_deflate(const std::string& data) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// A zip archive; every other member is deflated.
inline std::string make_zip(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string file, directory;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto& [name, data] = members[i];
    const bool packed = i % 2 == 0;
    const auto body = packed ? raw_deflate(data) : data;
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
    const auto common = little_endian(20, 2) + little_endian(0, 2) + little_endian(packed ? 8 : 0, 2) +
                        little_endian(0, 4) + little_endian(crc, 4) +
                        little_endian(static_cast<std::uint32_t>(body.size()), 4) +
                        little_endian(static_cast<std::uint32_t>(data.size()), 4) +
                        little_endian(static_cast<std::uint32_t>(name.size()), 2) + little_endian(0, 2);
    directory += little_endian(0x02014b50, 4) + little_endian(20, 2) + common + std::string(6, '\0') +
                 little_endian(0, 4) + little_endian(static_cast<std::uint32_t>(file.size()), 4) + name;
    file += little_endian(0x04034b50, 4) + common + name + body;
  }
  const auto begin = static_cast<std::uint32_t>(file.size());
  file += directory;
  const auto count = static_cast<std::uint32_t>(members.size());
  return file + little_endian(0x06054b50, 4) + little_endian(0, 4) + little_endian(count, 2) +
         little_endian(count, 2) + little_endian(static_cast<std::uint32_t>(directory.size()), 4) +
         little_endian(begin, 4) + little_endian(0, 2);
}

/// A workbook of one sheet as spreadsheets write it: texts are shared strings, one of them in two runs.
inline std::string make_xlsx(const std::vector<std::vector<std::string>>& rows,
                             const std::string& sheet_name = "Sheet1") {
  std::string strings, cells;
  int count = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto row = std::to_string(r + 1);
    cells += "<row r=\"" + row + "\">";
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const auto place = std::string(1, static_cast<char>('A' + c)) + row;
      if (rows[r][c].empty()) {
        cells += "<c r=\"" + place + "\" s=\"5\"/>";
        continue;
      }
      const auto& text = rows[r][c];
      strings += count == 1
                     ? "<si><r><t>" + text.substr(0, 1) + "</t></r><r><t>" + text.substr(1) + "</t></r></si>"
                     : "<si><t>" + text + "</t></si>";
      cells += "<c r=\"" + place + "\" t=\"s\"><v>" + std::to_string(count++) + "</v></c>";
    }
    cells += "</row>";
  }
  return make_zip(
      {{"xl/workbook.xml", "<?xml version=\"1.0\"?><workbook xmlns:r=\"x\"><sheets><sheet name=\"" +
                               sheet_name + "\" sheetId=\"1\" r:id=\"rId7\"/></sheets></workbook>"},
       {"xl/_rels/workbook.xml.rels",
        "<Relationships><Relationship Id=\"rId7\" Target=\"worksheets/sheet1.xml\"/></Relationships>"},
       {"xl/sharedStrings.xml", "<sst>" + strings + "</sst>"},
       {"xl/worksheets/sheet1.xml", "<worksheet><sheetData>" + cells + "</sheetData></worksheet>"}});
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace forgedit::testing
