#include "forgedit/eval/edit_scoring.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json_text.h"
#include "forgedit/core/parallel.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Memory for 16 pictures of 1024x1024 is 50 MB.
constexpr std::size_t kPicturesAtOnce = 16;

/// Returns the seconds of generating that an image file contains; 0 if it contains none.
double drawn_in(const fs::path& file) {
  for (const auto& [key, text] : read_png_text(file)) {
    if (key == kSecondsKey) return std::strtod(text.c_str(), nullptr);
  }
  return 0;
}

}  // namespace

EditScoring::EditScoring(EditScorer& scorer, EditRecord record, fs::path folder, MakeJudge make_judge,
                         std::array<std::uint8_t, 3> background)
    : scorer_(scorer),
      record_(std::move(record)),
      folder_(std::move(folder)),
      make_judge_(std::move(make_judge)),
      background_(background) {
  record_.scored_by = scorer_.weights_fingerprint();
  record_.pictures.clear();
}

void EditScoring::run(const std::function<void(EditScoring& edit)>& step) {
  if (error_) return;
  const auto start = Clock::now();
  try {
    step(*this);
  } catch (...) {
    error_ = std::current_exception();
  }
  seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<Image> EditScoring::read_from(std::size_t first) const {
  std::vector<Image> pictures(std::min(kPicturesAtOnce, record_.pictures.size() - first));
  parallel_for(std::ssize(pictures), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      pictures[i] = read_image(folder_ / record_.pictures[first + i].file);
    }
  });
  return pictures;
}

void EditScoring::score(std::vector<PictureRecord> pictures) {
  if (!reference_) {
    const auto original = read_image(record_.edit.picture, background_);
    reference_ = scorer_.prepare(original, record_.edit.target, record_.source);
  }
  for (auto& each : pictures) {
    each.seconds = drawn_in(folder_ / each.file);
    record_.pictures.push_back(std::move(each));
  }
  while (scored_ < record_.pictures.size()) {
    for (auto& scores : scorer_.score(*reference_, read_from(scored_))) {
      record_.pictures[scored_++].scores = std::move(scores);
    }
  }
}

void EditScoring::judge() {
  if (!make_judge_ || !record_.edit.answer) return;
  if (!judge_) judge_ = make_judge_(record_.edit);
  while (judged_ < record_.pictures.size()) {
    for (auto& scores : judge_(read_from(judged_))) record_.pictures[judged_++].scores.merge(scores);
  }
}

void EditScoring::write(double learn_seconds) {
  record_.learn_seconds = learn_seconds;
  write_file_atomically(folder_ / kEditRecordFile, json_text(to_json(record_), 1) + "\n");
}

std::string reason_of(const std::exception& error, const BenchEdit& edit) {
  std::string text = error.what();
  text = text.substr(0, text.find('\n'));
  const auto path = edit.picture.string();
  if (const auto at = text.find(path); at != std::string::npos) {
    text.replace(at, path.size(), edit.picture_name);
  }
  return text;
}

EditRecord score_pictures(EditScorer& scorer, const BenchEdit& edit, const std::vector<fs::path>& files,
                          std::array<std::uint8_t, 3> background) {
  EditRecord record;
  record.edit = edit;
  record.source = edit.source.value_or("");
  try {
    const auto reference = scorer.prepare(read_image(edit.picture, background), edit.target, edit.source);
    for (std::size_t i = 0; i < files.size(); ++i) {
      PictureRecord picture;
      picture.file = files[i].string();
      picture.label = files[i].filename().string();
      picture.fixed = true;
      picture.scores = scorer.score(reference, read_image(files[i], background));
      record.pictures.push_back(std::move(picture));
    }
  } catch (const Cancelled&) {
    throw;
  } catch (const std::exception& error) {
    record.state = EditRecord::State::failed;
    record.reason = reason_of(error, edit);
    record.pictures.clear();
  }
  return record;
}

}  // namespace forgedit
