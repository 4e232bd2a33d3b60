#include "apps/cli/model_choice.h"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "apps/cli/interrupt.h"
#include "apps/cli/lists.h"
#include "forgedit/core/error.h"

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
      .add_option("--model", options.folder,
                  "Stable Diffusion 1.x folder (diffusers layout) [the miniature of forgedit]")
      ->type_name("DIR")
      ->group("Model");
  command.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group("Model");
  command
      .add_option_function<std::string>(
          "--precision", [&](const std::string& text) { options.precision = parse_precision(text); },
          "fp32 or bf16")
      ->type_name("NAME")
      ->default_str("fp32")
      ->group("Model");
  command.add_option("--threads", options.threads, "CPU threads [OMP_NUM_THREADS, or one a core]")
      ->check(within(1, kMaxThreads))
      ->type_name("N")
      ->group("Model");
}

std::string ModelChoice::name() const {
  const auto path = fs::absolute(folder).lexically_normal();
  return miniature ? "miniature" : (path.has_filename() ? path : path.parent_path()).filename().string();
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

ModelChoice choose_model(const ModelOptions& options) {
  const bool miniature = options.folder.empty();
  const ModelChoice choice{miniature ? find_assets() / kMiniature : fs::path(options.folder),
                           miniature,
                           {parse_device(options.device), options.precision},
                           options.threads > 0 ? options.threads : threads_of_environment()};
  if (fs::is_directory(choice.folder)) return choice;
  if (!choice.miniature) throw failure(choice.folder.string() + ": no such model folder");
  throw failure(choice.folder.string() +
                ": the miniature is not there; give --model DIR of a Stable Diffusion 1.x folder");
}

StableDiffusion load_model(const ModelChoice& choice, Console& console) {
  if (choice.miniature) {
    console.note(
        "using the miniature: it knows 3D emoji on plain backgrounds, captions such as \"a man walking: dark "
        "skin tone on a blue background\"; for photographs give --model DIR of a Stable Diffusion 1.x "
        "folder");
  }
  prepare_compute(choice.policy, choice.threads);
  auto model = StableDiffusion::load(choice.folder, choice.policy);
  throw_if_stopped();
  console.note(fmt::format("model {} on {}, {}", choice.name(), describe_device(choice.policy.device),
                           choice.policy.precision == Precision::bf16 ? "bf16" : "fp32"));
  return model;
}

}  // namespace forgedit::cli
