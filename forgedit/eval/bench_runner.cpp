#include "forgedit/eval/bench_runner.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/device/side_stream.h"
#include "forgedit/eval/run_folder.h"
#include "forgedit/jobs/model_judge.h"
#include "forgedit/jobs/supervise.h"
#include "forgedit/pipelines/records/attach_to_model.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPauseOfWaiting{200};
/// An edit on which this many workers died is not tried again.
constexpr int kMostDeaths = 3;
constexpr const char* kEdit = "edit.json";
constexpr const char* kAreaFile = "area.png";
/// The maximum of waiting scoring steps, those of two edits.
constexpr std::size_t kMostWaiting = 4;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool is_picture(const fs::path& file) {
  try {
    read_image(file);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void fail(EditRecord& record, const std::exception& error) {
  if (breaks_worker(error)) throw WorkerBroken(reason_of(error, record.edit));
  record.state = EditRecord::State::failed;
  record.reason = reason_of(error, record.edit);
  record.pictures.clear();
}

void add_setting(PictureRecord& picture, const Candidate& candidate) {
  if (candidate.kind != Candidate::Kind::edit) return;
  picture.setting = candidate.strategy->name + (" " + strength_text(candidate));
  picture.drawn_with =
      EditSetting{candidate.strategy->name, candidate.interpolation, candidate.alpha, candidate.strength};
}

PictureRecord record_of(const BenchTask& task, std::size_t i) {
  const auto& candidate = task.plan[i];
  PictureRecord picture;
  picture.file = candidate.stem + ".png";
  picture.label = candidate.label;
  picture.candidate = candidate.kind == Candidate::Kind::edit;
  if (candidate.strategy) picture.label += std::string("  ") + candidate.strategy->name;
  if (candidate.kind == Candidate::Kind::unlearned) picture.label = "untouched model  " + picture.label;
  picture.fixed = task.fixed.at(i);
  add_setting(picture, candidate);
  return picture;
}

}  // namespace

/// Edits that share the learned weights.
struct BenchRunner::Group {
  std::vector<std::size_t> tasks;
  const std::vector<BenchTask>* all;
  std::string name;  ///< name of the saved edit
};

/// A group that this worker has claimed. It stays open until on_edit was called for all of its edits.
struct BenchRunner::OpenGroup {
  Claim claim;
  std::size_t left;  ///< number of edits still to be scored
  bool all_done = true;
};

BenchRunner::BenchRunner(StableDiffusion& model, EditScorer& scorer, const DrawOptions& drawing,
                         fs::path folder, const json& settings, BenchCallbacks callbacks,
                         const BenchWork& work)
    : model_(model),
      scorer_(scorer),
      drawing_(drawing),
      folder_(std::move(folder)),
      callbacks_(std::move(callbacks)),
      place_(work.place),
      places_(std::max<std::size_t>(work.places, 1)) {
  claim_run_folder(folder_, settings);
  is_alone_ = living_workers(folder_ / "work").empty();
  work_.emplace(folder_ / "work", work.worker, work.options);
}

/// The learned weights of a group; fine-tuned or read when the first image must be generated.
class BenchRunner::GroupLearning {
 public:
  GroupLearning(BenchRunner& runner, const std::string& name)
      : runner_(runner), saved_(runner.learned_folder(name)), timing_(saved_.string() + ".json") {}

  /// Throws the same failure again if fine-tuning has failed before.
  const LearnedPicture& learned(const BenchTask& task) {
    if (!failed_.empty()) throw failure(failed_);
    if (learned_) return *learned_;
    try {
      if (!read(task)) learn(task);
    } catch (const Cancelled&) {
      throw;
    } catch (const std::exception& error) {
      failed_ = reason_of(error, task.edit);
      throw failure(failed_);
    }
    return *learned_;
  }
  EditSession& session(const BenchTask& task) {
    const auto& picture = learned(task);
    if (!session_) session_.emplace(runner_.model_, picture.result, picture.grid);
    return *session_;
  }
  /// The session, if an image was generated in this run; else null.
  EditSession* open_session() { return session_ ? &*session_ : nullptr; }
  /// Seconds of fine-tuning, in this run or an earlier one; 0 if unknown.
  double seconds() const { return fs::exists(timing_) ? ConfigReader(timing_).number("seconds", {}) : 0; }

 private:
  bool read(const BenchTask& task) {
    if (!fs::exists(saved_ / "learned.json") || !fs::exists(timing_)) return false;
    auto learned = read_saved_edit(saved_);
    if (learned.source != task.source) return false;
    attach_to_model(learned, runner_.model_, saved_.string());
    learned_ = std::move(learned);
    return true;
  }
  void learn(const BenchTask& task) {
    const auto picture = read_image(task.edit.picture, runner_.callbacks_.background);
    for (const auto& note : picture.notes) runner_.callbacks_.warn(note);
    make_directory(saved_.parent_path());
    const auto start = Clock::now();
    learned_ = runner_.callbacks_.learn(task, picture, saved_);
    synchronize(runner_.model_.policy.device);
    const auto seconds = seconds_since(start);
    runner_.times_.learning += seconds;
    write_file_atomically(timing_, json_text({{"seconds", seconds}}) + "\n");
  }

  BenchRunner& runner_;
  fs::path saved_, timing_;
  std::optional<LearnedPicture> learned_;
  std::optional<EditSession> session_;
  std::string failed_;
};

/// Throws a failure if the folder of the edit contains images of another picture or other texts.
void BenchRunner::claim(const BenchTask& task) const {
  if (is_alone_) clear_leftovers(edit_folder(task));
  const json wanted{{"source", task.source},
                    {"target", task.edit.target},
                    {"picture", content_hash(read_file(task.edit.picture))}};
  const auto file = edit_folder(task) / kEdit;
  if (!fs::exists(file)) {
    make_directory(file.parent_path());
    write_file_atomically(file, json_text(wanted, 1) + "\n");
    return;
  }
  json found;
  try {
    found = read_json_object(file);
  } catch (const Error&) {
    throw failure("edits/" + task.edit.id + "/" + kEdit + " is damaged: delete that folder");
  }
  for (const auto& [key, value] : wanted.items()) {
    if (found.contains(key) && found[key] == value) continue;
    throw failure("edits/" + task.edit.id + " contains images of another " + key +
                  ": delete that folder, or choose another one for the run");
  }
}

bool BenchRunner::read_finished(const BenchTask& task, EditRecord& record) const {
  const auto file = edit_folder(task) / kEditRecordFile;
  if (!fs::exists(file)) return false;
  try {
    read_pictures(file, record);
  } catch (const Error&) {
    return false;  // damaged: scored again
  }
  // With another --clip or --lpips, images are scored again, but not generated again.
  if (record.scored_by != scorer_.weights_fingerprint()) return false;
  const bool judges = callbacks_.judge && task.edit.answer;
  return std::all_of(record.pictures.begin(), record.pictures.end(), [&](const auto& picture) {
    return fs::exists(edit_folder(task) / picture.file) && (!judges || picture.scores.count("right") > 0);
  });
}

std::vector<EditRecord> BenchRunner::run(const std::vector<BenchTask>& tasks) {
  std::vector<EditRecord> records(tasks.size());
  std::vector<Group> groups;
  std::map<std::pair<std::string, std::string>, std::string> names;  // the first edit's ID
  std::map<std::string, std::size_t> group_of;
  std::set<std::string> unfinished;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    auto& record = records[i];
    record.edit = tasks[i].edit;
    record.source = tasks[i].source;
    record.reason = tasks[i].skipped;
    if (!record.reason.empty()) {
      record.state = EditRecord::State::skipped;
      callbacks_.on_edit(record);
      continue;
    }
    // This comes before finished edits are skipped, so that a saved edit has the same name in every run.
    const auto name =
        names.emplace(std::pair(tasks[i].edit.picture_name, tasks[i].source), tasks[i].edit.id).first->second;
    try {
      claim(tasks[i]);
    } catch (const Error& error) {
      record.state = EditRecord::State::failed;
      record.reason = reason_of(error, tasks[i].edit);
      callbacks_.on_edit(record);
      unfinished.insert(name);
      continue;
    }
    if (read_finished(tasks[i], record)) {
      callbacks_.on_edit(record);
      continue;
    }
    const auto [at, is_new] = group_of.emplace(name, groups.size());
    if (is_new) groups.push_back({{}, &tasks, name});
    unfinished.insert(name);
    groups[at->second].tasks.push_back(i);
  }
  // A run that was killed while deleting a saved edit has left a part of it.
  for (const auto& [key, name] : names) {
    if (!callbacks_.keep_learned && unfinished.count(name) == 0) remove_tree(learned_folder(name));
  }
  std::vector<std::size_t> tried;
  for (const auto& group : groups) tried.insert(tried.end(), group.tasks.begin(), group.tasks.end());
  run_groups(std::move(groups), records);
  // Another worker may have done edits that failed here.
  for (const auto i : tried) {
    auto record = records[i];
    if (record.state != EditRecord::State::failed || !read_finished(tasks[i], record)) continue;
    record.state = EditRecord::State::done;
    record.reason.clear();
    records[i] = std::move(record);
  }
  if (clear_dead_workers(folder_ / "work", work_->worker().name)) clear_leftovers(folder_);
  return records;
}

