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
#include "forgedit/core/text.h"
#include "forgedit/jobs/background_writer.h"
#include "forgedit/jobs/supervise.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPauseOfWaiting{200};
/// An edit that took so many workers with it is not tried again.
constexpr int kMostDeaths = 3;
constexpr const char* kRun = "run.json";
constexpr const char* kEdit = "edit.json";
constexpr const char* kRecord = "record.json";
constexpr const char* kSecondsKey = "forgedit-seconds";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Why an edit failed, in one line; its picture goes by the benchmark's name, as records hold no local path.
std::string reason_of(const std::exception& error, const BenchEdit& edit) {
  std::string text = error.what();
  text = text.substr(0, text.find('\n'));
  const auto path = edit.picture.string();
  if (const auto at = text.find(path); at != std::string::npos) {
    text.replace(at, path.size(), edit.picture_name);
  }
  return text;
}

/// How long a picture took, as its file says; 0 where it does not.
double drawn_in(const fs::path& file) {
  for (const auto& [key, text] : read_png_text(file)) {
    if (key == kSecondsKey) return std::strtod(text.c_str(), nullptr);
  }
  return 0;
}

bool is_picture(const fs::path& file) {
  try {
    read_image(file);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Whether a folder holds more than locks and what killed processes left half-written.
bool holds_something(const fs::path& folder) {
  const auto names = list_directory(folder);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return fs::path(name).extension() != ".tmp" && !starts_with(name, ".forgedit");
  });
}

/// A run goes on only under the settings it began with.
void claim_folder(const fs::path& folder, const json& settings) {
  const auto file = folder / kRun;
  // Locks, which tell what the living write, may do nothing on a network's file system.
  if (living_workers(folder / "work").empty()) clear_leftovers(folder);
  if (!fs::exists(file)) {
    make_directory(folder);
    if (holds_something(folder)) {
      throw usage_error(folder.string() + ": holds something other than a benchmark: name another folder");
    }
    if (write_new_file(file, json_text(settings, 1) + "\n")) return;
  }
  const auto found = read_json_object(file);
  for (const auto& [key, value] : settings.items()) {
    if (found.contains(key) && found[key] == value) continue;
    throw usage_error(folder.string() + ": holds a run with other settings (" + key +
                      "): go on with the same, or name another folder");
  }
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
  if (candidate.kind == Candidate::Kind::unlearned) picture.label = "without learning  " + picture.label;
  picture.fixed = task.fixed.at(i);
  add_setting(picture, candidate);
  return picture;
}

}  // namespace

/// Edits that share what is learned.
struct BenchRunner::Group {
  std::vector<std::size_t> tasks;
  const std::vector<BenchTask>* all;
  std::string name;  ///< of the saved edit
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
  claim_folder(folder_, settings);
  is_alone_ = living_workers(folder_ / "work").empty();
  work_.emplace(folder_ / "work", work.worker, work.options);
}

/// What a group's edits share, learned or read when the first picture has to be drawn.
class BenchRunner::GroupLearning {
 public:
  GroupLearning(BenchRunner& runner, const std::string& name)
      : runner_(runner), saved_(runner.folder_ / "learned" / name), timing_(saved_.string() + ".json") {}

  /// Throws again what it failed with before.
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
  /// How long learning took, in this run or an earlier one; 0 where that is not known.
  double seconds() const { return fs::exists(timing_) ? ConfigReader(timing_).number("seconds", {}) : 0; }
  void forget() const { remove_tree(saved_); }

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
    write_file_atomically(timing_, json_text({{"seconds", seconds_since(start)}}) + "\n");
  }

  BenchRunner& runner_;
  fs::path saved_, timing_;
  std::optional<LearnedPicture> learned_;
  std::optional<EditSession> session_;
  std::string failed_;
};

