#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/events.h"
#include "forgedit/serve/store.h"
#include "forgedit/serve/worker_link.h"

namespace forgedit {

/// Gives queued jobs to a worker process, one at a time, in a thread of its own. The process is started when
/// there is a job, ends when there was none for a while, and may die at any time: its job goes back to the
/// queue, and has failed where that happens again.
///
/// Lines to the worker: {"run": {"id", "request"}}, {"stop": ID}. Lines from it: {"job": ID, "event": NAME,
/// …} with the events "progress" {"progress"}, "note" {"text", "warning"}, "result" {"result"}, "picture"
/// {"stem", "entry"}, and one of the ends "done", "cancelled" and "failed" {"code", "message"}.
class Dispatcher {
 public:
  struct Options {
    WorkerProcesses::Command worker;
    std::chrono::milliseconds idle{600'000};     ///< without a job; then the worker ends
    std::chrono::milliseconds patience{10'000};  ///< for a worker that is to stop; then it is killed
    std::chrono::milliseconds between_progress{200};
    std::int64_t most_lost = 2;                       ///< a job that so many workers died of has failed
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

  /// Publishes where a job stands. Any thread may call it.
  void tell(const std::string& id);

  /// How far a running job is: a JSON object, or empty where that is not known.
  std::string progress_of(const std::string& job) const;
  /// Whether there is a worker process.
  bool has_worker() const { return has_worker_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    std::string id;
    std::optional<Clock::time_point> stop_by;  ///< it was asked to stop; then it is killed
    bool goes_back = false;                    ///< after the stop it is queued again
    bool worker_died = false;
    std::optional<JobEnd> end;  ///< still to be stored
  };

  void loop();
  bool turn();
  void start_next();
  void wait();
  void look_at_lines();
  void look_at_end_of_worker();
  void look_at_stops();
  void settle();
  void take_lines();
  void take_line(const std::string& line);
  void take_event(const std::string& event, const nlohmann::json& line);
  void take_progress(const nlohmann::json& progress);
  void ask_to_stop(bool goes_back);

  Options options_;
  Store& store_;
  EventRing& events_;
  int bell_ = -1;  // an eventfd
  std::atomic<bool> stopping_{false}, rung_{true}, has_worker_{false};
  // The thread's own:
  std::unique_ptr<WorkerLink> link_;
  std::deque<std::string> lines_;  // that it has said
  std::optional<Running> running_;
  std::optional<Clock::time_point> closing_by_;  // the worker's input is closed; then it is killed
  Clock::time_point idle_since_, told_progress_;
  bool hung_up_ = false;

  mutable std::mutex mutex_;  // of the two below
  std::string progress_job_, progress_;

  std::thread thread_;
};

}  // namespace forgedit
