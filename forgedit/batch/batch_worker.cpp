#include "forgedit/batch/batch_worker.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "forgedit/batch/batch_progress.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/one_line.h"
#include "forgedit/jobs/background_thread.h"
#include "forgedit/jobs/results.h"
#include "forgedit/jobs/supervise.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// After this many edits in a row that failed for a reason of this machine, the next ones would fail too.
constexpr std::size_t kMostInARow = 3;
/// The first wait before another try is a lease divided by this; each further one is three times as long.
constexpr int kWaitsPerLease = 6;
constexpr milliseconds kLookAtStop{50};
/// Errors of the operating system that are not the edit's fault.
constexpr std::array kPassingErrors{ENOSPC, EIO, ESTALE, EDQUOT, ENOMEM, EMFILE, ENFILE, ETIMEDOUT};

bool contains_any(const std::string& text, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return text.find(part) != std::string::npos; });
}

/// Whether an error has a temporary cause on this machine, so that another try, best elsewhere, may succeed.
bool may_pass(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) || dynamic_cast<const std::system_error*>(&error))
    return true;
  const std::string text = error.what();
  if (contains_any(text, {"out of memory", "can't allocate memory", "not enough memory"})) return true;
  if (breaks_worker(error)) return true;
  return std::any_of(kPassingErrors.begin(), kPassingErrors.end(),
                     [&](int code) { return text.find(std::strerror(code)) != std::string::npos; });
}

/// The message of an error in one line, without the stack trace that LibTorch's messages have.
std::string reason_of(const std::exception& error) {
  const std::string text = error.what();
  const auto* own = dynamic_cast<const Error*>(&error);
  const auto field = own && !own->field().empty() ? own->field() + ": " : std::string();
  return one_line(field + text.substr(0, text.find('\n')), kMostMessage);
}

/// Passes on those events of an edit's job that matter for the list.
class EditListener : public JobListener {
 public:
  EditListener(JobListener& outer, BatchProgress& progress, BackgroundThread& endings, const std::string& id)
      : outer_(outer), progress_(progress), endings_(endings), id_(id) {}

  void warning(const std::string& text) override { outer_.warning(id_ + ": " + text); }
  void plan(const JobPlan& plan) override { planned_ = plan.seconds; }
  void progress(const JobProgress&) override {
    endings_.collect();
    progress_.look_now_and_then();
    outer_.progress(progress_.progress());
  }
  void alive() override { outer_.alive(); }
  void long_write() override { outer_.long_write(); }
  void stopping() override { outer_.stopping(); }

  /// The planned seconds of the edit; negative if unknown.
  double planned() const { return planned_; }

 private:
  JobListener& outer_;
  BatchProgress& progress_;
  BackgroundThread& endings_;  // for the last files of earlier edits
  const std::string& id_;
  double planned_ = -1;
};

/// The files that the automatic choice calls the best, and those that are not candidates.
std::set<std::string> best_files(const nlohmann::json& record) {
  std::set<std::string> files;
  for (const auto& target : record.at("auto").at("targets")) {
    for (const auto& best : target.at("best")) files.insert(best.at("file").get<std::string>());
  }
  for (const auto& picture : record.at("pictures")) {
    if (picture.at("kind") != "edit") files.insert(picture.at("file").get<std::string>());
  }
  return files;
}

void keep_only_best(const fs::path& folder) {
  const auto record = read_json_object(folder / kRecordFile);
  const auto kept = best_files(record);
  for (const auto& picture : record.at("pictures")) {
    const auto file = picture.at("file").get<std::string>();
    if (kept.count(file) == 0) fs::remove(folder / file);
  }
}

