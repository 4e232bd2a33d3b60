#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/learn_options.h"
#include "apps/cli/model_options.h"
#include "apps/cli/preset_option.h"
#include "apps/cli/reporter.h"
#include "apps/cli/standard_input.h"
#include "apps/cli/sweep_options.h"
#include "apps/common/exit_codes.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "apps/common/scheduler.h"
#include "apps/common/streams.h"
#include "apps/common/worker_commands.h"
#include "apps/common/worker_listener.h"
#include "forgedit/batch/batch_job.h"
#include "forgedit/batch/list_lines.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/device/device.h"
#include "forgedit/jobs/supervise.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReasonsShown = 10;
constexpr const char* kBatchFooter =
    "LIST has one edit per line, as JSON or as CSV with the keys in the first line (docs/batch.md):\n"
    "  {\"image\": \"dog.jpg\", \"target\": \"a dog jumping\"}\n"
    "  {\"image\": \"dog.jpg\", \"targets\": [\"a cat\", \"a cow\"], \"gamma\": [0.8, 1.0], \"id\": "
    "\"others\"}\n"
    "For keys that a line does not have, the options apply. Pictures are looked up beside LIST, then in\n"
    "the current folder. The same command with the same --out resumes the list; on other hosts it\n"
    "shares the work.\n"
    "\n"
    "Exit codes: 0 all done, 1 the worker cannot run here, 2 usage error or a mistake in the list, 3\n"
    "some edits failed, 75 stopped before all work was done, 130 stopped by Ctrl-C, SIGTERM or SIGHUP.\n";

class BatchCommand {
 public:
  void add_options(CLI::App& command);
  void run();
  Reporter& reporter() { return reporter_; }
  /// Whether --json events are printed. A worker's lines go to its parent, and --status does no work.
  bool is_reported() const { return !workers_.is_child() && !status_; }

 private:
  void add_work_options(CLI::App& command);
  void read_list();
  void work(const Batch& batch);
  void report_after_error(const Batch& batch) const;
  void tell_status() const;
  void end(const Batch& batch, bool stopped);

  std::string list_, keep_ = "all";
  BatchRequest request_;
  ModelRequest model_;
  AutoOptions auto_;
  WorkerCount workers_;
  double lease_ = 60;
  bool status_ = false, dry_run_ = false;
  Reporter reporter_;
};

void BatchCommand::add_options(CLI::App& command) {
  auto& defaults = request_.defaults;
  command.add_option("LIST", list_, "JSON lines or CSV, one edit per line; - is standard input")
      ->type_name("FILE");
  add_preset_option(command, defaults.sweep);
  command.add_option("--out", request_.out, "folder of the batch, shared by all workers")
      ->type_name("DIR")
      ->required()
      ->group("Work");
  add_work_options(command);
  for (auto* option : add_picture_options(command, defaults.learn)) {
    const auto name = option->get_name();
    if (name == "--save" || name == "--overwrite") command.remove_option(option);
  }
  add_sweep_options(command, defaults.sweep);
  add_auto_options(command, auto_);
  add_draw_options(command, defaults.drawing);
  add_result_options(command, defaults);
  add_method_options(command, defaults.learn);
  add_model_options(command, model_);
  add_memory_option(command, model_);
  reporter_.add_options(command);
  command.footer(kBatchFooter);
}

void BatchCommand::add_work_options(CLI::App& command) {
  const auto group = [](CLI::Option* option) { option->group("Work"); };
  add_worker_options(command, workers_);
  group(command.add_flag("--status", status_,
                         "only print the state of the batch; the exit code reports it too"));
  group(command.add_flag("--retry-failed", request_.retry_failed, "run failed edits again"));
  group(command.add_option("--keep", keep_, "keep all images, or with --auto only the best ones")
            ->type_name("all|best")
            ->check(either("all", "best"))
            ->capture_default_str());
  group(command
            .add_option("--tries", request_.options.tries,
                        "an edit fails after this many tries, or after this many workers died on it")
            ->type_name("N")
            ->check(within(1, 100))
            ->capture_default_str());
  group(
      command
          .add_option("--lease", lease_, "seconds without a sign of life after which a worker counts as dead")
          ->type_name("SECONDS")
          ->check(within(1, 3600, "seconds"))
          ->capture_default_str());
  group(command.add_flag("--dry-run", dry_run_, "only check the list with its pictures, and print the plan"));
}

void BatchCommand::read_list() {
  if (list_.empty())
    throw usage_error("expected LIST: a file with one edit per line, or - for standard input");
  if (list_ != "-") {
    request_.text = read_file(list_, kMaxListBytes);
    request_.name = list_;
    request_.folder = fs::absolute(list_).parent_path();
    return;
  }
  request_.name = "standard input";
  request_.folder = ".";
  request_.text = read_standard_input(kMaxListBytes);
}

