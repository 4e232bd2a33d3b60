#include "apps/cli/results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/cli/auto_edit.h"
#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/contact_sheet.h"
#include "forgedit/io/resample.h"
#include "forgedit/metrics/image_quality.h"
#include "forgedit/pipelines/settings_json.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kRecord = "edit.json";
constexpr const char* kSheet = "sheet.png";
constexpr int kCellSize = 256;
constexpr int kSmallestCell = 64;
// A sheet stays well under the limit on pictures, with room for labels.
constexpr double kSheetPixels = 60e6;

/// A copy no larger than a cell of the sheet.
Image cell_copy(const Image& image) {
  const int side = std::max(image.width, image.height);
  if (side <= kCellSize) return image;
  const auto scaled = [&](int length) { return std::max(1, length * kCellSize / side); };
  return resize(image, scaled(image.width), scaled(image.height), Resample::lanczos);
}

int cell_size_for(std::size_t cells) {
  const double side = std::sqrt(kSheetPixels / static_cast<double>(std::max<std::size_t>(cells, 1)));
  return std::clamp(static_cast<int>(side), kSmallestCell, kCellSize);
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& path) {
  auto missing = fs::absolute(path).lexically_normal();
  if (!missing.has_filename()) missing = missing.parent_path();
  while (!fs::exists(missing)) {
    made_.push_back(missing);
    missing = missing.parent_path();
  }
  make_directory(path);
}

OutputFolder::~OutputFolder() {
  std::error_code not_empty;
  for (const auto& folder : made_) fs::remove(folder, not_empty);
}

fs::path default_output_folder(const std::string& picture_name, const std::string& target) {
  const auto name = slug(fs::path(picture_name).stem().string()) + "-" + prompt_slug(target);
  fs::path folder = fs::path("out") / name;
  std::error_code ignored;
  for (int i = 2; fs::exists(folder, ignored); ++i)
    folder = fs::path("out") / (name + "-" + std::to_string(i));
  return folder;
}

EditResults::EditResults(fs::path folder, Fonts fonts, EditRun run, bool with_text)
    : folder_(std::move(folder)),
      fonts_(std::move(fonts)),
      run_(std::move(run)),
      with_text_(with_text),
      original_(from_grid(run_.learned.grid, run_.learned.frame)),
      finished_(folder_) {}

fs::path EditResults::add(const Candidate& candidate, const Image& grid) {
  const auto& frame = run_.learned.frame;
  const auto picture = from_grid(grid, frame);
  const auto path = path_of(candidate);
  write_png(path, run_.at_source_size ? from_grid_at_source_size(grid, frame) : picture,
            with_text_ ? picture_text(run_, candidate) : PngText{});
  pictures_[candidate.stem] = {cell_copy(picture), settings_key(run_, candidate),
                               content_hash(read_file(path))};
  if (candidate.kind == Candidate::Kind::reconstruction) reconstruction_db_ = psnr(picture, original_);
  // The record is what a restart goes by. It grows with the run, so a long run does not write it every time:
  // of what is finished at least 98 % are in it.
  if (pictures_.size() % (1 + pictures_.size() / 64) == 0) write_record();
  return path;
}

EditResults::Resumed EditResults::resume(const std::vector<Candidate>& candidates) {
  Resumed result;
  std::map<std::string, std::string> new_names;
  for (const auto& candidate : candidates) {
    plan_.push_back(candidate);
    const auto picture = finished_.take(settings_key(run_, candidate));
    // A round before this one may have put another picture in its place.
    if (!picture || !is_as_recorded(folder_, *picture)) {
      result.to_draw.push_back(candidate);
      continue;
    }
    pictures_[candidate.stem] = {cell_copy(read_image(folder_ / picture->file)), picture->settings,
                                 picture->content};
    if (candidate.kind == Candidate::Kind::reconstruction) reconstruction_db_ = picture->psnr;
    const auto name = candidate.stem + ".png";
    if (picture->file != name) new_names.emplace(picture->file, name);
    ++result.kept;
  }
  auto& losses = run_.learned.result.losses;
  if (result.kept > 0 && losses.empty()) losses = finished_.losses();
  rename_all(folder_, new_names);
  if (result.kept > 0) write_record();
  // Until this run is done there is no sheet, rather than one of another run.
  std::error_code ignored;
  if (!result.to_draw.empty()) {
    fs::remove(folder_ / kSheet, ignored);
    fs::remove(folder_ / kChart, ignored);
  }
  return result;
}

