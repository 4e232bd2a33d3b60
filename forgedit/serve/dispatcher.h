#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/events.h"
#include "forgedit/serve/speeds.h"
#include "forgedit/serve/store.h"
#include "forgedit/serve/worker_link.h"

namespace forgedit {

/// Gives queued jobs to a worker process, one at a time, in a thread of its own. The process is started when
/// there is a job, ends when there was none for a while, and may die at any time: then its job goes back to
/// the queue, and fails if that happens again. Interactive jobs go first: a running batch job pauses after
/// its current image, and resumes after them.
///
/// Lines to the worker: {"run": {"id", "request"}}, {"stop": ID}, {"stop": ID, "at": "picture"}. Lines from
/// it: {"worker": INFO} when it has started, and {"job": ID, "event": NAME, …} with the events "progress"
/// {"progress"}, "losses" {"from", "losses"}, "took" {"stage", "steps", "seconds"}, "note" {"text",
/// "warning"}, "result" {"result"}, "learned"
/// {"id", "bytes", "info"}, "preview" {"stem", "step", "of", "image"}, "choice" {"choice"}, "picture"
/// {"stem", "entry"}, and one of the ends "done", "cancelled" and "failed" {"code", "message"}.
class Dispatcher {
 public:
  struct Options {
    WorkerProcesses::Command worker;
    std::chrono::milliseconds idle{600'000};     ///< without a job; then the worker ends
    std::chrono::milliseconds patience{10'000};  ///< for a worker that is to stop; then it is killed
    std::chrono::milliseconds silence{600'000};  ///< of a worker that has a job; then it is killed
    std::chrono::milliseconds between_progress{200};
    std::chrono::milliseconds most_time{0};           ///< that a job may run without a break; 0: no limit
    std::chrono::milliseconds between_queues{5'000};  ///< while a job runs and others wait
    std::int64_t most_lost = 2;                       ///< a job fails after this many workers died on it
    /// Whether a worker is started before there is a job, so that it says who it is.
    bool asks_worker_first = false;
    std::filesystem::path data;                       ///< jobs/ID, learned/ID; empty: nothing is done there
    std::int64_t most_learned = INT64_MAX;            ///< bytes of all that is learned and not pinned
    std::function<void(const std::string&)> trouble;  ///< what went wrong inside
  };

  Dispatcher(Options options, Store& store, EventRing& events);
  /// As `stop`.
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// A job was added, or is to be cancelled.
  void wake();
  /// The running job goes back to the queue, and the worker ends.
  void stop();

  /// Publishes the state of a job. Any thread may call it.
  void tell(const std::string& id);
  /// Publishes that something was learned or has another name, or is no longer there ("job", "picture",
  /// "learned"). Any thread may call them.
  void tell_learned(const std::string& id, const std::string& job);
  void tell_gone(const std::string& kind, const std::string& id);
  /// Publishes how long the queue is, and where each job stands. Any thread may call it.
  void tell_queue();
  /// Where queued jobs stand. Any thread may call it.
  std::vector<QueuePlace> places() const;

  /// The progress of a running job: a JSON object, or empty if it is not known. `with_losses` of all its
  /// steps.
  std::string progress_of(const std::string& job, bool with_losses = false) const;
  /// Whether there is a worker process.
  bool has_worker() const { return has_worker_; }
  /// The worker's information about itself, a JSON object; empty before the first one.
  std::string worker_info() const;
  /// "asleep", "idle" or "busy".
  std::string worker_state() const;
  /// Ends an idle worker now, which frees its memory. Returns whether it was idle.
  bool unload();

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    std::string id;
    JobLane lane = JobLane::batch;
    CancelWhen asked = CancelWhen::never;      ///< to stop
    std::optional<Clock::time_point> stop_by;  ///< it was asked to stop now; then it is killed
    bool goes_back = false;                    ///< after the stop it is queued again
    bool worker_died = false, is_over_time = false, has_choice = false;
    Clock::time_point since;
    std::optional<JobEnd> end;  ///< still to be stored
  };

  void loop();
  bool turn();
  void start_next();
  bool start_worker();
  void wait();
  void look_at_lines();
  void look_at_end_of_worker();
  void look_at_stops();
  void settle();
  void take_lines();
  void take_line(const std::string& line);
  void take_event(const std::string& event, const nlohmann::json& line);
  void take_progress(const nlohmann::json& progress);
  void take_losses(const nlohmann::json& line);
  void take_learned(const nlohmann::json& line);
  void take_picture(const nlohmann::json& line);
  void take_choice(nlohmann::json choice);
  void look_who_waits();
  void ask_to_stop(CancelWhen when, bool goes_back);
  void tell_worker();

  Options options_;
  Store& store_;
  EventRing& events_;
  int bell_ = -1;  // an eventfd
  std::atomic<bool> stopping_{false}, rung_{true}, has_worker_{false}, is_busy_{false}, unload_{false};
  // The thread's own:
  std::unique_ptr<WorkerLink> link_;
  std::deque<std::string> lines_;  // that it has said
  std::optional<Running> running_;
  std::optional<Clock::time_point> closing_by_;  // the worker's input is closed; then it is killed
  Clock::time_point idle_since_, told_progress_, told_queue_, heard_;
  bool hung_up_ = false, has_asked_worker_ = false;

  mutable std::mutex mutex_;  // of those below
  std::string progress_job_, progress_, worker_info_, told_worker_;
  std::vector<double> losses_;

  std::thread thread_;
};

}  // namespace forgedit
