#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/cli/bench.h"
#include "apps/cli/console.h"
#include "apps/cli/model_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "apps/common/streams.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/version.h"
#include "forgedit/eval/speed.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/records/settings_json.h"
#include "forgedit/work/spawn.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;

struct SpeedCommand {
  ModelRequest model;
  SpeedOptions options;
  std::optional<std::pair<int, int>> size;
  std::string json;
  bool first_picture = true;

  void run();
  /// The task whose memory is needed: fine-tuning and generating, or only generating if --memory is too
  /// little for fine-tuning.
  MemoryTask need(const StableDiffusion& network);
};

void print_row(const SpeedRow& row) {
  throw_if_stopped();
  print(fmt::format("{:44} {:>10.4g} {}\n", row.title, row.value, row.unit));
  flush_stdout();
}

/// Waits for a process and returns its status. Forwards a request to stop to it.
int wait_for(pid_t process) {
  constexpr auto kOften = std::chrono::milliseconds(2);
  for (int status = 0;; std::this_thread::sleep_for(kOften)) {
    const auto ended = ::waitpid(process, &status, WNOHANG);
    if (ended != 0) return ended == process ? status : -1;
    try {
      throw_if_stopped();
    } catch (const Cancelled&) {
      ::kill(process, SIGTERM);
      ::waitpid(process, &status, 0);
      throw;
    }
  }
}

/// Runs this program in a process of its own, without output. Returns the seconds from its start to its end.
double seconds_of_process(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{fs::read_symlink("/proc/self/exe").string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const auto start = std::chrono::steady_clock::now();
  pid_t process = 0;
  const int failed = spawn(command, {}, quiet, process);
  posix_spawn_file_actions_destroy(&quiet);
  const int status = failed == 0 ? wait_for(process) : -1;
  throw_if_stopped();  // Ctrl-C reaches both processes
  if (failed != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw failure("bench: `forgedit edit` in its own process failed");
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Measures a whole `forgedit edit`: start, loading, fine-tuning, one edit and the reconstruction.
SpeedRow measure_first_picture(const SpeedCommand& command, const ModelChoice& choice, const Places& places) {
  const auto out = fs::temp_directory_path() / fmt::format("forgedit-bench-{}", ::getpid());
  std::vector<std::string> arguments{"edit",
                                     (assets_of(places) / "miniature" / "demo.png").string(),
                                     "a man running: dark skin tone on a blue background",
                                     "--source",
                                     "a man walking: dark skin tone on a blue background",
                                     "--gamma",
                                     "1",
                                     "--stop-loss",
                                     "0",
                                     "--device",
                                     command.model.device,
                                     "--precision",
                                     precision_name(choice.policy.precision),
                                     "--out",
                                     out.string()};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {option, value});
  };
  if (choice.memory) add("--memory", fmt::format("{}", *choice.memory));
  add("--model", command.model.model);
  add("--vae", command.model.vae);
  add("--tokenizer", command.model.tokenizer);
  add("--config", command.model.config);
  for (const auto& lora : command.model.loras) {
    add("--lora", fmt::format("{}:{}", lora.path.string(), lora.scale));
  }
  if (command.model.clip_skip) add("--clip-skip", std::to_string(*command.model.clip_skip));
  if (command.size) add("--size", fmt::format("{}x{}", command.size->first, command.size->second));
  if (choice.policy.plain) arguments.emplace_back("--plain");
  if (command.options.learn.fast) arguments.emplace_back("--fast");
  const auto remove = [&](const fs::path* folder) { remove_tree(*folder); };
  const std::unique_ptr<const fs::path, decltype(remove)> at_the_end(&out, remove);
  const double seconds = seconds_of_process(arguments);
  return {"first_picture_s", "process start to the first edited image", "s", seconds};
}

MemoryTask SpeedCommand::need(const StableDiffusion& network) {
  const auto native = static_cast<int>(network.native_size());
  auto task = network.memory_task(options.width > 0 ? options.width : native,
                                  options.height > 0 ? options.height : native);
  add_learning(task, network, options.learn);
  task.draw_batch = *std::max_element(options.batches.begin(), options.batches.end());
  if (model.memory && !find_memory_plan(task, *model.memory)) {
    options.learns = false;
    task.batch = 0;
  }
  return task;
}

void SpeedCommand::run() {
  if (!json.empty()) {
    const auto folder = fs::absolute(json).parent_path();
    if (!fs::is_directory(folder)) throw usage_error("json", folder.string() + ": no such folder");
  }
  if (options.learn.samples < options.learn.batch) {
    throw usage_error("samples", fmt::format("expected at least one batch of {}, got {}", options.learn.batch,
                                             options.learn.samples));
  }
  Console console;
  say_which_model(model, console);
  const auto places = find_places();
  JobContext context(places, console, program_stop());
  const auto choice = choose_model(model, context);
  if (size) {
    options.width = size->first;
    options.height = size->second;
  }
  std::vector<SpeedRow> rows;
  std::string memory;
  {
    prepare_compute(choice.policy, choice.threads);
    auto network = load_model(choice, context, [&](const StableDiffusion& loaded) { return need(loaded); });
    memory = describe(network.memory);
    if (!options.learns) console.note("skipped fine-tuning: too little memory");
    if (const auto multiple = static_cast<int>(network.size_multiple());
        options.width % multiple != 0 || options.height % multiple != 0) {
      throw usage_error("size", fmt::format("expected multiples of {}, got {}x{}", multiple, options.width,
                                            options.height));
    }
    rows = measure_speed(network, options, print_row);
  }
  if (first_picture && options.learns) {
    rows.push_back(measure_first_picture(*this, choice, places));
    print_row(rows.back());
  }
  if (json.empty()) return;
  nlohmann::json record{{"software", software_name()},
                        {"device", describe_device(choice.policy.device)},
                        {"precision", precision_name(choice.policy.precision)},
                        {"plain", choice.policy.plain},
                        {"fast", options.learn.fast},
                        {"model", choice.name()},
                        {"steps", options.sample.steps},
                        {"samples", options.learn.samples},
                        {"batch", options.learn.batch},
                        {"memory", memory}};
  for (const auto& row : rows) record[row.key] = row.value;
  write_file_atomically(json, json_text(record, 1) + "\n");
}

}  // namespace

std::function<void()> add_speed_options(CLI::App& bench) {
  const auto state = std::make_shared<SpeedCommand>();
  bench
      .add_option_function<std::string>(
          "--size", [state](const std::string& text) { state->size = parse_size("size", text); },
          "image size [the model's own]")
      ->type_name("WxH");
  const auto add_number = [&](const char* name, auto& value, const char* text) {
    bench.add_option(name, value, text)->check(within(1, 1e6))->type_name("N")->capture_default_str();
  };
  add_number("--samples", state->options.learn.samples, "training samples (picture and noise)");
  add_number("--batch", state->options.learn.batch, "samples per training step");
  add_number("--steps", state->options.sample.steps, "DDIM steps per image");
  bench.add_option("--json", state->json, "write the measurements to this file too, as one JSON object")
      ->type_name("FILE");
  bench.add_flag("--fast", state->options.learn.fast, "fine-tune as `edit --fast` does");
  bench.add_flag_callback(
      "--no-first-picture", [state] { state->first_picture = false; },
      "do not measure the time to the first image, for which a whole edit runs in a process of its own");
  add_model_options(bench, state->model);
  add_memory_option(bench, state->model);
  return [state] { state->run(); };
}

}  // namespace forgedit::cli
