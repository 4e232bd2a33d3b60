#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "apps/cli/commands.h"
#include "apps/cli/version_line.h"
#include "apps/common/places.h"
#include "forgedit/core/files.h"
#include "forgedit/core/host_memory.h"
#include "forgedit/core/text.h"
#include "forgedit/device/device.h"
#include "forgedit/io/weights/hub_cache.h"
#include "forgedit/jobs/captioning.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/jobs/scoring.h"

namespace forgedit::cli {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
constexpr const char* kHubPrefix = "models--";

void row(const std::string& name, const std::string& text) {
  fmt::print("{:18} {}\n", name, text);
}

std::string free_text(std::int64_t bytes) {
  return bytes == INT64_MAX ? "unknown" : fmt::format("{:.1f} GiB free", static_cast<double>(bytes) / kGiB);
}

void print_devices() {
  row("CPU", fmt::format("{} cores, {}", std::thread::hardware_concurrency(), free_text(free_host_memory())));
  const int gpus = gpu_count();
  for (int i = 0; i < gpus; ++i) {
    const c10::Device gpu(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(i));
    row(fmt::format("GPU {}", i), describe_device(gpu) + ", " + free_text(free_memory(gpu)));
  }
  if (gpus == 0)
    row("GPU", "none that this program can use: it was built without CUDA, or finds no CUDA driver");
}

/// The repository of a cache folder: "ORG/NAME" for "models--ORG--NAME".
std::string repository_of(const std::string& folder) {
  const auto name = folder.substr(std::string(kHubPrefix).size());
  const auto between = name.find("--");
  return between == std::string::npos ? name : name.substr(0, between) + "/" + name.substr(between + 2);
}

void print_hub_cache(const Places& places) {
  const auto& cache = places.hub_cache;
  row("Hugging Face cache", cache.empty() ? "none: HOME is not set" : cache.string());
  bool has_one = false;
  for (const auto& folder : list_directory(cache)) {
    if (!starts_with(folder, kHubPrefix)) continue;
    const auto name = repository_of(folder);
    const auto found = find_in_hub_cache(cache, name);
    const bool whole = found && found->unfinished.empty();
    row("", "  " + name + (whole ? "" : ": unfinished download; resume it with: hf download " + name));
    has_one = true;
  }
  if (!has_one && !cache.empty()) row("", "  no models in it");
}

std::string found_or_way(const Places& places, const std::string& name, const std::string& otherwise) {
  const auto found = find_in_hub_cache(places.hub_cache, name);
  if (found && found->unfinished.empty()) return name;
  return otherwise + "; fetch one with: hf download " + name;
}

void print_abilities(const Places& places) {
  const bool has_miniature =
      !places.assets.empty() && std::filesystem::is_directory(miniature_folder(places));
  row("miniature",
      has_miniature ? "installed; without --model, it edits, captions and scores 3D emoji, also with --auto"
                    : "not installed");
  row("captions", found_or_way(places, published_captioner(), "other models need --captioner or --source"));
  std::string clip;
  for (const char* name : published_clips()) {
    const auto found = find_in_hub_cache(places.hub_cache, name);
    if (clip.empty() && found && found->unfinished.empty()) clip = name;
  }
  row("scores, --auto", clip.empty() ? found_or_way(places, published_clips().front(),
                                                    "other models need --clip; --auto works without it")
                                     : clip);
  row("LPIPS", "optional; give its files with --lpips (docs/metrics.md)");
}

void diagnose() {
  const auto places = find_places();
  row("program", version_line());
  row("assets", places.assets.empty() ? places.no_assets : places.assets.string());
  print_devices();
  print_hub_cache(places);
  print_abilities(places);
}

}  // namespace

Command add_doctor_command(CLI::App& program) {
  auto* command = program.add_subcommand(
      "doctor", "Report devices, memory and models of this machine, and what is missing.");
  return {command, diagnose};
}

}  // namespace forgedit::cli
