#include "apps/cli/model_choice.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>

#include "apps/cli/interrupt.h"
#include "apps/cli/lists.h"
#include "forgedit/core/host_memory.h"
#include "forgedit/device/compute_limits.h"
#include "forgedit/device/precision.h"
#include "forgedit/io/weights/hub_cache.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
constexpr const char* kFont = "fonts/DejaVuSans.ttf";
constexpr const char* kMiniature = "miniature/model";
constexpr int kMaxThreads = 1024;

/// OMP_NUM_THREADS where it is one number; 0 otherwise.
int threads_of_environment() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  return text && within(1, kMaxThreads)(text).empty() ? std::atoi(text) : 0;
}

}  // namespace

void add_model_options(CLI::App& command, ModelOptions& options) {
  command
      .add_option(
          "--model", options.folder,
          "Stable Diffusion 1.x: a diffusers folder, a single-file checkpoint, or ORG/NAME in the hub's "
          "cache [the miniature of forgedit]")
      ->type_name("DIR|FILE|ORG/NAME")
      ->group("Model");
  command.add_option("--vae", options.vae, "another VAE: a folder, a file, or a checkpoint that has one")
      ->type_name("DIR|FILE")
      ->group("Model");
  command
      .add_option("--tokenizer", options.tokenizer,
                  "folder with vocab.json and merges.txt, for a single file [beside it, or the hub cache's]")
      ->type_name("DIR")
      ->group("Model");
  command
      .add_option("--config", options.config,
                  "diffusers folder with the settings of a single file that is no published size")
      ->type_name("DIR")
      ->group("Model");
  command.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group("Model");
  command
      .add_option_function<std::string>(
          "--precision", [&](const std::string& text) { options.precision = parse_precision(text); },
          "fp32 or bf16 [bf16 on a GPU that has it, else fp32]")
      ->type_name("NAME")
      ->group("Model");
  command.add_flag("--plain", options.plain, "on a GPU: LibTorch's operators only, one by one")
      ->group("Model");
  command.add_option("--threads", options.threads, "CPU threads [OMP_NUM_THREADS, or one a core]")
      ->check(within(1, kMaxThreads))
      ->type_name("N")
      ->group("Model");
}

void add_memory_option(CLI::App& command, ModelOptions& options) {
  command
      .add_option_function<std::string>(
          "--memory", [&](const std::string& text) { options.memory_gib = parse_gib("--memory", text); },
          "fit in this many GiB of GPU memory (8, 8GB, 6000MB), which the program then cannot exceed; on a "
          "CPU "
          "bounds what is planned for, by estimates [what is free]")
      ->type_name("GIB")
      ->group("Model");
}

fs::path find_hub_cache() {
  const auto value = [](const char* name) {
    const char* text = std::getenv(name);
    return std::string(text ? text : "");
  };
  return hub_cache_folder({value("HF_HUB_CACHE"), value("HF_HOME"), value("XDG_CACHE_HOME"), value("HOME")});
}

ModelPlace find_model(const std::string& model) {
  std::error_code error;
  if (fs::exists(model, error)) {
    const auto path = fs::absolute(model).lexically_normal();
    return {model, (path.has_filename() ? path : path.parent_path()).filename().string(), {}};
  }
  if (!is_repository_name(model)) throw failure(model + ": no such model folder or file");
  const auto cache = find_hub_cache();
  const auto found = find_in_hub_cache(cache, model);
  if (found) return {found->folder, model, found->unfinished};
  throw failure(model + ": no such model folder or file, nor in the hub's cache " + cache.string() +
                "; forgedit never downloads anything");
}

fs::path find_assets() {
  std::vector<fs::path> places;
  if (const char* given = std::getenv("FORGEDIT_ASSETS"); given && *given) {
    places = {given};
  } else {
    std::error_code error;
    const auto program = fs::read_symlink("/proc/self/exe", error);
    places = {FORGEDIT_ASSETS_DIR, program.parent_path().parent_path() / "share" / "forgedit"};
  }
  for (const auto& place : places) {
    if (fs::exists(place / kFont)) return place;
  }
  throw failure(places.front().string() + ": no " + kFont +
                " there; set FORGEDIT_ASSETS to forgedit's assets folder");
}

Fonts find_fonts() {
  const auto below = [](const char* variable, const char* folder) {
    const char* value = std::getenv(variable);
    return fs::path(value && *value ? value : "/nonexistent") / folder;
  };
  return {find_assets() / kFont,
          {"/usr/share/fonts", "/usr/local/share/fonts", below("XDG_DATA_HOME", "fonts"),
           below("HOME", ".local/share/fonts"), below("HOME", ".fonts")}};
}

