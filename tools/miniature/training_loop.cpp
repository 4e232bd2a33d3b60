#include "tools/miniature/training_loop.h"

#include <spdlog/spdlog.h>

#include "forgedit/device/replay.h"
#include "tools/miniature/training_clock.h"

namespace forgedit::miniature {
namespace {

constexpr std::int64_t kReportEvery = 200;

/// A replica's recorded step.
struct Worker {
  Worker(const Replica& owner, const std::string& name)
      : replica(owner), scope(owner.device), step(owner.device, owner.device.is_cuda(), name, [this] {
          replica.optimizer->zero_grad();
          loss = replica.loss();
          loss.backward();
          loss = loss.detach();
        }) {}
  void run() {
    const c10::DeviceGuard guard(replica.device);
    replica.next_batch();
    step.run();
  }

  const Replica& replica;
  ReplayScope scope;
  torch::Tensor loss;
  ReplayedWork step;
};

}  // namespace

at::ScalarType compute_type(const c10::Device& device) {
  return device.is_cuda() ? at::kBFloat16 : at::kFloat;
}

TrainingTask single_task(std::string name, Replica replica) {
  TrainingTask task;
  task.name = std::move(name);
  task.replicas.push_back(std::move(replica));
  return task;
}

void run_training(const TrainOptions& options, const TrainingTask& task) {
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<FlatAdamW*> optimizers;
  for (const auto& replica : task.replicas) {
    workers.push_back(std::make_unique<Worker>(replica, task.name));
    optimizers.push_back(replica.optimizer.get());
  }
  auto& first = *optimizers.front();
  auto average_loss = torch::zeros({}, torch::dtype(torch::kFloat).device(task.replicas.front().device));
  const auto samples_a_step = options.batch * static_cast<std::int64_t>(workers.size());
  const TrainingClock clock(options);
  double next_checkpoint = task.checkpoint_seconds;
  std::int64_t step = 0;
  const auto samples = [&] { return 1e-6 * static_cast<double>(step * samples_a_step); };
  while (!clock.done()) {
    for (auto& worker : workers) worker->run();
    FlatAdamW::average_gradients(optimizers);
    for (auto* optimizer : optimizers) optimizer->step(clock.learning_rate(step));
    average_loss.lerp_(workers.front()->loss, step == 0 ? 1.0 : step < 100 ? 0.1 : 0.01);
    ++step;
    if (step % kReportEvery == 0) {
      spdlog::info("{} step {} ({:.2f} M samples) {:.0f} s: loss {:.4f}", task.name, step, samples(),
                   clock.elapsed(), average_loss.item<double>());
    }
    if (task.checkpoint_seconds > 0 && clock.elapsed() > next_checkpoint) {
      first.load_average();
      task.checkpoint(step, clock.elapsed());
      first.load_training();
      next_checkpoint += task.checkpoint_seconds;
    }
  }
  first.load_average();
  spdlog::info("{}: {} steps, {:.2f} M samples, loss {:.4f}", task.name, step, samples(),
               average_loss.item<double>());
}

}  // namespace forgedit::miniature
