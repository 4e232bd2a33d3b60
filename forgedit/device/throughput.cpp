#include "forgedit/device/throughput.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "forgedit/core/torch.h"
#include "forgedit/device/batch_parts.h"

namespace forgedit {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kFewestRuns = 3;
/// How long to measure, in seconds. A GPU computes hundreds of products in that time.
constexpr double kQuick = 0.3, kQuickOnGpu = 0.04;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Values between -1 and 1 without a random generator: zeros would be multiplied faster than weights.
torch::Tensor some_numbers(std::int64_t side, const ComputePolicy& policy, double frequency) {
  const auto type = policy.precision == Precision::bf16 ? torch::kBFloat16 : torch::kFloat;
  const auto numbers = torch::arange(side * side, torch::dtype(torch::kFloat).device(policy.device));
  return numbers.mul(frequency).sin_().view({side, side}).to(type);
}

/// On a CPU, each of the `parts` threads multiplies its own matrices.
MatmulRate measure(const ComputePolicy& policy, std::int64_t side, const BatchParts& parts, double seconds) {
  torch::NoGradGuard no_grad;
  const auto a = some_numbers(side, policy, 0.7), b = some_numbers(side, policy, 1.3);
  const auto runs = time_runs(
      policy.device, [&] { parts.run([&](std::int64_t) { torch::matmul(a, b); }); }, seconds);
  const auto length = static_cast<double>(side);
  const double flops = 2.0 * length * length * length * static_cast<double>(parts.count());
  return {flops / runs.best, flops / runs.mean};
}

}  // namespace

TimedRuns time_runs(const c10::Device& device, const std::function<void()>& work, double seconds) {
  work();
  synchronize(device);
  TimedRuns result{std::numeric_limits<double>::max(), 0};
  double taken = 0;
  int runs = 0;
  for (; runs < kFewestRuns || taken < seconds; ++runs) {
    const auto start = Clock::now();
    work();
    synchronize(device);
    const double each = seconds_since(start);
    result.best = std::min(result.best, each);
    taken += each;
  }
  result.mean = taken / runs;
  return result;
}

MatmulRate measure_matmul(const ComputePolicy& policy) {
  return measure(policy, policy.device.is_cuda() ? 8192 : 1024, BatchParts(policy, 1), 0);
}

MatmulRate measure_matmul_quickly(const ComputePolicy& policy) {
  try {
    const BatchParts parts(policy, at::get_num_threads());
    const auto rate = measure(policy, policy.device.is_cuda() ? 4096 : 1024, parts,
                              policy.device.is_cuda() ? kQuickOnGpu : kQuick);
    // Frees reserved memory in sizes that the job's own tensors do not have. In bfloat16 on a GPU another
    // thread may be computing, and ReplayedWork frees it later.
    if (!policy.reduced()) release_memory(policy.device);
    return rate;
  } catch (const c10::OutOfMemoryError&) {
    release_memory(policy.device);
    return {};
  }
}

}  // namespace forgedit
