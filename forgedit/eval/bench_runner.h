#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "forgedit/eval/edit_scoring.h"
#include "forgedit/eval/record.h"
#include "forgedit/jobs/background_writer.h"
#include "forgedit/pipelines/choice/auto_search.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/pipelines/sampling/edit_session.h"
#include "forgedit/work/work_folder.h"

namespace forgedit {

/// What the automatic choice may generate for one edit.
struct AutoTask {
  EditRequest request;  ///< its target is the edit's
  std::size_t pictures = kAutoPictures;
  std::int64_t steps = kAutoSteps;  ///< sampling steps of a candidate, if the best three have more
};

/// An edit and how to do it.
struct BenchTask {
  BenchEdit edit;
  std::string source;           ///< what learning starts from
  std::vector<Candidate> plan;  ///< images to generate
  std::vector<bool> fixed;      ///< which of them belong to the fixed protocol
  std::string left_out;         ///< why this edit is skipped; empty: it is not
  std::optional<AutoTask> automatic{};
};

/// The callbacks and options of the runner.
struct BenchCallbacks {
  /// Learns `picture` for a task, and saves it to `saved_edit`.
  std::function<LearnedPicture(const BenchTask& task, const Image& picture,
                               const std::filesystem::path& saved_edit)>
      learn;
  /// What to write into a picture's file.
  std::function<PngText(const LearnedPicture& learned, const Candidate& candidate)> text;
  EditScoring::MakeJudge judge;  ///< for edits with true answers; on the thread that scores
  /// Score in a separate thread while the next edits are fine-tuned and generated. Needs room on the device;
  /// on a CPU both would share the same cores.
  bool score_beside = false;
  std::function<void(const std::string& text)> warn;      ///< of how a picture was read
  ProgressCallback progress;                              ///< of generating
  std::function<void(const EditRecord& record)> on_edit;  ///< an edit was done, failed or skipped
  std::array<std::uint8_t, 3> background = kWhite;
  std::function<void()> waiting;  ///< called while other workers do the rest; may throw Cancelled
  bool keep_learned = false;      ///< otherwise a saved edit is deleted when the picture's last edit is done
};

/// How one of several processes takes part in a benchmark.
struct BenchWork {
  Worker worker = this_worker();
  WorkOptions options;
  std::size_t place = 0, places = 1;  ///< which of how many this is: where it begins
};

/// Works through a benchmark in a folder, which several processes may share (WorkFolder), and goes on there
/// after it was stopped, however that happened:
///   run.json            what the run is; another run is refused
///   learned/NAME        saved edits of pictures that still have edits to do; NAME.json says how long it took
///   edits/ID/edit.json  which picture and texts its pictures are of; others are refused
///   edits/ID/*.png      pictures, each written as soon as it is drawn and never drawn again
///   edits/ID/auto-*.png pictures of the automatic choice, likewise
///   edits/ID/area.png   what edits may change under SampleOptions::protect
///   edits/ID/record.json  scores, once all pictures of the edit are there
///   work/               who works on which picture
/// An edit that fails is recorded and does not stop the others; another worker and the next run try it again.
class BenchRunner {
 public:
  /// `settings` describe the run for run.json. Throws a usage Error when the folder holds another run.
  BenchRunner(StableDiffusion& model, EditScorer& scorer, const DrawOptions& drawing,
              std::filesystem::path folder, const nlohmann::json& settings, BenchCallbacks callbacks,
              const BenchWork& work = {});

  /// All tasks, also what other workers have; edits of one picture and source together. Records come in the
  /// order of `tasks`.
  std::vector<EditRecord> run(const std::vector<BenchTask>& tasks);

  const BenchTimes& times() const { return times_; }

 private:
  struct Group;
  struct OpenGroup;
  class GroupLearning;
  using Scoring = std::shared_ptr<EditScoring>;

  void claim(const BenchTask& task) const;
  bool read_finished(const BenchTask& task, EditRecord& record) const;
  bool take_over_finished(const Group& group, std::vector<EditRecord>& records);
  void run_groups(std::vector<Group> groups, std::vector<EditRecord>& records);
  void go_through(std::vector<Group>& groups, std::vector<EditRecord>& records);
  void run_group(const Group& group, Claim claim, std::vector<EditRecord>& records);
  void do_edit(const BenchTask& task, GroupLearning& learning, const Scoring& scoring);
  std::optional<std::size_t> search(const BenchTask& task, GroupLearning& learning, const Scoring& scoring);
  void end_edit(const std::shared_ptr<OpenGroup>& group, EditRecord& record, EditRecord result);
  void close_finished();
  void close(const std::shared_ptr<OpenGroup>& group);
  EditRecord outcome_of(EditScoring& scoring);
  void hand_over(const Scoring& scoring, std::function<void(EditScoring& edit)> step);
  void add_beside(BackgroundWriter::Task work, BackgroundWriter::Task done);
  void wait_for_scores();
  void draw_missing(const BenchTask& task, const std::vector<Candidate>& plan, GroupLearning& learning);
  std::filesystem::path edit_folder(const BenchTask& task) const { return folder_ / "edits" / task.edit.id; }
  std::filesystem::path learned_folder(const std::string& group) const { return folder_ / "learned" / group; }

  StableDiffusion& model_;
  EditScorer& scorer_;
  DrawOptions drawing_;
  std::filesystem::path folder_;
  BenchCallbacks callbacks_;
  std::size_t place_, places_;
  bool is_alone_ = true;
  std::optional<WorkFolder> work_;  // once the folder is known to be this run's
  BenchTimes times_;
  std::vector<std::shared_ptr<OpenGroup>> open_;
  std::optional<BackgroundWriter> beside_;  // scores, while `run` goes on
};

}  // namespace forgedit
