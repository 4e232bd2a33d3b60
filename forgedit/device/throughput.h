#pragma once

#include <cstdint>
#include <functional>

#include "forgedit/device/device.h"

namespace forgedit {

/// Seconds that one run takes on a device, measured over several runs after one warm-up run.
struct TimedRuns {
  double best = 0, mean = 0;
};
/// Makes at least three runs, and further ones until they have taken `seconds`.
TimedRuns time_runs(const c10::Device& device, const std::function<void()>& work, double seconds = 0);

/// The speed of a large matrix product on a device, in the policy's precision. It is the upper limit for
/// networks.
struct MatmulRate {
  double best = 0, mean = 0;  ///< floating-point operations per second; 0 if memory was too small
};
/// Measures the limit of the idle device. Takes seconds, and 1 GiB of a GPU.
MatmulRate measure_matmul(const ComputePolicy& policy);
/// Measures the present speed: the mean with all other load on the device, the best between other work. On a
/// CPU it uses threads as networks do (BatchParts) and takes 0.3 s; on a GPU 0.04 s, and 0.2 GiB meanwhile.
MatmulRate measure_matmul_quickly(const ComputePolicy& policy);

}  // namespace forgedit
