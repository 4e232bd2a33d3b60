#include "forgedit/jobs/results.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/parallel.h"
#include "forgedit/io/charts/contact_sheet.h"
#include "forgedit/io/pictures/encode_png.h"
#include "forgedit/io/pictures/resample.h"
#include "forgedit/jobs/edit_report.h"
#include "forgedit/metrics/image_quality.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kCellSize = 256;
constexpr int kSmallestCell = 64;
constexpr int kFeather = 4;  // pixels at the model's scale: half a cell of latents
// A sheet stays well under the limit on pictures, with room for labels.
constexpr double kSheetPixels = 60e6;
constexpr std::size_t kOlderNamed = 3;
constexpr std::size_t kMostUnrecorded = 8;
constexpr std::size_t kHashDigits = 8;
// Several results of up to so many pixels are encoded at once.
constexpr std::size_t kMostAtOnce = 4'000'000;
// The record goes to the disk that often while images come: a flush waits for whatever else is written.
constexpr std::chrono::seconds kFlushEvery{10};

/// A copy no larger than a cell of the sheet.
Image cell_copy(const Image& image) {
  const int side = std::max(image.width, image.height);
  if (side <= kCellSize) return image;
  const auto scaled = [&](int length) { return std::max(1, length * kCellSize / side); };
  return resize(image, scaled(image.width), scaled(image.height), Resample::lanczos);
}

/// `verdict`: of the safety checker, as JSON; empty: none.
bool is_flagged(const std::string& verdict) {
  return !verdict.empty() && json::parse(verdict).value("flagged", false);
}

/// kFeather in pixels of the source.
int source_feather(const Frame& frame) {
  return std::max(1, kFeather * frame.source_width / frame.width);
}

int cell_size_for(std::size_t cells) {
  const double side = std::sqrt(kSheetPixels / static_cast<double>(std::max<std::size_t>(cells, 1)));
  return std::clamp(static_cast<int>(side), kSmallestCell, kCellSize);
}

}  // namespace

std::string area_file_name(const std::string& target) {
  // The hash distinguishes long targets that begin alike.
  return fmt::format("area-{}-{}.png", prompt_slug(target), content_hash(target).substr(0, kHashDigits));
}

EditResults::EditResults(fs::path folder, Fonts fonts, EditRun run, bool with_text)
    : folder_(std::move(folder)),
      fonts_(std::move(fonts)),
      run_(std::move(run)),
      with_text_(with_text),
      original_(from_grid(run_.picture.grid, run_.picture.frame)),
      finished_(folder_) {
  if (!run_.kept) return;
  const auto& frame = run_.picture.frame;
  const auto& mask = run_.kept->mask;
  const auto grey = resize(to_image(mask), frame.width, frame.height, Resample::lanczos);
  mask_ = feathered(to_mask(grey), kFeather);
  source_mask_ = feathered(mask, source_feather(frame));
}

void EditResults::set_losses(const std::vector<double>& losses) {
  writer_.wait();
  run_.losses = losses;
}

void EditResults::arrange(Arrangement arrangement) {
  writer_.wait();
  arrangement_ = std::move(arrangement);
}

std::size_t EditResults::count() const {
  writer_.wait();
  return pictures_.size();
}

std::optional<double> EditResults::reconstruction_db() const {
  writer_.wait();
  return reconstruction_db_;
}

void EditResults::add(const Candidate& candidate, const Image& grid, PictureWritten written,
                      std::string verdict) {
  BackgroundThread::Task done;
  if (written) done = [file = path_of(candidate), written = std::move(written)] { written(file); };
  // Encoding takes longest: of several pictures at once, on threads of their own, where these are small and
  // there are threads to have. Else the writer's thread does it.
  const auto launch =
      shown_pixels() > kMostAtOnce ? std::launch::deferred : std::launch::async | std::launch::deferred;
  const auto encoded = std::make_shared<std::future<EncodedPicture>>(std::async(
      launch,
      [this, candidate, grid, verdict = std::move(verdict)] { return encode(candidate, grid, verdict); }));
  writer_.add([this, candidate, encoded] { write(candidate, encoded->get()); }, std::move(done));
}

void EditResults::withhold(const Candidate& candidate, const std::string& verdict) {
  writer_.wait();
  withheld_[candidate.stem] = verdict;
  record_one_more();
}

std::size_t EditResults::withheld() const {
  writer_.wait();
  return withheld_.size();
}

std::size_t EditResults::flagged() const {
  writer_.wait();
  const auto flagged = std::count_if(pictures_.begin(), pictures_.end(),
                                     [](const auto& item) { return is_flagged(item.second.safety); });
  return static_cast<std::size_t>(flagged) + withheld_.size();
}

