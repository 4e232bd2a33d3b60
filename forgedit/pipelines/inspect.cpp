#include "forgedit/pipelines/inspect.h"

#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/io/checkpoint_kind.h"
#include "forgedit/io/model_folder.h"
#include "forgedit/io/single_file.h"
#include "forgedit/io/weights_file.h"
#include "forgedit/pipelines/saved_edit.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

std::string type_name(at::ScalarType type) {
  switch (type) {
    case at::kHalf:
      return "fp16";
    case at::kBFloat16:
      return "bf16";
    case at::kFloat:
      return "fp32";
    case at::kDouble:
      return "fp64";
    case at::kLong:
      return "int64";
    case at::kInt:
      return "int32";
    default:
      return at::toString(type);
  }
}

InspectedPart part_of(const std::string& name, const StateDict& tensors) {
  InspectedPart part;
  part.name = name;
  for (const auto& [key, tensor] : tensors) {
    ++part.types[type_name(tensor.scalar_type())];
    if (tensor.is_floating_point()) part.parameters += static_cast<std::uint64_t>(tensor.numel());
    part.bytes += tensor.nbytes();
  }
  return part;
}

void add_part(Inspection& result, const std::string& name, const StateDict& tensors) {
  if (tensors.empty()) {
    result.missing.push_back(name);
  } else {
    result.parts.push_back(part_of(name, tensors));
  }
}

bool has_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt");
}

/// What exports put beside a model.
bool is_learned_embedding(const WeightsFile& file) {
  return file.tensors.size() == 1 && file.tensors.count("embedding") > 0 &&
         file.tensors.at("embedding").dim() == 3;
}

Inspection inspect_embedding(const WeightsFile& file) {
  Inspection result;
  result.what = "a learned source embedding, as exports have it beside their model";
  result.parts.push_back(part_of("embedding", file.tensors));
  for (const auto& [key, text] : file.metadata) result.notes.push_back(key + " \"" + text + "\"");
  return result;
}

/// How many layers a LoRA changes, and at which ranks, by the names of kohya, PEFT and diffusers.
std::string lora_ranks(const StateDict& tensors) {
  std::int64_t layers = 0, low = INT64_MAX, high = 0;
  for (const auto& [name, tensor] : tensors) {
    const bool down = name.find("lora_down.") != std::string::npos ||
                      name.find("lora_A.") != std::string::npos ||
                      name.find("lora.down.") != std::string::npos;
    if (!down || tensor.dim() == 0) continue;
    ++layers;
    low = std::min(low, tensor.size(0));
    high = std::max(high, tensor.size(0));
  }
  if (layers == 0) return "no layers of the usual names";
  const auto ranks = std::to_string(low) + (low == high ? "" : " to " + std::to_string(high));
  return std::to_string(layers) + " layers of rank " + ranks;
}

Inspection inspect_file(const fs::path& path) {
  const auto file = read_weights_file(path, no_values);
  const auto kind = checkpoint_kind(file.tensors);
  if (is_learned_embedding(file)) return inspect_embedding(file);
  if (kind == CheckpointKind::unknown) {
    throw failure(path.string() + ": " + std::to_string(file.tensors.size()) +
                  " tensors of nothing that forgedit knows, such as " +
                  (file.tensors.empty() ? "none" : file.tensors.begin()->first));
  }
  Inspection result;
  result.what = checkpoint_title(kind);
  result.usable = kind == CheckpointKind::sd1 || kind == CheckpointKind::vae;
  result.notes.emplace_back(file.format == WeightsFile::Format::safetensors ? "safetensors"
                                                                            : "PyTorch pickle");
  if (kind != CheckpointKind::sd1) {
    result.parts.push_back(part_of("weights", file.tensors));
    if (kind == CheckpointKind::lora) result.notes.push_back(lora_ranks(file.tensors));
    return result;
  }
  const auto parts = split_checkpoint(file.tensors);
  add_part(result, "UNet", parts.unet);
  add_part(result, "text encoder", parts.text_encoder);
  add_part(result, "VAE", parts.vae);
  // A text encoder and a UNet can come from nowhere else, a VAE and a tokenizer can.
  result.usable = result.missing.empty();
  if (parts.vae.empty()) result.notes.emplace_back("no VAE in it: give --vae");
  auto beside = path;
  if (!has_tokenizer(beside.replace_extension("tokenizer")) &&
      !has_tokenizer(path.parent_path() / "tokenizer") && !has_tokenizer(path.parent_path())) {
    result.missing.emplace_back("tokenizer");
    result.notes.emplace_back("no tokenizer beside it: one of the hub's cache serves, or --tokenizer");
  }
  const auto note_count = [&](std::size_t count, const char* what) {
    if (count > 0) result.notes.push_back(std::to_string(count) + " " + what);
  };
  note_count(parts.ema_copies, "averaged copies (model_ema), not used");
  note_count(parts.schedule_tensors, "tensors of the training's noise schedule, not used");
  note_count(parts.not_known.size(), "tensors that Stable Diffusion 1.x does not have, not used");
  return result;
}

