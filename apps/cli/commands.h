#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace forgedit::cli {

/// A subcommand, and what it does once its options are parsed.
struct Command {
  CLI::App* options;
  std::function<void()> run;
};

Command add_batch_command(CLI::App& program);
Command add_caption_command(CLI::App& program);
Command add_edit_command(CLI::App& program);
Command add_learn_command(CLI::App& program);
Command add_redo_command(CLI::App& program);
Command add_score_command(CLI::App& program);
Command add_serve_command(CLI::App& program);
Command add_bench_command(CLI::App& program);
Command add_export_command(CLI::App& program);
Command add_inspect_command(CLI::App& program);
Command add_doctor_command(CLI::App& program);
Command add_completion_command(CLI::App& program);
Command add_man_command(CLI::App& program);

}  // namespace forgedit::cli
