#pragma once

#include <cstdint>
#include <functional>

#include "forgedit/device/device.h"

namespace forgedit {

/// Seconds that `work` takes on a device, over a few runs after one that warms up.
struct TimedRuns {
  double best = 0, mean = 0;
};
/// At least three runs, and as many as `seconds` have room for.
TimedRuns time_runs(const c10::Device& device, const std::function<void()>& work, double seconds = 0);

/// What a device can do at most: floating-point operations a second of a large matrix product, in the numbers
/// that the policy computes in.
struct MatmulRate {
  double best = 0, mean = 0;  ///< FLOP/s; 0 where there is no memory for it
};
/// The whole ceiling: takes seconds, and 1 GiB of a GPU.
MatmulRate measure_matmul(const ComputePolicy& policy);
/// About what the device does now, beside all else that runs on it; on a CPU as networks use its threads
/// (BatchParts). Takes 0.3 s, and 0.2 GiB of a GPU for as long.
MatmulRate measure_matmul_quickly(const ComputePolicy& policy);

}  // namespace forgedit
