#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/eval/report.h"
#include "forgedit/io/charts/contact_sheet.h"

namespace forgedit {
namespace {

constexpr std::size_t kMostRows = 24;
constexpr int kCellSize = 160;

/// Returns "right, kept", or the CLIP score; empty if neither is known.
std::string verdict(const EditScores& scores) {
  if (scores.count("right")) {
    return fmt::format("{}, {}", scores.at("right") > 0.5 ? "right" : "wrong",
                       scores.at("kept") > 0.5 ? "kept" : "not kept");
  }
  const auto clip = scores.find("clip");
  return clip == scores.end() ? "" : fmt::format("CLIP {:.3f}", clip->second);
}

class SheetMaker {
 public:
  explicit SheetMaker(const BenchReport& report) : report_(report) {}

  SheetRow row(const EditRecord& record) const {
    SheetRow row{record.edit.target, {{read(record.edit.picture), "original"}}};
    const auto add = [&](const std::string& name, const PictureRecord* picture) {
      if (picture) row.cells.push_back(cell(name, record, *picture));
    };
    const auto find = [&](bool PictureRecord::*which) {
      const auto found = std::find_if(record.pictures.begin(), record.pictures.end(),
                                      [&](const auto& p) { return p.*which; });
      return found == record.pictures.end() ? nullptr : &*found;
    };
    add(report_.fixed_name, find(&PictureRecord::fixed));
    add("automatic", find(&PictureRecord::chosen));
    if (record.pictures.size() > 1) add("best", record.best());
    if (record.edit.answer) row.cells.push_back({read(record.edit.answer->truth), "true answer"});
    return row;
  }

 private:
  Image read(const std::filesystem::path& file) const { return read_image(file, report_.background); }
  SheetCell cell(const std::string& name, const EditRecord& record, const PictureRecord& picture) const {
    const auto file = report_.pictures.empty() ? std::filesystem::path(picture.file)
                                               : report_.pictures / record.edit.id / picture.file;
    const auto words = verdict(picture.scores);
    return {read(file), name + (words.empty() ? "" : ": " + words) + "\n" + picture.label};
  }

  const BenchReport& report_;
};

}  // namespace

Image draw_report_sheet(const BenchReport& report, const Fonts& font) {
  std::vector<const EditRecord*> done;
  for (const auto& record : report.records) {
    if (record.state == EditRecord::State::done) done.push_back(&record);
  }
  const auto rows = std::min(done.size(), kMostRows);
  std::vector<SheetRow> sheet;
  for (std::size_t i = 0; i < rows; ++i) {
    try {
      sheet.push_back(SheetMaker(report).row(*done[i * done.size() / rows]));
    } catch (const Error&) {
      continue;  // the report lists damaged images
    }
  }
  auto title = report.title + ": " + report.set;
  if (sheet.size() < done.size()) title += fmt::format(" ({} of {} edits)", sheet.size(), done.size());
  return draw_contact_sheet(sheet, font, title, kCellSize);
}

}  // namespace forgedit
