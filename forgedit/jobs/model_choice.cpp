#include "forgedit/jobs/model_choice.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "forgedit/core/host_memory.h"
#include "forgedit/device/compute_limits.h"
#include "forgedit/device/precision.h"
#include "forgedit/io/weights/hub_cache.h"
#include "forgedit/models/load_network.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
constexpr const char* kMiniature = "miniature/model";

}  // namespace

ModelPlace find_model(const std::string& model, const Places& places) {
  std::error_code error;
  if (fs::exists(model, error)) {
    const auto path = fs::absolute(model).lexically_normal();
    return {model, (path.has_filename() ? path : path.parent_path()).filename().string(), {}};
  }
  if (!is_repository_name(model)) throw failure(model + ": no such model folder or file");
  const auto& cache = places.hub_cache;
  const auto found = find_in_hub_cache(cache, model);
  if (found) return {found->folder, model, found->unfinished};
  throw failure(model + ": no such model folder or file, nor in the Hugging Face cache " + cache.string() +
                "; fetch it with: hf download " + model);
}

fs::path miniature_folder(const Places& places) {
  return assets_of(places) / kMiniature;
}

ModelPlace find_model(const ModelRequest& request, const Places& places) {
  if (!request.model.empty()) return with_field("model", [&] { return find_model(request.model, places); });
  ModelPlace place{miniature_folder(places), "miniature", {}};
  if (fs::is_directory(place.path)) return place;
  throw failure("model",
                place.path.string() + ": the miniature is not installed; give a Stable Diffusion model");
}

ModelChoice choose_model(const ModelRequest& request, JobContext& job) {
  const bool miniature = request.model.empty();
  const auto device = parse_device(request.device);
  const bool bf16 = has_bf16(device);
  const ComputePolicy policy{device, choose_precision(device, request.precision, bf16), request.plain};
  if (!request.precision && device.is_cuda() && !bf16) {
    job.warn(describe_device(device) + ": does not support bf16, so fp32 is used");
  }
  int threads = request.threads > 0 ? request.threads : job.places().threads;
  if (const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
      threads > cores) {
    job.warn(
        fmt::format("{} threads (threads, or OMP_NUM_THREADS): only {} cores are available, so {} are used",
                    threads, cores, cores));
    threads = cores;
  }
  const auto place = find_model(request, job.places());
  if (!request.config.empty() && fs::is_directory(place.path)) {
    throw usage_error("config", "is only for single-file models; a folder has its own settings");
  }
  for (const auto& lora : request.loras) {
    if (!fs::exists(lora.path)) throw failure("lora", lora.path.string() + ": no such LoRA file");
  }
  ModelFiles files(place.path);
  files.vae = request.vae;
  files.tokenizer = request.tokenizer;
  files.config = request.config;
  files.hub_cache = job.places().hub_cache;
  if (const auto& assets = job.places().assets; !assets.empty()) files.clip_vocabulary = assets / kClipFolder;
  files.loras = request.loras;
  // What is usual is no setting: records are those of runs that do not name it.
  if (request.clip_skip && *request.clip_skip != usual_clip_skip(has_two_text_encoders(place.path))) {
    files.clip_skip = request.clip_skip;
  }
  return {place.path, miniature, policy, threads, request.memory, place, files};
}

std::string ModelChoice::name() const {
  auto name = place.name + loras_text(files.loras);
  if (files.clip_skip) name += fmt::format(" + clip skip {}", *files.clip_skip);
  return name;
}

Error explained(const Error& error, const ModelPlace& place) {
  const auto& unfinished = place.unfinished;
  if (unfinished.empty()) return error;
  return {error.kind(),
          fmt::format("{} (the download of {} in the Hugging Face cache is unfinished: {}{})", error.what(),
                      place.name, unfinished.front(), unfinished.size() > 1 ? ", …" : ""),
          error.field()};
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
    throw failure("memory",
                  std::string(error.what()) + " (the free memory of this machine, within its limits)");
  }
}

}  // namespace

MemoryPlan settle_memory(const ModelChoice& choice, const MemoryTask& task, std::int64_t held) {
  const auto& device = choice.policy.device;
  if (choice.memory) {
    const auto plan = plan_memory(task, *choice.memory);
    limit_memory(device, static_cast<std::int64_t>(*choice.memory * kGiB) - outside_of_tensors(device));
    return plan;
  }
  if (!device.is_cuda()) return settle_host_memory(task);
  const double free = static_cast<double>(free_memory(device) + held) / kGiB + kContextGiB;
  if (static_cast<double>(estimate_peak(task, {})) <= free * kGiB) return {};
  return plan_memory(task, std::floor(free * 10) / 10);
}

namespace {

template <typename Model, typename Config>
Model outline_of(const NetworkFiles<Config>& files) {
  return load_network<Model>(files.config, stand_ins(files.weights), files.origin);
}

}  // namespace

StableDiffusion outline_model(const ModelChoice& choice, JobContext& job, const MemoryNeed& need) {
  prepare_compute(choice.policy, choice.threads);
  StableDiffusion model;
  try {
    auto parts = read_model(choice.files);
    check_model(parts);
    ask_prediction(parts);
    for (const auto& note : parts.notes) job.note(note);
    model.policy = choice.policy;
    model.tokenizer = ClipTokenizer::from_directory(parts.tokenizer.folder, parts.tokenizer.pad_token);
    model.unet = outline_of<UNet>(parts.unet);
    model.vae = outline_of<AutoencoderKL>(parts.vae);
    model.text_encoder = outline_of<ClipTextModel>(parts.text_encoder);
    if (parts.text_encoder_2) model.text_encoder_2 = outline_of<ClipTextModel>(*parts.text_encoder_2);
    model.settings = parts.settings;
    model.clip_skip = parts.clip_skip;
    check_loras(choice.files.loras, model.lora_targets());
  } catch (const Error& error) {
    throw explained(error, choice.place);
  }
  model.memory = settle_memory(choice, need(model));
  return model;
}

StableDiffusion load_model(const ModelChoice& choice, JobContext& job, const MemoryNeed& need) {
  auto model = read_from(choice);
  job.throw_if_stopped();
  for (const auto& note : model.notes) job.note(note);
  const auto plan = need ? settle_memory(choice, need(model)) : MemoryPlan{};
  if (plan.budget_gib > 0) job.note("memory: " + describe(plan));
  model.place(plan);
  job.note(fmt::format("model {} on {}, {}", choice.name(), describe_device(choice.policy.device),
                       precision_name(choice.policy.precision)));
  return model;
}

}  // namespace forgedit