ModelChoice choose_model(const ModelOptions& options, Console& console) {
  if (options.folder.empty()) {
    console.highlight(
        "no --model given: using the bundled emoji demo model. For photos pass --model (Stable Diffusion "
        "1.x).");
  }
  return choose_model(options);
}

ModelChoice choose_model(const ModelOptions& options) {
  const bool miniature = options.folder.empty();
  const auto device = parse_device(options.device);
  const bool bf16 = has_bf16(device);
  const ComputePolicy policy{device, choose_precision(device, options.precision, bf16), options.plain};
  if (!options.precision && device.is_cuda() && !bf16) {
    spdlog::warn("{}: computes no bf16, so this runs in fp32", describe_device(device));
  }
  const int threads = options.threads > 0 ? options.threads : threads_of_environment();
  ModelPlace place;
  if (miniature) {
    place = {find_assets() / kMiniature, "miniature", {}};
    if (!fs::is_directory(place.path)) {
      throw failure(place.path.string() +
                    ": the miniature is not there; give --model DIR of a Stable Diffusion 1.x folder");
    }
  } else {
    place = find_model(options.folder);
  }
  if (!options.config.empty() && fs::is_directory(place.path)) {
    throw usage_error("--config belongs to a --model of one file; a folder has its own settings");
  }
  ModelFiles files(place.path);
  files.vae = options.vae;
  files.tokenizer = options.tokenizer;
  files.config = options.config;
  files.hub_cache = find_hub_cache();
  return {place.path, miniature, policy, threads, options.memory_gib, place, files};
}

Error explained(const Error& error, const ModelPlace& place) {
  const auto& unfinished = place.unfinished;
  if (unfinished.empty()) return error;
  return {error.kind(),
          fmt::format("{} (the download of {} in the hub's cache is not finished: {}{})", error.what(),
                      place.name, unfinished.front(), unfinished.size() > 1 ? ", …" : "")};
}

namespace {

StableDiffusion read_from(const ModelChoice& choice) {
  try {
    return StableDiffusion::read(choice.files, choice.policy);
  } catch (const Error& error) {
    throw explained(error, choice.place);
  }
}

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
/// Of outside_of_tensors, what CUDA has taken already when it is asked what is free.
constexpr double kContextGiB = 0.5;

/// Of what a machine has free, the share that is planned for: other programs live there too.
constexpr double kOfFreeMemory = 0.95;

/// Bytes in which a CPU's run has to stay, what it holds already included; INT64_MAX where nothing says.
std::int64_t host_budget(int threads) {
  const auto machine = free_machine_memory(), limits = memory_within_limits();
  auto left = INT64_MAX;
  if (machine != INT64_MAX) left = static_cast<std::int64_t>(kOfFreeMemory * static_cast<double>(machine));
  if (limits != INT64_MAX)
    left = std::min(left, std::max<std::int64_t>(0, limits - room_for_threads(threads)));
  return left == INT64_MAX ? left : left + own_host_memory();
}

/// Without measures where they are not needed; the kernel ends what takes more than there is.
MemoryPlan settle_host_memory(const MemoryTask& task) {
  const auto budget = host_budget(at::get_num_threads());
  if (estimate_peak(task, {}) <= budget) return {};
  try {
    return plan_memory(task, std::max(0.01, std::floor(static_cast<double>(budget) / kGiB * 100) / 100));
  } catch (const Error& error) {
    throw failure(std::string(error.what()) + " (what this machine and its limits leave)");
  }
}

MemoryPlan settle_memory(const ModelChoice& choice, const MemoryTask& task) {
  const auto& device = choice.policy.device;
  if (choice.memory_gib) {
    const auto plan = plan_memory(task, *choice.memory_gib);
    limit_memory(device, static_cast<std::int64_t>(*choice.memory_gib * kGiB) - outside_of_tensors(device));
    return plan;
  }
  if (!device.is_cuda()) return settle_host_memory(task);
  const double free = static_cast<double>(free_memory(device)) / kGiB + kContextGiB;
  if (static_cast<double>(estimate_peak(task, {})) <= free * kGiB) return {};
  return plan_memory(task, std::floor(free * 10) / 10);
}

}  // namespace

StableDiffusion load_model(const ModelChoice& choice, Console& console, const MemoryNeed& need) {
  prepare_compute(choice.policy, choice.threads);
  auto model = read_from(choice);
  throw_if_stopped();
  if (need) model.memory = settle_memory(choice, need(model));
  if (model.memory.budget_gib > 0) console.note("memory: " + describe(model.memory));
  model.move_to_device();
  console.note(fmt::format("model {} on {}, {}", choice.name(), describe_device(choice.policy.device),
                           precision_name(choice.policy.precision)));
  return model;
}

}  // namespace forgedit::cli
