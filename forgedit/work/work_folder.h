#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "forgedit/work/worker.h"

namespace forgedit {

/// When a worker counts as dead.
struct WorkOptions {
  /// A worker without a sign of life for this time counts as dead. Network file systems show old times for up
  /// to 60 s.
  std::chrono::milliseconds lease{60'000};
};

/// That this worker works on a unit.
struct Claim {
  std::string unit;
  std::string token;  ///< unlike that of every other claim
};

/// A claim that was taken over, since its worker had died.
struct Loss {
  std::string item;    ///< its current item (WorkFolder::begin); empty where it did not say
  std::string worker;  ///< its name
};

/// Which of several processes, on one host or on many, works on which unit of a list, in a folder that all of
/// them share:
///   claims/UNIT        made by link(): one worker wins, also on NFS, where locks often do nothing
///   lost/UNIT~TOKEN    who took over the claim TOKEN of a dead worker: one wins, and may die too
///   workers/NAME.json  each worker; the file's time is its last sign of life, by the file system's clock
/// A claim only saves work and never decides a result: if a worker was suspended, two workers may have the
/// same unit, so results must not depend on the worker, and must appear in one step.
class WorkFolder {
 public:
  /// Makes what is missing of `folder`, and gives signs of life until the object goes. Throws a failure where
  /// nothing can be written there.
  WorkFolder(std::filesystem::path folder, Worker worker, WorkOptions options);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  /// Claims a unit that nobody works on, or whose worker is dead; nothing where a living one has it. `unit`
  /// is a file name without '~'.
  std::optional<Claim> claim(const std::string& unit);
  /// Whether the unit is this worker's still: another one takes it over where no sign of life came through.
  bool holds(const Claim& claim) const;
  /// Releases the unit: any worker may claim it from now on.
  void release(const Claim& claim);

  /// Sets the item of the unit that this worker works on now; if it dies, its successor's Loss has the item.
  void begin(const std::string& item);
  /// The deaths in a unit, in no order.
  std::vector<Loss> losses(const std::string& unit) const;
  /// Forgets them, where no living worker has the unit: whether it did.
  bool forget_losses(const std::string& unit);

  /// The time by the file system's clock: hosts have clocks of their own.
  std::filesystem::file_time_type now() const;
  const Worker& worker() const { return worker_; }

 private:
  struct Holder;

  std::filesystem::path claim_path(const std::string& unit) const;
  std::filesystem::path loss_path(const std::string& unit, const std::string& token) const;
  std::optional<Holder> holder(const std::string& unit) const;
  bool is_dead(const std::string& worker) const;
  void write_worker() const;
  std::filesystem::path sign() const;
  void keep_alive();

  std::filesystem::path folder_;
  Worker worker_;
  WorkOptions options_;
  std::mutex mutex_;
  std::condition_variable ending_;
  bool ends_ = false;
  std::string item_;
  std::thread signs_;  // last: it uses all of the above
};

/// Removes claims and files of dead workers once nothing is left to do. Does nothing while another worker
/// than `worker` (a name) lives: whether it did.
bool clear_dead_workers(const std::filesystem::path& folder, const std::string& worker);

/// The workers of a folder that live, as far as this host's clock tells.
std::vector<std::string> living_workers(const std::filesystem::path& folder);

}  // namespace forgedit