Image EditResults::picture_of(const Candidate& candidate, const Image& grid) const {
  auto picture = from_grid(grid, run_.picture.frame);
  const bool keeps = run_.kept && candidate.kind == Candidate::Kind::edit;
  return keeps ? composite(picture, original_, mask_) : picture;
}

Image EditResults::shown(const Candidate& candidate, const Image& grid) const {
  if (!run_.at_source_size) return picture_of(candidate, grid);
  auto picture = from_grid_at_source_size(grid, run_.picture.frame);
  picture = with_source(candidate, picture);
  return run_.photo ? pasted(run_.photo->whole, picture, run_.photo->region) : picture;
}

std::size_t EditResults::shown_pixels() const {
  const auto of = [](int width, int height) {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  };
  const auto& frame = run_.picture.frame;
  if (!run_.at_source_size) return of(frame.width, frame.height);
  return run_.photo ? of(run_.photo->whole.width, run_.photo->whole.height)
                    : of(frame.source_width, frame.source_height);
}

Image EditResults::with_source(const Candidate& candidate, const Image& picture) const {
  if (candidate.sample.protect) return composite(picture, *run_.source, areas_.at(candidate.target));
  const bool keeps = run_.kept && candidate.kind == Candidate::Kind::edit;
  return keeps ? composite(picture, *run_.source, source_mask_) : picture;
}

void EditResults::set_area(const std::string& target, const Mask& grid) {
  writer_.wait();
  if (areas_.count(target) > 0) return;
  const auto& frame = run_.picture.frame;
  const auto area = without_shades(to_mask(from_grid_at_source_size(to_image(grid), frame)));
  auto shown = to_image(area);
  if (const auto* photo = run_.photo.get())
    shown = replaced(Image(photo->whole.width, photo->whole.height, {0, 0, 0}), shown, photo->region);
  const auto file = folder_ / area_file_name(target);
  write_png(file, shown);
  area_files_.push_back(file);
  areas_.emplace(target, feathered(area, source_feather(frame)));
}

Image EditResults::edited_part(Image shown) const {
  return run_.photo ? cropped(shown, run_.photo->region) : shown;
}

EditResults::EncodedPicture EditResults::encode(const Candidate& candidate, const Image& grid,
                                                const std::string& verdict) const {
  const auto picture = picture_of(candidate, grid);
  EncodedPicture encoded{{{}, {}, settings_key(run_, candidate), {}, verdict}, {}, {}};
  parallel_for(2, 1, [&](std::int64_t first, std::int64_t last) {
    for (auto part = first; part < last; ++part) {
      if (part == 0) {
        encoded.file =
            encode_png(run_.at_source_size ? shown(candidate, grid) : picture,
                       with_text_ ? picture_text(run_, candidate) : PngText{}, path_of(candidate).string());
      } else {
        encoded.picture.cell = cell_copy(picture);
        encoded.picture.copy = report_copy(picture, plan_.size());
      }
    }
  });
  encoded.picture.content = content_hash(encoded.file);
  if (candidate.kind == Candidate::Kind::reconstruction) encoded.psnr = psnr(picture, original_);
  return encoded;
}

/// On the writer's thread.
void EditResults::write(const Candidate& candidate, EncodedPicture encoded) {
  write_file_atomically(path_of(candidate), encoded.file, Flush::no);
  pictures_[candidate.stem] = std::move(encoded.picture);
  if (encoded.psnr) reconstruction_db_ = encoded.psnr;
  record_one_more();
}

/// The record is what a restart goes by. It grows with the run, so a long run does not write it every time:
/// at least 98 % of what is finished are in it, and while more images wait, all but the last kMostUnrecorded.
void EditResults::record_one_more() const {
  ++unrecorded_;
  const auto finished = pictures_.size() + withheld_.size();
  if (unrecorded_ <= finished / 64) return;
  if (unrecorded_ < kMostUnrecorded && writer_.is_more_waiting()) return;
  write_record(false);
}

