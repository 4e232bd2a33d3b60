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
/// there is a job, and ends after a while without one. If it dies, its job goes back to the queue; the job
/// fails if that happens again. Interactive jobs go first: a running batch job pauses after its current
/// image, and resumes after them.
///
/// Lines to the worker: {"run": {"id", "request"}}, {"stop": ID}, {"stop": ID, "at": "picture"}. Lines from
/// it: {"worker": INFO} when it has started, and {"job": ID, "event": NAME, …} with the events "progress"
/// {"progress"}, "losses" {"from", "losses"}, "took" {"stage", "steps", "seconds"}, "note" {"text",
/// "warning"}, "result" {"result"}, "learned" {"id", "bytes", "info"}, "preview" {"stem", "step", "of",
/// "image"}, "choice" {"choice"}, "picture" {"stem", "entry"}, and one of the ends "done", "cancelled" and
/// "failed" {"code", "message"}.
class Dispatcher {
 public:
  struct Options {
    WorkerProcesses::Command worker;
    std::chrono::milliseconds idle{600'000};     ///< time without a job after which the worker ends
    std::chrono::milliseconds patience{10'000};  ///< time in which a worker must stop, else it is killed
    /// Time without a line from a worker with a job, after which it is killed.
    std::chrono::milliseconds silence{600'000};
    std::chrono::milliseconds between_progress{200};
    std::chrono::milliseconds most_time{0};  ///< maximum time that a job runs without a break; 0: no limit
    /// Time between two events "queue" while a job runs and others wait.
    std::chrono::milliseconds between_queues{5'000};
    std::int64_t most_lost = 2;  ///< a job fails after this many workers died on it
    /// Whether a worker is started before there is a job, so that it reports the model and its settings.
    bool asks_worker_first = false;
    /// The folder with jobs/ID and learned/ID; if empty, no files are written or removed.
    std::filesystem::path data;
    std::int64_t most_learned = INT64_MAX;  ///< maximum size in bytes of all saved edits that are not pinned
    std::function<void(const std::string&)> trouble;  ///< receives messages of internal errors
  };

  Dispatcher(Options options, Store& store, EventRing& events);
  /// Calls `stop`.
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Call after a job was added or its cancellation was requested.
  void wake();
  /// Puts the running job back into the queue and ends the worker. Returns when the thread has ended.
  void stop();

  /// Publishes the state of a job. Any thread may call it.
  void tell(const std::string& id);
  /// Publish that a saved edit is new or was changed, and that a "job", "picture" or "learned" (`kind`) was
  /// removed. Any thread may call them.
  void tell_learned(const std::string& id, const std::string& job);
  void tell_gone(const std::string& kind, const std::string& id);
  /// Publishes the length of the queue and the place of each job. Any thread may call it.
  void tell_queue();
  /// The queued jobs in order, with the estimated time until each starts. Any thread may call it.
  std::vector<QueuePlace> places() const;

  /// The progress of a running job: a JSON object, or empty if it is not known. `with_losses` adds the losses
  /// of all its steps.
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
    CancelWhen asked = CancelWhen::never;  ///< the stop that the worker was asked for
    /// Set once it was asked to stop now: the time at which it is killed.
    std::optional<Clock::time_point> stop_by;
    bool goes_back = false;  ///< it is queued again after the stop
    bool worker_died = false, is_over_time = false, has_choice = false;
    Clock::time_point since;
    std::optional<JobEnd> end;  ///< how it ended, while that is not stored yet
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
  // Used by the thread only:
  std::unique_ptr<WorkerLink> link_;
  std::deque<std::string> lines_;  // received from the worker, not handled yet
  std::optional<Running> running_;
  // Set once the worker's input is closed: the time at which it is killed.
  std::optional<Clock::time_point> closing_by_;
  Clock::time_point idle_since_, told_progress_, told_queue_, heard_;
  bool hung_up_ = false, has_asked_worker_ = false;

  mutable std::mutex mutex_;  // protects the members below
  std::string progress_job_, progress_, worker_info_, told_worker_;
  std::vector<double> losses_;

  std::thread thread_;
};

}  // namespace forgedit