/// Reads the records of a group if another worker has finished all of it. Returns whether it has.
bool BenchRunner::take_over_finished(const Group& group, std::vector<EditRecord>& records) {
  std::vector<EditRecord> found;
  for (const auto i : group.tasks) {
    auto record = records[i];
    if (!read_finished((*group.all)[i], record)) return false;
    found.push_back(std::move(record));
  }
  for (std::size_t k = 0; k < found.size(); ++k) {
    auto& record = records[group.tasks[k]] = std::move(found[k]);
    callbacks_.on_edit(record);
  }
  return true;
}

/// Runs groups that no living worker has claimed, starting at this worker's place in the list, until all are
/// done.
void BenchRunner::run_groups(std::vector<Group> groups, std::vector<EditRecord>& records) {
  std::rotate(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(groups.size() * place_ / places_),
              groups.end());
  beside_.emplace(callbacks_.score_beside ? kMostWaiting : 0);
  try {
    go_through(groups, records);
  } catch (...) {
    beside_.reset();  // images generated so far are scored before this returns
    for (const auto& open : std::exchange(open_, {})) work_->release(open->claim);
    throw;
  }
  beside_.reset();
}

void BenchRunner::go_through(std::vector<Group>& groups, std::vector<EditRecord>& records) {
  while (!groups.empty()) {
    const auto before = groups.size();
    std::erase_if(groups, [&](const Group& group) {
      auto claim = work_->claim(group.name);
      if (!claim) return take_over_finished(group, records);
      run_group(group, std::move(*claim), records);
      return true;
    });
    if (groups.size() < before && !groups.empty()) continue;
    wait_for_scores();
    if (groups.empty()) return;
    if (callbacks_.waiting) callbacks_.waiting();
    std::this_thread::sleep_for(kPauseOfWaiting);
  }
}