EditResults::Resumed EditResults::resume(std::vector<Candidate>& candidates) {
  drain();
  std::vector<std::optional<FinishedPicture>> taken;
  std::vector<std::optional<Image>> images;
  for (const auto& candidate : candidates) {
    auto picture = finished_.take(settings_key(run_, candidate), candidate.stem + ".png");
    std::optional<Image> image;
    if (picture) {
      try {
        image = edited_part(read_image(folder_ / picture->file));
        // Only the record has this figure of a picture that is scaled.
        const bool is_measured = candidate.kind != Candidate::Kind::reconstruction || picture->psnr;
        if (!is_measured && run_.at_source_size) image.reset();
        if (!is_measured && image) picture->psnr = psnr(*image, original_);
      } catch (const Error&) {
        image.reset();  // damaged since: it is generated again
      }
    }
    // A verdict that was lost with the record.
    if (run_.safety != SafetyMode::off && picture && picture->safety.empty()) image.reset();
    if (!image) picture.reset();
    taken.push_back(std::move(picture));
    images.push_back(std::move(image));
  }
  number(candidates, taken);

  Resumed result;
  std::map<std::string, std::string> new_names;
  const auto planned = plan_.size() + candidates.size();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto& candidate = candidates[i];
    plan_.push_back(candidate);
    if (!taken[i]) {
      auto verdict = finished_.withheld(settings_key(run_, candidate));
      if (verdict.empty()) {
        result.to_draw.push_back(candidate);
      } else {
        withheld_.emplace(candidate.stem, std::move(verdict));
        ++result.withheld;
      }
      continue;
    }
    pictures_[candidate.stem] = {cell_copy(*images[i]), report_copy(*images[i], planned), taken[i]->settings,
                                 taken[i]->content, taken[i]->safety};
    if (candidate.kind == Candidate::Kind::reconstruction) reconstruction_db_ = taken[i]->psnr;
    const auto name = candidate.stem + ".png";
    if (taken[i]->file != name) new_names.emplace(taken[i]->file, name);
    ++result.kept;
  }
  auto& losses = run_.losses;
  if (result.kept > 0 && losses.empty()) losses = finished_.losses_of(run_json(run_));
  rename_all(folder_, std::move(new_names));
  if (result.kept + result.withheld > 0) write_record(false);
  return result;
}

/// In the plan's order, passing over the numbers of pictures that stay. `taken` are the finished ones.
void EditResults::number(std::vector<Candidate>& candidates,
                         const std::vector<std::optional<FinishedPicture>>& taken) {
  std::map<std::size_t, std::set<std::string>> held;  // names by number
  std::set<std::string> staying = finished_.retouched();
  for (const auto& picture : finished_.left()) staying.insert(picture.file);
  for (const auto* names : std::initializer_list<const std::set<std::string>*>{&staying, &finished_.changed(),
                                                                               &finished_.unknown()}) {
    for (const auto& name : *names) held[number_of(name)].insert(name);
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    auto& candidate = candidates[i];
    if (candidate.number == 0) {
      const auto stem = candidate.stem;
      for (int n = 2; staying.count(candidate.stem + ".png") > 0; ++n) {
        candidate.stem = stem + "-" + std::to_string(n);
      }
      continue;
    }
    const auto is_free = [&](std::size_t number) {
      const auto file = candidate.stem + ".png";
      if (taken[i] && taken[i]->file == file) return true;  // it has the number already
      const auto found = held.find(number);
      if (found == held.end() || found->second.empty()) return true;
      // A damaged image, or one of a run without settings in its PNG files, is generated again in its place.
      return found->second.size() == 1 && *found->second.begin() == file && staying.count(file) == 0;
    };
    renumber_stem(candidate, last_number_ + 1, candidate.last_number);
    while (!is_free(candidate.number)) renumber_stem(candidate, candidate.number + 1, candidate.last_number);
    last_number_ = candidate.number;
  }
}

std::string EditResults::older() const {
  std::set<std::string> planned, names = finished_.unknown();
  names.insert(finished_.retouched().begin(), finished_.retouched().end());
  for (const auto& candidate : plan_) planned.insert(candidate.stem + ".png");
  for (const auto& picture : finished_.left()) names.insert(picture.file);
  std::erase_if(names, [&](const std::string& name) { return planned.count(name) > 0; });
  if (names.empty()) return {};
  std::string list;
  for (auto name = names.begin(); name != names.end(); ++name) {
    const auto before = static_cast<std::size_t>(std::distance(names.begin(), name));
    if (before == kOlderNamed) {
      list += fmt::format(" and {} more", names.size() - before);
      break;
    }
    list += (before > 0 ? ", " : "") + *name;
  }
  return fmt::format("{} contains {} image{} of an earlier run, kept but not on the new contact sheet: {}",
                     folder_.string(), names.size(), names.size() == 1 ? "" : "s", list);
}

std::vector<std::string> EditResults::changed() const {
  writer_.wait();
  std::vector<std::string> names;
  for (const auto& candidate : plan_) {
    const auto name = candidate.stem + ".png";
    if (finished_.changed().count(name) && !pictures_.count(candidate.stem)) names.push_back(name);
  }
  return names;
}

void EditResults::begin() {
  drain();
  // Until this run is done there is neither sheet nor report, rather than those of another run.
  std::error_code ignored;
  for (const char* name : {kSheetFile, kReportFile, kChartFile}) fs::remove(folder_ / name, ignored);
  write_record(false);
}

