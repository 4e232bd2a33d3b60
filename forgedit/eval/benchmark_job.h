#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/eval/bench_runner.h"
#include "forgedit/eval/published.h"
#include "forgedit/eval/report.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/warm_models.h"

namespace forgedit {

/// A benchmark to run with one fine-tuning method and one sweep.
struct BenchmarkRequest {
  enum class Kind { tedbench, editeval, miniedit, miniedit_s };
  Kind kind = Kind::miniedit;
  std::filesystem::path data;  ///< folder of the benchmark; miniedit, miniedit_s: empty for the bundled one
  std::filesystem::path out;   ///< folder of the run; an unfinished run in it is resumed
  std::optional<PublishedReading> published;  ///< tedbench: each edit with its published settings
  std::optional<double> fixed;  ///< strength (γ or β) of the fixed protocol; nothing: 1.0, vp 1.2
  std::int64_t limit = 0;       ///< only the first edits; 0: all
  std::int64_t every = 1;       ///< only every Nth edit, starting with the first
  BenchWork work;               ///< the part of this process, if several share `out`
  bool keep_learned = false;    ///< keep the saved edit of each picture
  bool reconstruct = false;     ///< also generate the reconstruction of each picture
  bool automatic = false;       ///< also let the automatic choice generate and choose
  std::optional<std::size_t> auto_pictures;  ///< candidates of the automatic choice per edit
  std::optional<std::int64_t> auto_steps;    ///< their sampling steps
  LearnRequest learn;                        ///< fine-tuning settings; its picture is not used
  SweepRequest sweep;
  DrawOptions drawing;
  ScoreFiles judge;
};

/// Returns "tedbench", "editeval", "miniedit" or "miniedit-s".
const char* benchmark_name(BenchmarkRequest::Kind kind);

/// Fine-tunes, generates and scores all edits of a benchmark, and resumes a stopped run in the same folder.
/// The result has two protocols: one fixed setting for all edits, and the best candidate of each.
BenchReport run_benchmark(const BenchmarkRequest& request, WarmModels& models, JobContext& context);

/// Returns a function that gives the progress of a run into `request.out`, of all workers together; edits are
/// its steps. It reads the benchmark once, then looks into the folder every two seconds.
std::function<JobProgress()> benchmark_progress(const BenchmarkRequest& request, const Places& places);

/// Returns a table with the scores that MiniEdit's scorer gives to known answers.
std::string check_scorer(const BenchmarkRequest& request, WarmModels& models, JobContext& context);

/// Writes table.txt, scores.json, report.html and sheet.png into `folder`, and reports them to the listener.
void write_bench_results(const std::filesystem::path& folder, const BenchReport& report, JobContext& context);

/// Returns a short summary: the means by protocol, and answers if there are true ones.
std::string bench_summary(const BenchReport& report);

}  // namespace forgedit