/// Fine-tunes and generates; the group stays open until its images are scored.
void BenchRunner::run_group(const Group& group, Claim claim, std::vector<EditRecord>& records) {
  const auto open = std::make_shared<OpenGroup>(OpenGroup{std::move(claim), group.tasks.size()});
  open_.push_back(open);
  if (take_over_finished(group, records)) return close(open);
  GroupLearning learning(*this, group.name);
  for (const auto i : group.tasks) {
    const auto& task = (*group.all)[i];
    const auto losses = work_->losses(group.name);
    const auto deaths = std::count_if(losses.begin(), losses.end(),
                                      [&](const Loss& loss) { return loss.item == task.edit.id; });
    // After a worker died, edits are run one by one, so that the next death is attributed to the right one.
    if (!losses.empty()) wait_for_scores();
    auto result = records[i];
    Scoring scoring;
    try {
      if (deaths >= kMostDeaths) throw failure(std::to_string(deaths) + " workers died on this edit");
      work_->begin(task.edit.id);
      if (!read_finished(task, result)) {
        scoring = std::make_shared<EditScoring>(scorer_, result, edit_folder(task), callbacks_.judge,
                                                callbacks_.background);
        do_edit(task, learning, scoring);
      }
    } catch (const Cancelled&) {
      throw;
    } catch (const std::exception& error) {
      fail(result, error);
      scoring.reset();
    }
    add_beside([] {},
               [this, open, scoring, result, &record = records[i]] {
                 end_edit(open, record, scoring ? outcome_of(*scoring) : result);
               });
    if (!losses.empty()) wait_for_scores();
  }
}

void BenchRunner::end_edit(const std::shared_ptr<OpenGroup>& group, EditRecord& record, EditRecord result) {
  group->all_done &= result.state == EditRecord::State::done;
  record = std::move(result);
  callbacks_.on_edit(record);
  --group->left;
}

/// Closes groups whose edits are all scored.
void BenchRunner::close_finished() {
  for (const auto& group : std::vector(open_)) {  // a copy, because close() removes the group
    if (group->left == 0) close(group);
  }
}

void BenchRunner::close(const std::shared_ptr<OpenGroup>& group) {
  if (group->all_done && !callbacks_.keep_learned) remove_tree(learned_folder(group->claim.unit));
  work_->release(group->claim);
  std::erase(open_, group);
}

EditRecord BenchRunner::outcome_of(EditScoring& scoring) {
  times_.scoring += scoring.seconds();
  auto& record = scoring.record();
  try {
    if (const auto error = scoring.error()) std::rethrow_exception(error);
  } catch (const Cancelled&) {
    throw;
  } catch (const std::exception& error) {
    fail(record, error);
  }
  return record;
}

void BenchRunner::do_edit(const BenchTask& task, GroupLearning& learning, const Scoring& scoring) {
  draw_missing(task, task.plan, learning);
  std::vector<PictureRecord> pictures;
  for (std::size_t i = 0; i < task.plan.size(); ++i) pictures.push_back(record_of(task, i));
  hand_over(scoring, [pictures](EditScoring& edit) {
    edit.score(pictures);
    edit.judge();
  });
  const auto chosen = task.automatic ? search(task, learning, scoring) : std::nullopt;
  hand_over(scoring, [chosen, seconds = learning.seconds()](EditScoring& edit) {
    if (chosen) edit.record().pictures.at(*chosen).chosen = true;
    edit.write(seconds);
  });
}