void BatchCommand::run() {
  if (status_) return tell_status();
  request_.defaults.automatic = auto_request(auto_);
  std::tie(request_.options.place, request_.options.places) = worker_place(workers_);
  if (scheduler_job().restarts > 0) request_.retry_failed = false;  // the first run of the job has done that
  request_.options.keep_best = keep_ == "best";
  request_.options.lease = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * lease_));
  read_list();
  const Batch batch(std::move(request_));
  const auto commands = workers_.is_many() ? worker_commands(workers_, static_cast<std::size_t>(gpu_count()))
                                           : std::vector<WorkerProcesses::Command>();
  if (!workers_.is_child()) {
    batch.check_model(model_, find_places());
    if (dry_run_) batch.check_files(program_stop(), reporter_.listener());
    reporter_.listener().note("plan: " + batch.plan());
    if (dry_run_) return;
    say_which_model(model_, reporter_.listener());
  }
  bool stopped = false;
  try {
    if (workers_.is_many()) {
      batch.prepare();
      batch.work_by_processes(commands, program_stop(), reporter_.listener());
    } else {
      if (!workers_.is_child()) batch.prepare();
      work(batch);
    }
  } catch (const Cancelled&) {
    stopped = true;
  } catch (...) {
    report_after_error(batch);
    throw;
  }
  end(batch, stopped);
}

/// Writes the report as far as possible. Its own errors are ignored, because the error that ended the work is
/// reported.
void BatchCommand::report_after_error(const Batch& batch) const {
  if (workers_.is_child()) return;
  try {
    if (batch.folder().subject()) batch.report();
  } catch (const std::exception&) {
    // For example, the disk is full.
  }
}

void BatchCommand::work(const Batch& batch) {
  const auto scheduler = scheduler_job();
  Engine engine(find_places(), {model_, /*keep_warm=*/true});
  try {
    if (!workers_.is_child())
      return batch.work(engine, this_worker(scheduler.job, scheduler.restarts), program_stop(),
                        reporter_.listener());
    WorkerListener quiet;
    batch.work(engine, this_worker(scheduler.job, scheduler.restarts), program_stop(), quiet);
  } catch (const WorkerBroken& broken) {
    throw ExitWith(kWorkLeft,
                   std::string("this process cannot continue, but a new one can: ") + broken.what());
  }
}

/// Prints the last line, writes the report and throws ExitWith if needed.
void BatchCommand::end(const Batch& batch, bool stopped) {
  const bool is_child = workers_.is_child();
  const auto [status, files] = is_child ? std::pair(batch.status(), std::vector<fs::path>()) : batch.report();
  for (const auto& path : files) reporter_.listener().file(path);
  const auto line = status_line(status);
  if (status.left > 0) {
    const bool by_hand = stopped && stop_signal() == SIGINT;
    throw ExitWith(by_hand ? kCancelled : kWorkLeft, is_child ? "" : line + "; the same command resumes");
  }
  if (status.failed > 0)
    throw ExitWith(kSomeFailed, is_child ? "" : line + ": see failed.jsonl; --retry-failed runs them again");
  if (!is_child) reporter_.listener().note(line);
}

void BatchCommand::tell_status() const {
  const auto status = status_of_batch(request_.out);
  const auto workers = living_workers(request_.out / "work");
  print(status_line(status) +
        fmt::format("; {} worker{} at work\n", workers.size(), workers.size() == 1 ? "" : "s"));
  std::size_t shown = 0;
  for (const auto& edit : status.edits) {
    if (edit.state != BatchStatus::State::failed) continue;
    if (++shown > kReasonsShown) break;
    print("failed: " + edit.id + ": " + edit.reason + "\n");
  }
  if (status.failed > kReasonsShown)
    print(fmt::format("and {} more, see failed.jsonl\n", status.failed - kReasonsShown));
  if (status.left > 0) throw ExitWith(kWorkLeft, "the batch is not finished");
  if (status.failed > 0) throw ExitWith(kSomeFailed, "some edits failed");
}

}  // namespace

Command add_batch_command(CLI::App& program) {
  const auto state = std::make_shared<BatchCommand>();
  auto* command = program.add_subcommand("batch", "Edit a list of pictures, with one worker or several.");
  state->add_options(*command);
  return {command, [state] {
            if (!state->is_reported()) return state->run();
            state->reporter().run([&] { state->run(); });
          }};
}

}  // namespace forgedit::cli
