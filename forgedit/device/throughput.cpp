#include "forgedit/device/throughput.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace forgedit {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kFewestRuns = 3;
constexpr double kQuick = 0.2;  // seconds

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Numbers between -1 and 1 without any generator: zeros would be multiplied faster than weights are.
torch::Tensor some_numbers(std::int64_t side, const ComputePolicy& policy, double frequency) {
  const auto type = policy.precision == Precision::bf16 ? torch::kBFloat16 : torch::kFloat;
  const auto numbers = torch::arange(side * side, torch::dtype(torch::kFloat).device(policy.device));
  return numbers.mul(frequency).sin_().view({side, side}).to(type);
}

MatmulRate measure(const ComputePolicy& policy, std::int64_t side, double seconds) {
  torch::NoGradGuard no_grad;
  const auto a = some_numbers(side, policy, 0.7), b = some_numbers(side, policy, 1.3);
  const auto runs = time_runs(
      policy.device, [&] { torch::matmul(a, b); }, seconds);
  const auto length = static_cast<double>(side);
  const double flops = 2.0 * length * length * length;
  return {flops / runs.best, flops / runs.median};
}

}  // namespace

TimedRuns time_runs(const c10::Device& device, const std::function<void()>& work, double seconds) {
  work();
  synchronize(device);
  std::vector<double> runs;
  for (double taken = 0; runs.size() < kFewestRuns || taken < seconds; taken += runs.back()) {
    const auto start = Clock::now();
    work();
    synchronize(device);
    runs.push_back(seconds_since(start));
  }
  std::sort(runs.begin(), runs.end());
  return {runs.front(), runs[runs.size() / 2]};
}

MatmulRate measure_matmul(const ComputePolicy& policy) {
  return measure(policy, policy.device.is_cuda() ? 8192 : 1024, 0);
}

MatmulRate measure_matmul_quickly(const ComputePolicy& policy) {
  try {
    const auto rate = measure(policy, policy.device.is_cuda() ? 4096 : 1024, kQuick);
    release_memory(policy.device);  // the job's own tensors have other sizes
    return rate;
  } catch (const c10::OutOfMemoryError&) {
    release_memory(policy.device);
    return {};
  }
}

}  // namespace forgedit