/// Runs the automatic choice as `edit --auto` does. Returns the index of the best image in the record. It
/// uses only the scorer's values, not those by the true answer, and waits only for the former.
std::optional<std::size_t> BenchRunner::search(const BenchTask& task, GroupLearning& learning,
                                               const Scoring& scoring) {
  AutoSearch search(task.automatic->request, task.automatic->pictures, task.automatic->steps);
  std::map<std::string, std::size_t> places;  // index in the record, by the search's stems
  std::optional<ModelJudge> model_judge;      // without a CLIP model
  if (scorer_.skipped().count("clip_direction") > 0) {
    model_judge.emplace(model_, learning.learned(task).frame,
                        read_image(task.edit.picture, callbacks_.background), task.source);
  }
  const auto draw_and_add = [&](const std::vector<Candidate>& round) {
    auto named = round;
    for (auto& candidate : named) candidate.stem = "auto-" + candidate.stem;
    draw_missing(task, named, learning);
    std::vector<PictureRecord> pictures(round.size());
    for (std::size_t i = 0; i < round.size(); ++i) {
      pictures[i].file = named[i].stem + ".png";
      pictures[i].label = round[i].label + "  " + round[i].strategy->name;
      pictures[i].searched = true;
    }
    hand_over(scoring, [pictures](EditScoring& edit) { edit.score(pictures); });
    wait_for_scores();
    if (const auto error = scoring->error()) std::rethrow_exception(error);
    for (std::size_t i = 0; i < round.size(); ++i) {
      const auto place = task.plan.size() + places.size();
      auto& scores = scoring->record().pictures.at(place).scores;
      if (model_judge) {
        const auto image = read_image(edit_folder(task) / pictures[i].file);
        scores.merge(model_judge->score(round[i], image, learning.open_session()));
      }
      search.add(round[i], scores);
      places.emplace(round[i].stem, place);
    }
    hand_over(scoring, [](EditScoring& edit) { edit.judge(); });
  };
  for (auto round = search.next_round(); !round.empty(); round = search.next_round()) draw_and_add(round);
  if (const auto last = search.final_round(); !last.empty()) draw_and_add(last);
  const auto choice = search.choose();
  if (choice.best.empty()) return {};  // no candidate has a score: nothing is chosen
  return places.at(search.shown_for(search.scored().at(choice.best.front().place).candidate).stem);
}

/// Queues a scoring step of an edit, after all steps queued before.
void BenchRunner::hand_over(const Scoring& scoring, std::function<void(EditScoring& edit)> step) {
  add_beside(
      [scoring, step = std::move(step), device = model_.policy.device] {
        const SideStream stream(device);
        scoring->run(step);
      },
      {});
}

void BenchRunner::add_beside(BackgroundThread::Task work, BackgroundThread::Task done) {
  const auto start = Clock::now();
  beside_->add(std::move(work), std::move(done));
  times_.waiting += seconds_since(start);
  close_finished();
}

void BenchRunner::wait_for_scores() {
  const auto start = Clock::now();
  beside_->drain();
  times_.waiting += seconds_since(start);
  close_finished();
}

void BenchRunner::draw_missing(const BenchTask& task, const std::vector<Candidate>& plan,
                               GroupLearning& learning) {
  const auto folder = edit_folder(task);
  std::set<std::string> missing;
  for (const auto& candidate : plan) {
    if (!is_picture(folder / (candidate.stem + ".png"))) missing.insert(candidate.stem);
  }
  if (missing.empty()) return;
  const auto& learned = learning.learned(task);
  BackgroundThread writer;
  const auto start = Clock::now();
  auto last = start;
  const auto keep = [&](const Candidate& candidate, const Image& grid) {
    auto text = callbacks_.text(learned, candidate);
    // The time of a batch is assigned to its first image, except that of decoding. Sums and means are right.
    text.emplace_back(kSecondsKey, std::to_string(seconds_since(last)));
    writer.add([file = folder / (candidate.stem + ".png"), image = from_grid(grid, learned.frame),
                text = std::move(text)] { write_png(file, image, text); });
    last = Clock::now();
  };
  const auto keep_area = [&](const std::string&, const Mask& area) {
    write_png(folder / kAreaFile, from_grid(to_image(area), learned.frame));
  };
  learning.session(task).generate(
      plan, drawing_, {keep, callbacks_.progress, {}, keep_area},
      [&](const Candidate& candidate) { return missing.count(candidate.stem) > 0; });
  writer.drain();
  times_.drawing += seconds_since(start);
}

}  // namespace forgedit