/// The images of a finished edit that the page shows.
std::vector<EditMade::Picture> pictures_in(const fs::path& folder) {
  const auto record = read_json_object(folder / kRecordFile);
  std::vector<EditMade::Picture> pictures;
  for (const auto& picture : record.at("pictures")) {
    const auto file = picture.at("file").get<std::string>();
    if (!fs::exists(folder / file)) continue;
    const auto kind = picture.at("kind").get<std::string>();
    std::string label = picture.value("strategy", kind);
    for (const auto& [key, sign] :
         {std::pair("gamma", "γ"), std::pair("alpha", "α"), std::pair("beta", "β")}) {
      if (picture.contains(key)) label += fmt::format("  {} {}", sign, picture[key].get<double>());
    }
    label += fmt::format("  seed {}", picture.at("seed").get<std::uint64_t>());
    pictures.push_back({file, label, kind == "edit"});
  }
  return pictures;
}

/// Removes partial results from another kind of device, whose images would not be quite the same.
void drop_results_of_another_device(const fs::path& folder, const std::string& device) {
  if (!fs::exists(folder)) return;
  try {
    if (read_json_object(folder / kRecordFile).at("model").at("device") == device) return;
  } catch (const std::exception&) {
    // Without a record there is nothing to continue.
  }
  remove_tree(folder);
}

class BatchWorker {
 public:
  BatchWorker(const BatchList& list, const BatchFolder& folder, Engine& engine, const Worker& worker,
              const BatchOptions& options, const StopFlag& stop, JobListener& listener)
      : list_(list),
        folder_(folder),
        engine_(engine),
        worker_(worker),
        options_(options),
        stop_(stop),
        listener_(listener),
        progress_(list, folder) {}

  void run();

 private:
  void clear() const;
  void require_captioner();
  bool take_part();
  /// An edit whose images are generated, and how it ended.
  struct Generated {
    const BatchEdit& edit;
    Claim claim;
    LastFiles files;
    double seconds = 0;
    bool published = false;
    std::exception_ptr error = {};
  };

  void do_unit(const BatchUnit& unit, const Claim& claim);
  std::shared_ptr<Generated> do_edit(const BatchEdit& edit, const Claim& claim);
  void publish(Generated& generated) const;
  void settle(const Generated& generated);
  bool is_due(const BatchEdit& edit) const;
  bool has_work(const BatchUnit& unit) const;
  void record_deaths(const BatchUnit& unit);
  void failed(const BatchEdit& edit, const Claim& claim, const std::exception& error);
  void throw_if_broken();
  void wait(milliseconds time);
  milliseconds first_wait() const { return options_.lease / kWaitsPerLease; }

  const BatchList& list_;
  const BatchFolder& folder_;
  Engine& engine_;
  Worker worker_;
  std::optional<WorkFolder> work_;  // set once this worker is known to be able to work
  BatchOptions options_;
  const StopFlag& stop_;
  JobListener& listener_;
  BatchProgress progress_;
  std::string device_;
  std::set<std::string> failed_in_a_row_;  // edits that failed in a row for reasons of this machine
  std::exception_ptr broken_;              // why this worker cannot continue
  /// Writes sheets and records of one edit and flushes them while the device generates the next one. It must
  /// be the last member.
  BackgroundThread endings_{1};
};

void BatchWorker::run() {
  if (progress_.is_complete()) return clear();
  require_captioner();
  listener_.long_write();  // loading reads gigabytes without checking the stop flag
  const auto model = engine_.load(stop_, listener_);
  device_ = model.device;
  folder_.begin(batch_subject(list_, model));
  work_.emplace(folder_.work(), worker_, WorkOptions{options_.lease});
  while (!progress_.is_complete()) {
    if (!take_part()) wait(std::min<milliseconds>(first_wait(), std::chrono::seconds(2)));
    progress_.look();
  }
  listener_.progress(progress_.progress());
  clear();
}

/// Removes what dead workers have left of a complete list.
void BatchWorker::clear() const {
  folder_.clear_work();
  if (clear_dead_workers(folder_.work(), worker_.name)) folder_.clear_temporary_files();
}

