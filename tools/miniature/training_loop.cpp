#include "tools/miniature/training_loop.h"

#include <spdlog/spdlog.h>

#include "forgedit/device/replay.h"
#include "tools/miniature/training_clock.h"

namespace forgedit::miniature {
namespace {

constexpr std::int64_t kReportEvery = 200;

}  // namespace

at::ScalarType compute_type(const c10::Device& device) {
  return device.is_cuda() ? at::kBFloat16 : at::kFloat;
}

void run_training(FlatAdamW& optimizer, const TrainOptions& options, const c10::Device& device,
                  const TrainingTask& task) {
  const ReplayScope scope(device);
  torch::Tensor loss;
  ReplayedWork step_work(device, device.is_cuda(), [&] {
    optimizer.zero_grad();
    loss = task.loss();
    loss.backward();
    loss = loss.detach();
  });
  const TrainingClock clock(options);
  auto average_loss = torch::zeros({}, torch::dtype(torch::kFloat).device(device));
  double next_checkpoint = task.checkpoint_seconds;
  std::int64_t step = 0;
  const auto samples = [&] { return 1e-6 * static_cast<double>(step * options.batch); };
  while (!clock.done()) {
    task.next_batch();
    step_work.run();
    optimizer.step(clock.learning_rate(step));
    average_loss.lerp_(loss, step == 0 ? 1.0 : step < 100 ? 0.1 : 0.01);
    ++step;
    if (step % kReportEvery == 0) {
      spdlog::info("{} step {} ({:.2f} M samples) {:.0f} s: loss {:.4f}", task.name, step, samples(),
                   clock.elapsed(), average_loss.item<double>());
    }
    if (task.checkpoint_seconds > 0 && clock.elapsed() > next_checkpoint) {
      optimizer.load_average();
      task.checkpoint(step, clock.elapsed());
      optimizer.load_training();
      next_checkpoint += task.checkpoint_seconds;
    }
  }
  optimizer.load_average();
  spdlog::info("{}: {} steps, {:.2f} M samples, loss {:.4f}", task.name, step, samples(),
               average_loss.item<double>());
}

}  // namespace forgedit::miniature