std::vector<fs::path> EditResults::finish() {
  drain();
  std::vector<std::string> gone;
  for (const auto& [stem, picture] : pictures_) {
    std::error_code error;
    if (!fs::exists(folder_ / (stem + ".png"), error)) gone.push_back(stem);
  }
  for (const auto& stem : gone) pictures_.erase(stem);
  const auto sheet = folder_ / kSheetFile;
  write_png(sheet, draw_sheet(), with_text_ ? PngText{{"forgedit", json_text(run_json(run_))}} : PngText{});
  const auto page = folder_ / kReportFile;
  write_file_atomically(page, report(record(gone.empty())));
  write_record(gone.empty());
  if (!gone.empty()) {
    throw failure(fmt::format(
        "{} images of this run were deleted from {}, such as {}.png; the same request generates them again",
        gone.size(), folder_.string(), gone.front()));
  }
  auto files = area_files_;
  files.insert(files.end(), {sheet, page, folder_ / kRecordFile});
  return files;
}

void EditResults::write_record(bool ended) const {
  unrecorded_ = 0;
  const auto now = std::chrono::steady_clock::now();
  const bool flush = ended || now - flushed_ >= kFlushEvery;
  if (flush) flushed_ = now;
  write_file_atomically(folder_ / kRecordFile, json_text(record(ended), 1) + "\n",
                        flush ? Flush::yes : Flush::no);
}

std::string EditResults::report(const json& record) const {
  std::map<std::string, std::string> copies;
  for (const auto& [stem, picture] : pictures_) copies.emplace(stem + ".png", picture.copy);
  return edit_report(record, report_copy(original_, 1), copies);
}

std::string EditResults::label_of(const Candidate& candidate) const {
  if (candidate.kind != Candidate::Kind::reconstruction || !reconstruction_db_) return candidate.label;
  return candidate.label + fmt::format("\nPSNR {:.1f} dB", *reconstruction_db_);
}

Image EditResults::draw_sheet() const {
  std::vector<SheetRow> rows{{"", {{cell_copy(original_), "original"}}}};
  const auto add = [&](const std::string& stem, const std::string& title, const std::string& label) {
    const auto picture = pictures_.find(stem);
    if (picture == pictures_.end()) return;
    if (rows.back().title != title) rows.push_back({title, {}});
    const auto* mark = is_flagged(picture->second.safety) ? "flagged · " : "";
    rows.back().cells.push_back({picture->second.cell, mark + label});
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
  const auto title = run_.picture.picture_name + ": " + run_.picture.source;
  return draw_contact_sheet(rows, fonts_, title, cell_size_for(pictures_.size() + 1));
}

json EditResults::record(bool ended) const {
  auto result = run_json(run_);
  auto pictures = json::array();
  for (const auto& candidate : plan_) {
    const auto picture = pictures_.find(candidate.stem);
    auto entry = candidate_json(candidate);
    if (const auto withheld = withheld_.find(candidate.stem); withheld != withheld_.end()) {
      entry["settings"] = settings_key(run_, candidate);
      entry["safety"] = json::parse(withheld->second);
      result["withheld"].push_back(std::move(entry));
    }
    if (picture == pictures_.end()) continue;
    entry["file"] = candidate.stem + ".png";
    entry["settings"] = picture->second.settings;
    entry["content"] = picture->second.content;
    if (const auto& safety = picture->second.safety; !safety.empty()) entry["safety"] = json::parse(safety);
    if (candidate.kind == Candidate::Kind::reconstruction && reconstruction_db_) {
      entry["psnr"] = *reconstruction_db_;
    }
    if (arrangement_) {
      const auto scores = arrangement_->scores.find(candidate.stem);
      if (scores != arrangement_->scores.end()) entry.update(*scores->second);
    }
    pictures.push_back(std::move(entry));
  }
  const bool complete =
      ended && (arrangement_ ? arrangement_->complete
                             : !run_.automatic && pictures.size() + withheld_.size() == plan_.size());
  result["complete"] = complete;
  result["pictures"] = std::move(pictures);
  if (arrangement_) result["auto"] = *arrangement_->choice;
  // What stays of earlier runs: the same command as then takes them over again.
  for (const auto& picture : finished_.left()) {
    if (pictures_.count(fs::path(picture.file).stem().string())) continue;  // in its place now
    json entry{{"settings", picture.settings}, {"content", picture.content}};
    if (picture.psnr) entry["psnr"] = *picture.psnr;
    if (!picture.safety.empty()) entry["safety"] = json::parse(picture.safety);
    result["earlier"][picture.file] = std::move(entry);
  }
  return result;
}

}  // namespace forgedit
