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

/// Scores the pictures of one edit, step by step, in a thread beside the one that generates: whoever hands it
/// to another thread looks at it again only when that one has done its steps.
class EditScoring {
 public:
  using Judge = std::function<std::vector<EditScores>(std::span<const Image> pictures)>;
  /// Scores the images of an edit by its true answer.
  using MakeJudge = std::function<Judge(const BenchEdit& edit)>;

  /// `record` has edit and source. `folder` is the edit's. Without `make_judge`, or a true answer, nothing is
  /// judged.
  EditScoring(EditScorer& scorer, EditRecord record, std::filesystem::path folder, MakeJudge make_judge,
              std::array<std::uint8_t, 3> background);

  /// Runs `step` and counts its seconds; nothing after a step has failed, which `error` then says.
  void run(const std::function<void(EditScoring& edit)>& step);
  std::exception_ptr error() const { return error_; }
  double seconds() const { return seconds_; }

  // Steps.
  /// Adds pictures to the record, with the scorer's values of their files, which are complete.
  void score(std::vector<PictureRecord> pictures);
  /// Adds the scores of the judge to all images that lack them.
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

/// What an edit's folder holds once it is scored.
inline constexpr const char* kEditRecordFile = "record.json";
/// The key of a PNG's text with the seconds that generating the image took.
inline constexpr const char* kSecondsKey = "forgedit-seconds";

/// Why an edit failed, in one line; its picture goes by the benchmark's name, as records hold no local path.
std::string reason_of(const std::exception& error, const BenchEdit& edit);

/// Scores `files`, pictures of one edit that were made elsewhere.
EditRecord score_pictures(EditScorer& scorer, const BenchEdit& edit,
                          const std::vector<std::filesystem::path>& files,
                          std::array<std::uint8_t, 3> background);

}  // namespace forgedit