/// Pictures that an edit's folder holds already must be of the same picture and texts.
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
    throw failure("edits/" + task.edit.id + "/" + kEdit + " is damaged: remove that folder");
  }
  for (const auto& [key, value] : wanted.items()) {
    if (found.contains(key) && found[key] == value) continue;
    throw failure("edits/" + task.edit.id + " holds pictures of another " + key +
                  ": remove that folder, or name another for the run");
  }
}

bool BenchRunner::read_finished(const BenchTask& task, EditRecord& record) const {
  const auto file = edit_folder(task) / kRecord;
  if (!fs::exists(file)) return false;
  try {
    read_pictures(file, record);
  } catch (const Error&) {
    return false;  // damaged: scored anew
  }
  // Another --clip or --lpips judges anew; nothing has to be drawn for that.
  if (record.scored_by != scorer_.weights_fingerprint()) return false;
  const bool judges = callbacks_.judge && task.edit.answer;
  return std::all_of(record.pictures.begin(), record.pictures.end(), [&](const auto& picture) {
    return fs::exists(edit_folder(task) / picture.file) && (!judges || picture.scores.count("right") > 0);
  });
}

std::vector<EditRecord> BenchRunner::run(const std::vector<BenchTask>& tasks) {
  std::vector<EditRecord> records(tasks.size());
  std::vector<Group> groups;
  std::map<std::pair<std::string, std::string>, std::string> names;  // the first edit's own, which is unique
  std::map<std::string, std::size_t> group_of;
  std::set<std::string> unfinished;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    auto& record = records[i];
    record.edit = tasks[i].edit;
    record.source = tasks[i].source;
    record.reason = tasks[i].left_out;
    if (!record.reason.empty()) {
      record.state = EditRecord::State::left_out;
      callbacks_.on_edit(record);
      continue;
    }
    // Before finished edits are passed over: a saved edit has the same name in every run.
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
  // A run that was killed while it removed what it had learned left a part of it.
  for (const auto& [key, name] : names) {
    if (!callbacks_.keep_learned && unfinished.count(name) == 0) remove_tree(folder_ / "learned" / name);
  }
  std::vector<std::size_t> tried;
  for (const auto& group : groups) tried.insert(tried.end(), group.tasks.begin(), group.tasks.end());
  run_groups(std::move(groups), records);
  // What failed here another worker may have done since.
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

/// What another worker has finished of a group: whether that is all of it.
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

/// Those that no living worker has, from this worker's own place in the list on, until none is left.
void BenchRunner::run_groups(std::vector<Group> groups, std::vector<EditRecord>& records) {
  std::rotate(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(groups.size() * place_ / places_),
              groups.end());
  while (!groups.empty()) {
    const auto before = groups.size();
    std::erase_if(groups, [&](const Group& group) {
      const auto claim = work_->claim(group.name);
      if (!claim) return take_over_finished(group, records);
      try {
        if (!take_over_finished(group, records)) run_group(group, records);
      } catch (...) {
        work_->release(*claim);
        throw;
      }
      work_->release(*claim);
      return true;
    });
    if (groups.size() < before || groups.empty()) continue;
    if (callbacks_.waiting) callbacks_.waiting();
    std::this_thread::sleep_for(kPauseOfWaiting);
  }
}

void BenchRunner::run_group(const Group& group, std::vector<EditRecord>& records) {
  GroupLearning learning(*this, group.name);
  bool all_done = true;
  for (const auto i : group.tasks) {
    const auto& task = (*group.all)[i];
    auto& record = records[i];
    const auto losses = work_->losses(group.name);
    const auto deaths = std::count_if(losses.begin(), losses.end(),
                                      [&](const Loss& loss) { return loss.item == task.edit.id; });
    try {
      if (deaths >= kMostDeaths) throw failure(std::to_string(deaths) + " workers died of it");
      work_->begin(task.edit.id);
      if (!read_finished(task, record)) do_edit(task, learning, record);
    } catch (const Cancelled&) {
      throw;
    } catch (const std::exception& error) {
      if (breaks_worker(error)) throw WorkerBroken(reason_of(error, task.edit));
      record.state = EditRecord::State::failed;
      record.reason = reason_of(error, task.edit);
      record.pictures.clear();
      all_done = false;
    }
    callbacks_.on_edit(record);
  }
  if (all_done && !callbacks_.keep_learned) learning.forget();
}

void BenchRunner::do_edit(const BenchTask& task, GroupLearning& learning, EditRecord& record) {
  draw_missing(task, task.plan, learning);
  const auto original = read_image(task.edit.picture, callbacks_.background);
  const auto reference = scorer_.prepare(original, task.edit.target, task.source);
  const Judge judge = callbacks_.judge && task.edit.answer ? callbacks_.judge(task.edit) : nullptr;
  record.scored_by = scorer_.weights_fingerprint();
  record.pictures.clear();
  for (std::size_t i = 0; i < task.plan.size(); ++i) {
    record.pictures.push_back(score(task, record_of(task, i), reference, judge));
  }
  if (task.automatic) search(task, learning, reference, judge, record);
  record.learn_seconds = learning.seconds();
  write_file_atomically(edit_folder(task) / kRecord, json_text(to_json(record), 1) + "\n");
}

PictureRecord BenchRunner::score(const BenchTask& task, PictureRecord picture,
                                 const EditScorer::Reference& reference, const Judge& judge) {
  const auto file = edit_folder(task) / picture.file;
  picture.seconds = drawn_in(file);
  const auto drawn = read_image(file);
  picture.scores = scorer_.score(reference, drawn);
  if (judge) picture.scores.merge(judge(drawn));
  return picture;
}

/// The automatic choice as `edit --auto` makes it. It sees the scorer's values, never the judge's.
void BenchRunner::search(const BenchTask& task, GroupLearning& learning,
                         const EditScorer::Reference& reference, const Judge& judge, EditRecord& record) {
  AutoSearch search(task.automatic->request, task.automatic->pictures);
  std::map<std::string, std::size_t> places;  // in the record, by the search's stems
  for (auto round = search.next_round(); !round.empty(); round = search.next_round()) {
    auto named = round;
    for (auto& candidate : named) candidate.stem = "auto-" + candidate.stem;
    draw_missing(task, named, learning);
    for (std::size_t i = 0; i < round.size(); ++i) {
      PictureRecord picture;
      picture.file = named[i].stem + ".png";
      picture.label = round[i].label + "  " + round[i].strategy->name;
      picture.searched = true;
      picture = score(task, std::move(picture), reference, nullptr);
      search.add(round[i], picture.scores);
      if (judge) picture.scores.merge(judge(read_image(edit_folder(task) / picture.file)));
      places[round[i].stem] = record.pictures.size();
      record.pictures.push_back(std::move(picture));
    }
  }
  const auto choice = search.choose();
  if (choice.best.empty()) return;  // no candidate has a score: nothing is chosen
  const auto best = search.scored().at(choice.best.front().place).candidate.stem;
  record.pictures.at(places.at(best)).chosen = true;
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
  BackgroundWriter writer;
  auto last = Clock::now();
  const auto keep = [&](const Candidate& candidate, const Image& grid) {
    auto text = callbacks_.text(learned, candidate);
    // A batch's time is its first picture's, decoding aside: sums are right, and so are means over all.
    text.emplace_back(kSecondsKey, std::to_string(seconds_since(last)));
    writer.add([file = folder / (candidate.stem + ".png"), image = from_grid(grid, learned.frame),
                text = std::move(text)] { write_png(file, image, text); });
    last = Clock::now();
  };
  learning.session(task).generate(
      plan, drawing_, {keep, callbacks_.progress},
      [&](const Candidate& candidate) { return missing.count(candidate.stem) > 0; });
  writer.drain();
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