/// Throws Error if lines without a source need a captioner and there is none. Any other error of a line is a
/// failure of its edit.
void BatchWorker::require_captioner() {
  const auto needs = std::find_if(list_.edits.begin(), list_.edits.end(), [](const BatchEdit& edit) {
    const auto& learn = edit.job.learn;
    return edit.job.from.empty() && learn.source.empty() && learn.options.method != LearnMethod::imagic;
  });
  if (needs == list_.edits.end()) return;
  auto job = needs->job;
  job.dry_run = true;
  job.out = folder_.path();
  JobListener nobody;
  try {
    engine_.run(job, stop_, nobody);
  } catch (const Error& error) {
    if (error.field() != "source" && error.field() != "captioner") return;
    throw Error(error.kind(), needs->origin + ": " + error.field() + ": " + error.what());
  }
}

/// Goes through the list once, from this worker's own place in it. Returns whether there was something to do.
bool BatchWorker::take_part() {
  const auto count = list_.units.size();
  const auto begin = count * options_.place / std::max<std::size_t>(options_.places, 1);
  bool did_something = false;
  std::optional<Claim> claim;
  try {
    for (std::size_t i = 0; i < count; ++i) {
      const auto& unit = list_.units[(begin + i) % count];
      if (!has_work(unit)) continue;
      stop_.throw_if_stopped();
      claim = work_->claim(unit.name);
      if (!claim) continue;
      did_something = true;
      do_unit(unit, *claim);
      endings_.add([] {}, [this, done = *std::exchange(claim, {})] { work_->release(done); });
      throw_if_broken();
    }
    endings_.drain();
    throw_if_broken();
  } catch (...) {
    endings_.drain();
    if (claim) work_->release(*claim);
    throw;
  }
  return did_something;
}

/// Whether an edit may be tried now: it has never failed, or it failed long enough ago.
bool BatchWorker::is_due(const BatchEdit& edit) const {
  if (folder_.is_done(edit.id)) return false;
  const auto failure = folder_.failure(edit.id);
  if (!failure) return true;
  if (failure->is_final) return false;
  const auto wait = first_wait() * std::pow(3, failure->tries - 1);
  return work_->now() - failure->time >= wait;
}

bool BatchWorker::has_work(const BatchUnit& unit) const {
  return std::any_of(unit.edits.begin(), unit.edits.end(), [&](std::size_t place) {
    const auto& edit = list_.edits[place];
    return !progress_.is_settled(edit.id) && (!progress_.failure(edit.id) || is_due(edit));
  });
}

/// Records a final failure of each edit on which several workers have died.
void BatchWorker::record_deaths(const BatchUnit& unit) {
  const auto losses = work_->losses(unit.name);
  for (const auto place : unit.edits) {
    const auto& id = list_.edits[place].id;
    const auto deaths =
        std::count_if(losses.begin(), losses.end(), [&](const Loss& loss) { return loss.item == id; });
    if (deaths < options_.tries || folder_.is_done(id)) continue;
    folder_.fail(id, {fmt::format("{} workers died on this edit", deaths), deaths, true, {}});
    listener_.warning(fmt::format("{}: {} workers died on this edit: it failed", id, deaths));
  }
}

void BatchWorker::do_unit(const BatchUnit& unit, const Claim& claim) {
  record_deaths(unit);
  // If workers have died in this unit, edits are done one at a time, so that the next death can be assigned
  // to one.
  const bool one_by_one = !work_->losses(unit.name).empty();
  if (one_by_one) endings_.drain();
  for (const auto place : unit.edits) {
    if (!work_->holds(claim)) return;  // another worker has it, after a lease without a sign of life
    const auto& edit = list_.edits[place];
    if (!is_due(edit)) continue;
    try {
      const auto generated = do_edit(edit, claim);
      endings_.add([this, generated] { publish(*generated); }, [this, generated] { settle(*generated); });
      if (one_by_one) endings_.drain();
    } catch (const Cancelled&) {
      throw;
    } catch (const std::exception& error) {
      failed(edit, claim, error);
    }
    throw_if_broken();
    progress_.look_now_and_then();
    listener_.progress(progress_.progress());
  }
}

