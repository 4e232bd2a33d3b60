#pragma once

#include <array>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "forgedit/eval/record.h"
#include "forgedit/metrics/edit_scorer.h"

namespace forgedit {

/// Scores the images of one edit in steps, in a thread beside the one that generates. A caller that hands it
/// to that thread may use it again only when the thread has finished its steps.
class EditScoring {
 public:
  using Judge = std::function<std::vector<EditScores>(std::span<const Image> pictures)>;
  /// Returns a function that scores images of `edit` by its true answer.
  using MakeJudge = std::function<Judge(const BenchEdit& edit)>;

  /// `record` contains edit and source; `folder` is the folder of the edit. Without `make_judge`, or without
  /// a true answer, `judge` does nothing.
  EditScoring(EditScorer& scorer, EditRecord record, std::filesystem::path folder, MakeJudge make_judge,
              std::array<std::uint8_t, 3> background);

  /// Runs `step` and adds its time to `seconds`. Does nothing after a step has failed; `error` then returns
  /// its exception.
  void run(const std::function<void(EditScoring& edit)>& step);
  std::exception_ptr error() const { return error_; }
  double seconds() const { return seconds_; }

  // The steps.
  /// Adds images, whose files are complete, to the record, with their scores.
  void score(std::vector<PictureRecord> pictures);
  /// Adds scores by the true answer to all images that lack them.
  void judge();
  /// Writes record.json into the folder.
  void write(double learn_seconds);

  EditRecord& record() { return record_; }

 private:
  /// Reads up to kPicturesAtOnce files of the record's pictures from `first` on.
  std::vector<Image> read_from(std::size_t first) const;

  EditScorer& scorer_;
  EditRecord record_;
  std::filesystem::path folder_;
  MakeJudge make_judge_;
  std::array<std::uint8_t, 3> background_;
  std::optional<EditScorer::Reference> reference_;
  Judge judge_;
  std::size_t scored_ = 0, judged_ = 0;
  std::exception_ptr error_;
  double seconds_ = 0;
};

/// The file in an edit's folder with its scores.
inline constexpr const char* kEditRecordFile = "record.json";
/// The key of the PNG text that contains the seconds that generating the image took.
inline constexpr const char* kSecondsKey = "forgedit-seconds";

/// Returns why an edit failed, in one line. The path of its picture is replaced by the benchmark's name of
/// it, because records contain no local path.
std::string reason_of(const std::exception& error, const BenchEdit& edit);

/// Scores `files`, images of one edit that another program generated.
EditRecord score_pictures(EditScorer& scorer, const BenchEdit& edit,
                          const std::vector<std::filesystem::path>& files,
                          std::array<std::uint8_t, 3> background);

}  // namespace forgedit
