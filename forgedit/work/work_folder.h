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

/// A worker's claim on a unit.
struct Claim {
  std::string unit;
  std::string token;  ///< different for every claim
};

/// A claim that was taken over because its worker had died.
struct Loss {
  std::string item;    ///< the worker's last item (WorkFolder::begin); empty if unknown
  std::string worker;  ///< the worker's name
};

/// Decides which of several processes, on one host or on many, works on which unit of a list. They share a
/// folder:
///   claims/UNIT        created by link(): one worker wins, also on NFS, where locks often do nothing
///   lost/UNIT~TOKEN    names who took over the claim TOKEN of a dead worker: one wins, and may die too
///   workers/NAME.json  each worker; the file's time is its last sign of life, by the file system's clock
/// A claim only saves work and never decides a result: if a worker was suspended, two workers may have the
/// same unit, so results must not depend on the worker, and must appear in one step.
class WorkFolder {
 public:
  /// Creates what is missing in `folder`, and gives signs of life until the destructor runs. Throws a failure
  /// if nothing can be written there.
  WorkFolder(std::filesystem::path folder, Worker worker, WorkOptions options);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  /// Claims a unit that no worker has, or whose worker is dead. Returns nothing if a living worker has it.
  /// `unit` is a file name without '~'.
  std::optional<Claim> claim(const std::string& unit);
  /// Whether the claim still holds. Another worker takes the unit over if it sees no sign of life for a
  /// lease.
  bool holds(const Claim& claim) const;
  /// Releases the unit: any worker may claim it from now on.
  void release(const Claim& claim);

  /// Sets the item of the unit that this worker works on now. If the worker dies, the Loss has this item.
  void begin(const std::string& item);
  /// The claims on a unit whose workers died, in no order.
  std::vector<Loss> losses(const std::string& unit) const;
  /// Forgets these losses unless a living worker has the unit. Returns whether it did.
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
  std::thread signs_;  // the last member: its thread uses all of the above
};

/// Removes claims and files of dead workers; call it once nothing is left to do. Does nothing while another
/// worker than `worker` (a name) lives. Returns whether it removed them.
bool clear_dead_workers(const std::filesystem::path& folder, const std::string& worker);

/// The names of the living workers of a folder, as far as this host's clock tells.
std::vector<std::string> living_workers(const std::filesystem::path& folder);

}  // namespace forgedit
