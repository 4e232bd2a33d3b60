#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/editing/interpolation_kind.h"
#include "forgedit/eval/benchmark.h"
#include "forgedit/metrics/edit_scorer.h"

namespace forgedit {

/// The settings of a candidate, without its seed.
struct EditSetting {
  std::string strategy;  ///< name of a forgetting strategy
  Interpolation interpolation = Interpolation::vector_subtraction;
  double alpha = 0;     ///< vp: α
  double strength = 0;  ///< vs: γ; vp: β
};

/// One image of an edit.
struct PictureRecord {
  std::string file;  ///< file name in the edit's folder
  std::string label;
  bool candidate = true;  ///< false for images that are only for comparison
  bool fixed = false;     ///< generated for the fixed protocol
  bool searched = false;  ///< generated for the automatic choice
  bool chosen = false;    ///< ranked first by the automatic choice
  std::string setting;  ///< name of the setting, equal for all seeds: "donotforget γ 1.2"; empty if unknown
  std::optional<EditSetting> drawn_with;  ///< the setting; nothing in records of earlier versions
  double seconds = 0;                     ///< time of generating; 0 if unknown
  EditScores scores;
};

/// The results of one edit.
struct EditRecord {
  enum class State { done, failed, skipped };
  BenchEdit edit;
  std::string source;  ///< source prompt
  State state = State::done;
  std::string reason;        ///< why it failed or was skipped
  double learn_seconds = 0;  ///< time of fine-tuning, which all edits of the picture with this source share
  std::string scored_by;     ///< EditScorer::weights_fingerprint; empty if unknown
  std::vector<PictureRecord> pictures;

  /// Returns the candidate that the true answer ranks first: right and kept, then right, then nearest to it.
  /// Without a true answer, the one with the highest CLIP score; null without both.
  const PictureRecord* best() const;
};

/// The time that a process spent on parts of a benchmark, in seconds.
struct BenchTimes {
  double learning = 0;
  double drawing = 0;
  double scoring = 0;  ///< runs beside all others if it has its own thread
  double waiting = 0;  ///< waiting for scores, while nothing was fine-tuned or generated
};

/// All metrics that records may have, in the order of tables.
std::vector<Metric> bench_metrics();

nlohmann::json to_json(const EditRecord& record);
nlohmann::json to_json(const BenchTimes& times);

/// Reads the images of a finished edit from its record.json into `record`. Throws Error naming the file and
/// the key.
void read_pictures(const std::filesystem::path& file, EditRecord& record);

/// Means over the finished edits of a set.
struct BenchSummary {
  struct Column {
    EditScores scores;
    double seconds = 0;     ///< fine-tuning, and generating one image or all candidates of a choice
    std::size_t edits = 0;  ///< number of edits in the means
  };
  Column fixed;                ///< an edit counts as the mean over its seeds
  std::optional<Column> best;  ///< the best of each edit's candidates; nothing without CLIP or true answers
  /// More columns by name: the setting that is best for all edits together (by true answers), and the
  /// automatic choice.
  std::vector<std::pair<std::string, Column>> more;
  std::size_t done = 0, failed = 0, skipped = 0;
  std::size_t fewest = 0, most = 0;  ///< numbers of candidates of an edit
};

BenchSummary summarise(const std::vector<EditRecord>& records);

using PictureFilter = std::function<bool(const PictureRecord& picture)>;

/// Returns means over edits, where an edit counts as the mean over its images that pass `filter`.
BenchSummary::Column mean_of(const std::vector<EditRecord>& records, const PictureFilter& filter);

/// The summary as lines of text, where `fixed_name` is the name for the images of the fixed protocol.
std::string summary_table(const BenchSummary& summary, const std::string& fixed_name);
/// The scores of the fixed and best images of every edit, as lines of text.
std::string edits_table(const std::vector<EditRecord>& records);

}  // namespace forgedit
