#include "forgedit/device/replay.h"

#include <c10/util/Exception.h>

#include <set>
#include <utility>

#include "forgedit/device/cuda_bridge.h"

namespace forgedit {

namespace {

/// The kinds of work that ran on this thread, whose libraries keep some plans per thread.
std::set<std::string>& kinds_run() {
  static thread_local std::set<std::string> kinds;
  return kinds;
}

}  // namespace

ReplayedWork::ReplayedWork(const c10::Device& device, bool record, std::string kind,
                           std::function<void()> work, std::int64_t expected)
    : device_(device),
      record_(record && device.is_cuda()),
      kind_(std::move(kind) + " on " + device.str()),
      work_(std::move(work)),
      expected_(expected) {}

ReplayedWork::~ReplayedWork() = default;

void ReplayedWork::run() {
  if (!record_) return work_();
  if (!graph_) {
    // The graph uses a separate memory pool, so memory that is held in reserve for other work would be
    // unused.
    cuda::empty_cache();
    graph_ = std::make_unique<cuda::Graph>(device_.index());
    graph_->make_pool(expected_);
    if (kinds_run().count(kind_) == 0) {
      graph_->run_once(work_);
      kinds_run().insert(kind_);
      ran_ = true;
      return;
    }
  }
  if (!recorded_) {
    try {
      graph_->record(work_);
    } catch (const c10::OutOfMemoryError&) {
      // LibTorch cannot free reserved memory while it records. `work` has not run yet, so run it directly.
      record_ = false;
      graph_.reset();
      cuda::empty_cache();
      return work_();
    } catch (const c10::Error&) {
      if (ran_) throw;
      // A library was not as prepared as the kind promised.
      graph_.reset();
      kinds_run().erase(kind_);
      return run();
    }
    recorded_ = true;
  }
  graph_->launch();
}

ReplayScope::ReplayScope(const c10::Device& device) {
  if (device.is_cuda()) stream_ = std::make_unique<cuda::StreamScope>(device.index());
}

ReplayScope::~ReplayScope() = default;

}  // namespace forgedit