/// The weights of a subfolder, or nothing where it has none, or only a link to nothing.
StateDict weights_in(const fs::path& folder, const std::string& stem) {
  const auto path = find_component_weights(folder, stem);
  return fs::exists(path) ? read_component_weights(folder, stem, no_values) : StateDict{};
}

Inspection inspect_model_folder(const fs::path& folder) {
  Inspection result;
  result.what = "a diffusers folder";
  std::string pipeline = "StableDiffusionPipeline";
  if (fs::exists(folder / "model_index.json")) {
    pipeline = ConfigReader(folder / "model_index.json").text("_class_name", pipeline);
    result.what += " (" + pipeline + ")";
  }
  const auto unet = weights_in(folder / "unet", "diffusion_pytorch_model");
  add_part(result, "UNet", unet);
  add_part(result, "text encoder", weights_in(folder / "text_encoder", "model"));
  add_part(result, "VAE", weights_in(folder / "vae", "diffusion_pytorch_model"));
  for (const char* name : {"unet", "text_encoder", "vae"}) {
    if (!fs::exists(folder / name / "config.json"))
      result.missing.push_back(std::string(name) + "/config.json");
  }
  if (!has_tokenizer(folder / "tokenizer")) result.missing.emplace_back("tokenizer");
  const auto kind = checkpoint_kind(unet);
  if (!unet.empty() && kind != CheckpointKind::unet) {
    result.notes.push_back("its UNet: " + checkpoint_title(kind));
  } else if (pipeline != "StableDiffusionPipeline") {
    result.notes.push_back("only StableDiffusionPipeline is supported");
  }
  result.usable = result.missing.empty() && kind == CheckpointKind::unet;
  return result;
}

Inspection inspect_saved_edit(const fs::path& folder) {
  const auto learned = read_saved_edit(folder);
  Inspection result;
  result.what = "a saved edit";
  result.usable = true;
  result.parts.push_back(part_of("learned UNet", learned.result.unet));
  if (!learned.result.text_encoder.empty()) {
    result.parts.push_back(part_of("learned text encoder", learned.result.text_encoder));
  }
  result.parts.push_back(part_of("learned embedding", {{"embedding", learned.result.embedding}}));
  result.notes = {"picture " + learned.picture_name, "source \"" + learned.source + "\"",
                  "learned by " + learn_method_name(learned.options.method) + " from " +
                      std::to_string(learned.options.samples) + " samples at " +
                      std::to_string(learned.frame.grid_width) + "x" +
                      std::to_string(learned.frame.grid_height),
                  "base model " + learned.base_name + ", fingerprint " + learned.base_fingerprint};
  return result;
}

/// A folder of one network, by its config.json.
Inspection inspect_network_folder(const fs::path& folder) {
  const ConfigReader config(folder / "config.json");
  const auto type = config.text("_class_name", config.text("model_type", ""));
  const bool transformers = !config.has("_class_name");
  Inspection result;
  add_part(result, "weights", weights_in(folder, transformers ? "model" : "diffusion_pytorch_model"));
  if (type == "blip") {
    result.what = "a BLIP captioner folder";
    if (!fs::exists(folder / "vocab.txt") && !fs::exists(folder / "tokenizer.json")) {
      result.missing.emplace_back("vocab.txt or tokenizer.json");
    }
  } else if (type == "AutoencoderKL") {
    result.what = "a VAE folder";
  } else if (type == "UNet2DConditionModel") {
    result.what = "a UNet folder";
  } else if (type == "clip_text_model") {
    result.what = "a CLIP text encoder folder";
  } else if (type == "clip") {
    result.what = "a CLIP model folder";
  } else {
    config.reject(transformers ? "model_type" : "_class_name",
                  "'" + type + "' is nothing that forgedit knows");
  }
  result.usable = result.missing.empty() && (type == "blip" || type == "AutoencoderKL" || type == "clip");
  return result;
}

}  // namespace

Inspection inspect(const fs::path& path) {
  if (!fs::exists(path)) throw failure(path.string() + ": no such file or folder");
  if (!fs::is_directory(path)) return inspect_file(path);
  if (fs::exists(path / "learned.json")) return inspect_saved_edit(path);
  if (fs::exists(path / "model_index.json") || fs::is_directory(path / "unet"))
    return inspect_model_folder(path);
  if (fs::exists(path / "config.json")) return inspect_network_folder(path);
  if (has_tokenizer(path)) {
    Inspection result;
    result.what = "a CLIP tokenizer folder";
    result.usable = true;
    return result;
  }
  throw failure(path.string() +
                ": nothing that forgedit knows: expected a model, network, tokenizer or saved edit in it");
}

nlohmann::json to_json(const Inspection& inspection) {
  auto parts = nlohmann::json::array();
  for (const auto& part : inspection.parts) {
    parts.push_back({{"name", part.name},
                     {"parameters", part.parameters},
                     {"bytes", part.bytes},
                     {"dtypes", part.types}});
  }
  return {{"what", inspection.what},
          {"usable", inspection.usable},
          {"parts", parts},
          {"notes", inspection.notes},
          {"missing", inspection.missing}};
}

}  // namespace forgedit
