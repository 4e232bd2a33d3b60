#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/bench.h"
#include "apps/cli/commands.h"
#include "apps/common/exit_codes.h"
#include "forgedit/core/error.h"

namespace forgedit::cli {

void throw_if_failed(const std::vector<EditRecord>& records) {
  std::size_t done = 0, failed = 0;
  const EditRecord* first = nullptr;
  for (const auto& record : records) {
    done += record.state == EditRecord::State::done;
    if (record.state != EditRecord::State::failed) continue;
    ++failed;
    if (!first) first = &record;
  }
  if (failed == 0) return;
  if (done == 0) throw failure("every edit failed: " + first->reason);
  throw ExitWith(kSomeFailed, fmt::format("{} of {} edits failed, such as {}: {}", failed, done + failed,
                                          first->edit.id, first->reason));
}

Command add_bench_command(CLI::App& program) {
  auto* bench = program.add_subcommand(
      "bench", "Measure the speed of this machine; with a subcommand, the quality on a benchmark.");
  bench->require_subcommand(0, 1);
  const auto run = std::make_shared<std::function<void()>>(add_speed_options(*bench));
  const BenchChosen chosen = [run](std::function<void()> what) { *run = std::move(what); };
  add_bench_run_commands(*bench, chosen);
  add_bench_score_command(*bench, chosen);
  return {bench, [run] { (*run)(); }};
}

}  // namespace forgedit::cli
