#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "forgedit/eval/edit_scoring.h"
#include "forgedit/eval/record.h"
#include "forgedit/jobs/background_thread.h"
#include "forgedit/pipelines/choice/auto_search.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/pipelines/sampling/edit_session.h"
#include "forgedit/work/work_folder.h"

namespace forgedit {

/// Settings of the automatic choice for one edit.
struct AutoTask {
  EditRequest request;  ///< has the target of the edit
  std::size_t pictures = kAutoPictures;
  std::int64_t steps = kAutoSteps;  ///< sampling steps of a candidate, if the best three have more
};

/// An edit with its settings.
struct BenchTask {
  BenchEdit edit;
  std::string source;           ///< source prompt
  std::vector<Candidate> plan;  ///< images to generate
  std::vector<bool> fixed;      ///< for each image whether it belongs to the fixed protocol
  std::string skipped;          ///< why this edit is skipped; empty: it is not skipped
  std::optional<AutoTask> automatic{};
};

/// The callbacks and options of the runner.
struct BenchCallbacks {
  /// Fine-tunes on `picture` for a task, and saves the weights to `saved_edit`.
  std::function<LearnedPicture(const BenchTask& task, const Image& picture,
                               const std::filesystem::path& saved_edit)>
      learn;
  /// Returns the text chunks of an image's file.
  std::function<PngText(const LearnedPicture& learned, const Candidate& candidate)> text;
  EditScoring::MakeJudge judge;  ///< for edits with true answers; called on the thread that scores
  /// Score in a separate thread while the next edits are fine-tuned and generated. Needs room on the device;
  /// on a CPU both would share the same cores.
  bool score_beside = false;
  std::function<void(const std::string& text)> warn;      ///< receives notes on how a picture was read
  ProgressCallback progress;                              ///< progress of generating
  std::function<void(const EditRecord& record)> on_edit;  ///< called when an edit is done, failed or skipped
  std::array<std::uint8_t, 3> background = kWhite;
  std::function<void()> waiting;  ///< called while other workers do the remaining edits; may throw Cancelled
  bool keep_learned = false;      ///< keep saved edits after the last edit of their picture
};

/// How one of several processes takes part in a benchmark.
struct BenchWork {
  Worker worker = this_worker();
  WorkOptions options;
  std::size_t place = 0, places = 1;  ///< index and number of workers: where this one begins
};

/// Runs a benchmark in a folder, which several processes may share (WorkFolder). A stopped or killed run
/// resumes there:
///   run.json            settings of the run; a run with other settings is rejected
///   learned/NAME        saved edits of pictures with unfinished edits; NAME.json: seconds of fine-tuning
///   edits/ID/edit.json  picture, source and target of the images; an edit with other ones fails
///   edits/ID/*.png      images, each written as soon as it is generated and never generated again
///   edits/ID/auto-*.png images of the automatic choice, likewise
///   edits/ID/area.png   the area that edits may change under SampleOptions::protect
///   edits/ID/record.json  scores, written when all images of the edit exist
///   work/               which worker has which picture
/// An edit that fails is recorded and does not stop the others; other workers and the next run try it again.
class BenchRunner {
 public:
  /// `settings` are the contents of run.json. Throws a usage Error if the folder contains a run with other
  /// settings.
  BenchRunner(StableDiffusion& model, EditScorer& scorer, const DrawOptions& drawing,
              std::filesystem::path folder, const nlohmann::json& settings, BenchCallbacks callbacks,
              const BenchWork& work = {});

  /// Runs all tasks, and waits for those of other workers. Edits of one picture and source are run together.
  /// Returns records in the order of `tasks`.
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
  void add_beside(BackgroundThread::Task work, BackgroundThread::Task done);
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
  std::optional<WorkFolder> work_;  // set when the folder is known to belong to this run
  BenchTimes times_;
  std::vector<std::shared_ptr<OpenGroup>> open_;
  std::optional<BackgroundThread> beside_;  // thread for scoring, while `run` runs
};

}  // namespace forgedit
