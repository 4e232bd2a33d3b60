#pragma once

#include <functional>
#include <string>
#include <vector>

#include "forgedit/eval/report.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

// Subcommands of `bench`; each calls `chosen` with what it does once its options are parsed.
using BenchChosen = std::function<void(std::function<void()> run)>;

/// Adds tedbench, editeval, miniedit and miniedit-s.
void add_bench_run_commands(CLI::App& bench, const BenchChosen& chosen);
void add_bench_score_command(CLI::App& bench, const BenchChosen& chosen);

/// `bench` without a subcommand: measures the speed of fine-tuning and generating on this machine. Returns
/// what to run.
std::function<void()> add_speed_options(CLI::App& bench);

/// Throws ExitWith if edits failed, or a failure if none was done.
void throw_if_failed(const std::vector<EditRecord>& records);

}  // namespace forgedit::cli
