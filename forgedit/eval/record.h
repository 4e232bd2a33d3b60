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

/// One picture of an edit.
struct PictureRecord {
  std::string file;  ///< inside the edit's folder
  std::string label;
  bool candidate = true;  ///< false for images that are only for comparison
  bool fixed = false;     ///< generated for the fixed protocol
  bool searched = false;  ///< generated for the automatic choice
  bool chosen = false;    ///< by the automatic choice: the best of its three
  std::string setting;  ///< its name, equal for all seeds: "donotforget γ 1.2"; empty where it is not known
  std::optional<EditSetting> drawn_with;  ///< the same as data; nothing in records of earlier versions
  double seconds = 0;                     ///< of generating; 0 if not known
  EditScores scores;
};

/// What came of one edit.
struct EditRecord {
  enum class State { done, failed, left_out };
  BenchEdit edit;
  std::string source;  ///< what learning started from
  State state = State::done;
  std::string reason;        ///< why it failed or was skipped
  double learn_seconds = 0;  ///< once for all edits of a picture with this source
  std::string scored_by;     ///< EditScorer::weights_fingerprint; empty where it is not known
  std::vector<PictureRecord> pictures;

  /// The candidate that the true answer ranks first (right and kept, right, nearest to it); without one that
  /// with the highest CLIP score; nothing without either.
  const PictureRecord* best() const;
};

/// Where a process spent its time on a benchmark, in seconds.
struct BenchTimes {
  double learning = 0;
  double drawing = 0;
  double scoring = 0;  ///< beside all others where it has a thread of its own
  double waiting = 0;  ///< for scores, while nothing was fine-tuned or generated
};

/// All metrics that records may have, in the order of tables.
std::vector<Metric> bench_metrics();

nlohmann::json to_json(const EditRecord& record);
nlohmann::json to_json(const BenchTimes& times);

/// The pictures of a finished edit out of its record.json. Throws Error naming the file and the key.
void read_pictures(const std::filesystem::path& file, EditRecord& record);

/// How a set of edits did, as means over its finished edits.
struct BenchSummary {
  struct Column {
    EditScores scores;
    double seconds = 0;     ///< fine-tuning, and generating one image, or all that a choice was made from
    std::size_t edits = 0;  ///< that the means are over
  };
  Column fixed;                ///< within an edit, the mean over its seeds
  std::optional<Column> best;  ///< the best of each edit's candidates; nothing without CLIP or true answers
  /// By name: the one setting that is best for all edits together (true answers), the automatic choice.
  std::vector<std::pair<std::string, Column>> more;
  std::size_t done = 0, failed = 0, left_out = 0;
  std::size_t fewest = 0, most = 0;  ///< candidates of an edit
};

BenchSummary summarise(const std::vector<EditRecord>& records);

using PictureFilter = std::function<bool(const PictureRecord& picture)>;

/// Means over edits of the means over those of an edit's pictures that pass `filter`.
BenchSummary::Column mean_of(const std::vector<EditRecord>& records, const PictureFilter& filter);

/// Lines of text: the summary, where `fixed_name` stands for the pictures under the fixed protocol ...
std::string summary_table(const BenchSummary& summary, const std::string& fixed_name);
/// ... and the fixed and best pictures of every edit.
std::string edits_table(const std::vector<EditRecord>& records);

}  // namespace forgedit