/// Generates an edit's images.
std::shared_ptr<BatchWorker::Generated> BatchWorker::do_edit(const BatchEdit& edit, const Claim& claim) {
  const auto begin = Clock::now();
  work_->begin(edit.id);
  auto job = edit.job;
  job.out = folder_.making(edit.id, claim.token);
  folder_.take_over(edit.id, claim.token);
  job.keep_learning = false;  // it would write gigabytes to a shared disk and save seconds of fine-tuning
  drop_results_of_another_device(job.out, device_);
  EditListener listener(listener_, progress_, endings_, edit.id);
  auto files = engine_.run_up_to_last_files(job, stop_, listener);
  progress_.expect_seconds(listener.planned());
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return std::make_shared<Generated>(Generated{edit, claim, std::move(files), seconds});
}

/// Completes an edit and moves it to its place. Runs on the thread of endings_.
void BatchWorker::publish(Generated& generated) const {
  try {
    generated.files();
    generated.files = nullptr;  // unlocks the folder
    const auto& id = generated.edit.id;
    const auto folder = folder_.making(id, generated.claim.token);
    if (options_.keep_best) keep_only_best(folder);
    if (!work_->holds(generated.claim)) return;
    folder_.publish(id, generated.claim.token,
                    {work_->worker().name, device_, generated.seconds, pictures_in(folder)});
    folder_.forget_failure(id);
    generated.published = true;
  } catch (...) {
    generated.files = nullptr;
    generated.error = std::current_exception();
  }
}

/// Handles the outcome after publish(), on the worker's own thread. It does not throw, because the next edit
/// may be running.
void BatchWorker::settle(const Generated& generated) {
  try {
    if (generated.error) {
      try {
        std::rethrow_exception(generated.error);
      } catch (const std::exception& error) {
        failed(generated.edit, generated.claim, error);
      }
    } else if (generated.published) {
      failed_in_a_row_.clear();
      progress_.add_done(generated.edit.id);
      listener_.file(folder_.edit(generated.edit.id));
    }
  } catch (...) {
    broken_ = std::current_exception();
  }
}

void BatchWorker::throw_if_broken() {
  if (const auto broken = std::exchange(broken_, nullptr)) std::rethrow_exception(broken);
}

void BatchWorker::failed(const BatchEdit& edit, const Claim& claim, const std::exception& error) {
  // A slow worker that has lost its claim is ignored: its error may come from the results of the new owner.
  if (!work_->holds(claim) || folder_.is_done(edit.id)) return;
  const auto before = folder_.failure(edit.id);
  EditFailure failure{reason_of(error), before ? before->tries + 1 : 1, true, {}};
  const bool passes = may_pass(error);
  if (passes && failure.tries < options_.tries) failure.is_final = false;
  folder_.fail(edit.id, failure);
  listener_.warning(
      fmt::format("{}: {}{}", edit.id, failure.reason, failure.is_final ? "" : "; it will be tried again"));
  if (!passes) return;
  if (breaks_worker(error)) {
    broken_ = std::make_exception_ptr(WorkerBroken(failure.reason));
    return;
  }
  failed_in_a_row_.insert(edit.id);
  progress_.look();
  if (failed_in_a_row_.size() < kMostInARow || progress_.is_complete()) return;
  broken_ = std::make_exception_ptr(forgedit::failure(fmt::format(
      "{} edits in a row failed on this worker; the last error: {}", kMostInARow, failure.reason)));
}

/// Waits for `time`. Throws Cancelled if the job is to stop.
void BatchWorker::wait(milliseconds time) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
    listener_.alive();
    stop_.throw_if_stopped();
    std::this_thread::sleep_for(std::min<milliseconds>(time, kLookAtStop));
  }
}

}  // namespace

BatchSubject batch_subject(const BatchList& list, const EngineModel& model) {
  BatchSubject subject{model.name, model.fingerprint, {}, {}};
  for (const auto& edit : list.edits) {
    subject.edits.emplace_back(edit.id, edit.identity);
    subject.origins.push_back(edit.origin);
  }
  return subject;
}

void work_on_batch(const BatchList& list, const BatchFolder& folder, Engine& engine, const Worker& worker,
                   const BatchOptions& options, const StopFlag& stop, JobListener& listener) {
  BatchWorker(list, folder, engine, worker, options, stop, listener).run();
}

}  // namespace forgedit