std::size_t EditResults::older() const {
  std::set<std::string> planned;
  for (const auto& candidate : plan_) planned.insert(candidate.stem + ".png");
  std::size_t count = 0;
  for (const auto& picture : finished_.left()) count += planned.count(picture.file) == 0;
  return count;
}

std::vector<fs::path> EditResults::finish() const {
  const auto sheet = folder_ / kSheet;
  write_record();
  write_png(sheet, draw_sheet(), with_text_ ? PngText{{"forgedit", json_text(run_json(run_))}} : PngText{});
  return {sheet, folder_ / kRecord};
}

void EditResults::write_record() const {
  write_file_atomically(folder_ / kRecord, record());
}

std::string EditResults::label_of(const Candidate& candidate) const {
  if (candidate.kind != Candidate::Kind::reconstruction || !reconstruction_db_) return candidate.label;
  return candidate.label + fmt::format("\n{:.1f} dB to the original", *reconstruction_db_);
}

Image EditResults::draw_sheet() const {
  std::vector<SheetRow> rows{{"", {{cell_copy(original_), "original"}}}};
  const auto add = [&](const std::string& stem, const std::string& title, const std::string& label) {
    const auto picture = pictures_.find(stem);
    if (picture == pictures_.end()) return;
    if (rows.back().title != title) rows.push_back({title, {}});
    rows.back().cells.push_back({picture->second.cell, label});
  };
  bool arranged = false;
  for (const auto& candidate : plan_) {
    if (!arrangement_ || candidate.kind != Candidate::Kind::edit) {
      add(candidate.stem, candidate.row, label_of(candidate));
    } else if (!arranged) {
      for (const auto& row : arrangement_->rows) {
        for (const auto& [stem, label] : row.cells) add(stem, row.title, label);
      }
      arranged = true;
    }
  }
  const auto title = run_.learned.picture_name + ": " + run_.learned.source;
  return draw_contact_sheet(rows, fonts_, title, cell_size_for(pictures_.size() + 1));
}

std::string EditResults::record() const {
  auto result = run_json(run_);
  auto pictures = json::array();
  for (const auto& candidate : plan_) {
    const auto picture = pictures_.find(candidate.stem);
    if (picture == pictures_.end()) continue;
    auto entry = candidate_json(candidate);
    entry["file"] = candidate.stem + ".png";
    entry["settings"] = picture->second.settings;
    entry["content"] = picture->second.content;
    if (candidate.kind == Candidate::Kind::reconstruction && reconstruction_db_) {
      entry["psnr"] = *reconstruction_db_;
    }
    if (arrangement_) {
      const auto scores = arrangement_->scores.find(candidate.stem);
      if (scores != arrangement_->scores.end()) entry.update(scores->second);
    }
    pictures.push_back(std::move(entry));
  }
  const bool complete =
      arrangement_ ? arrangement_->complete : !run_.automatic && pictures.size() == plan_.size();
  result["complete"] = complete;
  result["pictures"] = std::move(pictures);
  if (arrangement_) result["auto"] = arrangement_->choice;
  if (complete) return json_text(result, 1) + "\n";
  // A run that decides as it goes may still come to these.
  for (const auto& picture : finished_.left()) {
    json entry{{"file", picture.file}, {"settings", picture.settings}, {"content", picture.content}};
    if (picture.psnr) entry["psnr"] = *picture.psnr;
    result["earlier"].push_back(std::move(entry));
  }
  return json_text(result, 1) + "\n";
}

}  // namespace forgedit::cli
