#include "forgedit/pipelines/records/inspect.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/checkpoint_kind.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/lora.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/io/weights/single_file.h"
#include "forgedit/io/weights/weights_file.h"
#include "forgedit/models/blip.h"
#include "forgedit/models/clip.h"
#include "forgedit/models/load_network.h"
#include "forgedit/models/sizes_from_weights.h"
#include "forgedit/pipelines/model/model_settings.h"
#include "forgedit/pipelines/records/model_defaults.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/text/wordpiece.h"

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

/// The tensors of a file and, by name, the dtypes of those stored as 8-bit floats.
struct Weights {
  StateDict tensors;
  std::map<std::string, std::string> widened;
};

/// 8-bit dtypes by the address of the converted values, because names change when a network is read.
using NarrowTypes = std::map<const void*, std::string>;

NarrowTypes narrow_types(const StateDict& tensors, const std::map<std::string, std::string>& widened) {
  NarrowTypes result;
  for (const auto& [name, dtype] : widened) {
    const auto found = tensors.find(name);
    if (found != tensors.end())
      result[found->second.data_ptr()] = dtype == "F8_E4M3" ? "fp8 (e4m3)" : "fp8 (e5m2)";
  }
  return result;
}

InspectedPart part_of(const std::string& name, const StateDict& tensors, const NarrowTypes& narrow = {}) {
  InspectedPart part;
  part.name = name;
  for (const auto& [key, tensor] : tensors) {
    const auto found = narrow.find(tensor.data_ptr());
    const bool is_narrow = found != narrow.end() && tensor.numel() > 0;
    ++part.types[is_narrow ? found->second : type_name(tensor.scalar_type())];
    if (tensor.is_floating_point()) part.parameters += static_cast<std::uint64_t>(tensor.numel());
    part.bytes += is_narrow ? static_cast<std::uint64_t>(tensor.numel()) : tensor.nbytes();
  }
  return part;
}

void add_part(Inspection& result, const std::string& name, const StateDict& tensors,
              const NarrowTypes& narrow = {}) {
  if (tensors.empty()) {
    result.missing.push_back(name);
  } else {
    result.parts.push_back(part_of(name, tensors, narrow));
  }
}

void add_part(Inspection& result, const std::string& name, const Weights& weights) {
  add_part(result, name, weights.tensors, narrow_types(weights.tensors, weights.widened));
}

/// Runs `action`, a check of the command for it. An error makes the result unusable.
template <class Action>
void judge(Inspection& result, const Action& action) {
  try {
    action();
  } catch (const UnpublishedSizes& error) {
    result.missing.emplace_back("settings");
    result.notes.emplace_back(error.what());
  } catch (const Error& error) {
    result.usable = false;
    result.reasons.emplace_back(error.what());
  }
}

void append(std::vector<std::string>& notes, const std::vector<std::string>& more) {
  notes.insert(notes.end(), more.begin(), more.end());
}

/// Whether a file is the learned embedding that exports write beside a model.
bool is_learned_embedding(const WeightsFile& file) {
  return file.tensors.size() == 1 + file.tensors.count("pooled") && file.tensors.count("embedding") > 0 &&
         file.tensors.at("embedding").dim() == 3;
}

Inspection inspect_embedding(const WeightsFile& file) {
  Inspection result;
  result.what = "a learned source embedding, written by an export together with its model";
  result.purpose = "it is for programs that generate with the exported model";
  result.parts.push_back(part_of("embedding", file.tensors));
  for (const auto& [key, text] : file.metadata) result.notes.push_back(key + " \"" + text + "\"");
  return result;
}

/// Describes how many layers a LoRA changes, and at which ranks, by the names of kohya, PEFT and diffusers.
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
  if (layers == 0) return "no layers with the usual names";
  const auto ranks = std::to_string(low) + (low == high ? "" : " to " + std::to_string(high));
  return std::to_string(layers) + " layers of rank " + ranks;
}

/// Notes settings that differ from those of a model that predicts noise.
void note_settings(Inspection& result, const ModelSettings& settings) {
  if (settings.prediction_unknown) {
    result.notes.emplace_back(
        "it does not state what it predicts (noise or velocity): a test of its UNet decides");
  } else if (settings.noise.prediction_type == PredictionType::v_prediction) {
    const bool zero = settings.noise.rescale_betas_zero_snr;
    result.notes.emplace_back(std::string("predicts the velocity") + (zero ? ", zero terminal SNR" : ""));
  }
}

/// Inspects a single-file checkpoint: its parts, and the error of `edit --model FILE`.
void inspect_checkpoint(const fs::path& path, const WeightsFile& file, Inspection& result) {
  const auto parts = split_checkpoint(file.tensors);
  const auto narrow = narrow_types(file.tensors, file.widened);
  add_part(result, "UNet", parts.unet, narrow);
  add_part(result, "text encoder", parts.text_encoder, narrow);
  if (has_second_text_encoder(parts.kind)) {
    add_part(result, "second text encoder", parts.text_encoder_2, narrow);
  }
  add_part(result, "VAE", parts.vae, narrow);
  // Text encoder and UNet must be in the file; VAE and tokenizer can come from elsewhere.
  result.usable = result.missing.empty();
  if (parts.vae.empty())
    result.notes.emplace_back("contains no VAE: to edit with this model, give a separate VAE");
  if (const auto places = tokenizer_places(path);
      std::none_of(places.begin(), places.end(), is_clip_tokenizer)) {
    const auto words = parts.text_encoder.find("embeddings.token_embedding.weight");
    const bool fits = words != parts.text_encoder.end() && words->second.dim() == 2 &&
                      words->second.size(0) >= ClipTextConfig().vocab_size;
    if (fits) {
      result.notes.emplace_back("no tokenizer beside it: CLIP's published vocabulary will be used");
    } else {
      result.missing.emplace_back("tokenizer");
      result.notes.emplace_back("no tokenizer beside it, and CLIP's published vocabulary does not fit it");
    }
  }
  bool noted = false;
  judge(result, [&] {
    auto marked = parts;
    marked.metadata = file.metadata;
    if (!result.usable) {
      ModelSettings settings;
      settings.prediction_unknown = true;
      return append(result.notes, read_checkpoint_settings(path, marked, settings));
    }
    const auto networks = read_networks(path);
    check_model(networks);
    note_settings(result, networks.settings);
    append(result.notes, networks.notes);
    noted = true;
  });
  const auto note_count = [&](std::size_t count, const char* what) {
    if (count > 0) result.notes.push_back(std::to_string(count) + " " + what);
  };
  note_count(parts.schedule.size(), "tensors of the training's noise schedule, not used");
  if (!noted) note_count(parts.unused.size(), "tensors that Stable Diffusion does not use");
  note_count(parts.ema_copies, "averaged copies (model_ema), not used");
}

Inspection inspect_file(const fs::path& path) {
  const auto file = read_weights_file(path, no_values);
  const auto kind = checkpoint_kind(file.tensors);
  if (is_learned_embedding(file)) return inspect_embedding(file);
  if (kind == CheckpointKind::unknown) {
    throw failure(path.string() + ": " + std::to_string(file.tensors.size()) +
                  " tensors of an unknown kind, such as " +
                  (file.tensors.empty() ? "none" : file.tensors.begin()->first));
  }
  Inspection result;
  result.what = checkpoint_title(kind);
  result.usable = is_stable_diffusion(kind) || kind == CheckpointKind::vae;
  result.notes.emplace_back(file.format == WeightsFile::Format::safetensors ? "safetensors"
                                                                            : "PyTorch pickle");
  if (is_stable_diffusion(kind)) {
    inspect_checkpoint(path, file, result);
    return result;
  }
  add_part(result, "weights", file.tensors, narrow_types(file.tensors, file.widened));
  if (kind == CheckpointKind::lora) {
    result.notes.push_back(lora_ranks(file.tensors));
    result.usable = true;
    judge(result, [&] { require_plain_lora(file.tensors, path.string()); });
  }
  if (kind == CheckpointKind::vae) {
    judge(result, [&] {
      const auto vae = read_any_vae(path, {});
      check_network<AutoencoderKL>(vae.config, vae.weights, vae.origin);
      append(result.notes, vae.notes);
    });
  }
  return result;
}

/// Returns the weights of a subfolder; nothing if it has none, or only a broken link.
Weights weights_in(const fs::path& folder, const std::string& stem) {
  Weights weights;
  const auto path = find_component_weights(folder, stem);
  if (fs::exists(path)) weights.tensors = read_component_weights(folder, stem, no_values, &weights.widened);
  return weights;
}

void note_tokenizer(Inspection& result, const fs::path& folder) {
  judge(result, [&] {
    const auto tokenizer = ClipTokenizer::from_directory(folder);
    const bool whole = !fs::exists(folder / "vocab.json") || !fs::exists(folder / "merges.txt");
    result.notes.push_back("tokenizer: " + std::to_string(tokenizer.vocab_size()) + " tokens (" +
                           (whole ? "tokenizer.json" : "vocab.json, merges.txt") + ")");
  });
}

/// Adds models for other commands that may be in a model's folder.
void add_companions(Inspection& result, const fs::path& folder) {
  for (const auto& [name, part] : {std::pair{"captioner", "captioner (BLIP)"},
                                   {"clip", "CLIP (for scores)"},
                                   {"safety_checker", "safety checker"}}) {
    if (!fs::is_directory(folder / name)) continue;
    const auto weights = weights_in(folder / name, "model");
    if (weights.tensors.empty()) {
      result.notes.push_back(std::string(name) + "/: contains no weights");
    } else {
      add_part(result, part, weights);
    }
  }
}

/// Returns the endings of the names of a folder's text encoders and tokenizers.
std::vector<std::string> encoder_ends(CheckpointKind family) {
  if (has_second_text_encoder(family)) return {"", "_2"};
  return {""};
}

void add_tokenizers(Inspection& result, const fs::path& folder, const std::vector<std::string>& ends) {
  for (const auto& end : ends) {
    const auto name = "tokenizer" + end;
    if (is_clip_tokenizer(folder / name)) {
      note_tokenizer(result, folder / name);
    } else {
      result.missing.push_back(name);
    }
  }
}

Inspection inspect_model_folder(const fs::path& folder) {
  Inspection result;
  result.what = "a diffusers folder";
  const auto index = folder / "model_index.json";
  if (fs::exists(index)) {
    result.what += " (" + ConfigReader(index).text("_class_name", "StableDiffusionPipeline") + ")";
  }
  result.usable = true;
  auto kind = CheckpointKind::unet, family = CheckpointKind::sd1;
  {
    const auto unet = weights_in(folder / "unet", "diffusion_pytorch_model");
    add_part(result, "UNet", unet);
    if (!unet.tensors.empty()) {
      kind = checkpoint_kind(unet.tensors);
      family = unet_family(unet.tensors);
    }
  }
  const auto ends = encoder_ends(family);
  for (const auto& end : ends) {
    add_part(result, end.empty() ? "text encoder" : "second text encoder",
             weights_in(folder / ("text_encoder" + end), "model"));
  }
  add_part(result, "VAE", weights_in(folder / "vae", "diffusion_pytorch_model"));
  add_companions(result, folder);
  std::vector<std::string> networks{"unet"};
  for (const auto& end : ends) networks.push_back("text_encoder" + end);
  networks.emplace_back("vae");
  for (const auto& name : networks) {
    if (!fs::exists(folder / name / "config.json")) result.missing.push_back(name + "/config.json");
  }
  add_tokenizers(result, folder, ends);
  if (family == CheckpointKind::sd2) result.notes.emplace_back("UNet of Stable Diffusion 2.x");
  if (family == CheckpointKind::sdxl) result.notes.emplace_back("UNet of Stable Diffusion XL");
  if (kind != CheckpointKind::unet) result.notes.push_back("UNet: " + checkpoint_title(kind));
  ModelSettings settings;
  judge(result, [&] { read_model_index(index, settings); });
  judge(result, [&] {
    for (const auto& line : defaults_text(read_model_defaults(folder)))
      result.notes.push_back(std::string("the model's own defaults (") + kModelDefaultsFile + ") of " + line);
  });
  if (!result.missing.empty() || kind != CheckpointKind::unet) {
    result.usable = false;
    judge(result, [&] { read_scheduler_config(folder / "scheduler" / "scheduler_config.json", settings); });
  } else if (result.reasons.empty()) {
    judge(result, [&] {
      const auto parts = read_model(folder);
      check_model(parts);
      note_settings(result, parts.settings);
      append(result.notes, parts.notes);
    });
  }
  return result;
}

/// Returns "360 samples (400 were asked for; it ended early)". There was a step for each loss.
std::string samples_text(const LearnedPicture& learned) {
  const auto batch = learned.options.batch;
  const auto learned_from = static_cast<std::int64_t>(learned.result.losses.size()) * batch;
  const auto asked = learned.result.planned_steps * batch;
  auto text = std::to_string(learned_from) + " samples";
  if (learned_from < asked) text += " (" + std::to_string(asked) + " were planned; it stopped early)";
  return text;
}

Inspection inspect_saved_edit(const fs::path& folder) {
  const auto learned = read_saved_edit(folder);
  Inspection result;
  result.what = "a saved edit";
  result.usable = true;
  if (learned.options.tuning == Tuning::lora) {
    result.parts.push_back(part_of("learned LoRA", learned.result.lora));
  } else {
    result.parts.push_back(part_of("learned UNet", learned.result.unet));
  }
  if (!learned.result.text_encoder.empty()) {
    result.parts.push_back(part_of("learned text encoder", learned.result.text_encoder));
  }
  result.parts.push_back(part_of("learned embedding", embedding_tensors(learned.result.embedding)));
  result.notes = {"picture " + learned.picture_name, "source \"" + learned.source + "\"",
                  "learned with " + learn_method_name(learned.options.method) + " from " +
                      samples_text(learned) + " at " + std::to_string(learned.frame.grid_width) + "x" +
                      std::to_string(learned.frame.grid_height),
                  "base model " + learned.base_name + ", fingerprint " + learned.base_fingerprint};
  return result;
}

/// Inspects the results of `edit`: images without weights, which cannot be edited further.
Inspection inspect_results(const fs::path& folder) {
  const auto record = read_json_object(folder / "edit.json");
  Inspection result;
  result.what = "results of `forgedit edit`";
  result.purpose = "it contains generated images, not learned weights, so it is not a saved edit";
  const auto pictures = record.find("pictures");
  if (pictures != record.end() && pictures->is_array()) {
    result.notes.push_back(std::to_string(pictures->size()) + " images");
  }
  return result;
}

/// Throws the error of the command for such a folder.
void check_network_folder(const fs::path& folder, const std::string& type, const StateDict& weights) {
  const auto file = folder / "config.json";
  if (type == "AutoencoderKL") {
    const auto vae = read_vae(folder);
    check_network<AutoencoderKL>(vae.config, vae.weights, vae.origin);
  } else if (type == "clip") {
    const auto config = ClipConfig::from_json(file.string(), read_json_object(file));
    check_network<ClipModel>(config, normalise_clip_keys(weights), folder.string());
    ClipTokenizer::from_directory(folder).require_rows(config.text.vocab_size, "text tower");
  } else if (type == "blip") {
    auto config = BlipConfig::from_json(read_json_object(file), file.string());
    const auto state = normalise_blip_keys(weights);
    config.text.tie_word_embeddings = state.count("text_decoder.cls.predictions.decoder.weight") == 0;
    check_network<BlipForConditionalGeneration>(config, state, folder.string());
    WordPieceTokenizer::from_directory(folder);
  }
}

/// Inspects a folder of one network, by its config.json.
Inspection inspect_network_folder(const fs::path& folder) {
  const ConfigReader config(folder / "config.json");
  const auto type = config.text("_class_name", config.text("model_type", ""));
  const bool transformers = !config.has("_class_name");
  Inspection result;
  const auto weights = weights_in(folder, transformers ? "model" : "diffusion_pytorch_model");
  add_part(result, "weights", weights);
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
    if (!is_clip_tokenizer(folder)) result.missing.emplace_back("tokenizer");
  } else {
    config.reject(transformers ? "model_type" : "_class_name", "'" + type + "' is unknown to forgedit");
  }
  result.usable = result.missing.empty() && (type == "blip" || type == "AutoencoderKL" || type == "clip");
  if (result.usable) judge(result, [&] { check_network_folder(folder, type, weights.tensors); });
  return result;
}

}  // namespace

Inspection inspect(const fs::path& path) {
  if (!fs::exists(path)) throw failure(path.string() + ": no such file or folder");
  if (!fs::is_directory(path)) {
    return path.filename() == "edit.json" ? inspect_results(path.parent_path()) : inspect_file(path);
  }
  if (fs::exists(path / "learned.json")) return inspect_saved_edit(path);
  if (fs::exists(path / "model_index.json") || fs::is_directory(path / "unet"))
    return inspect_model_folder(path);
  if (fs::exists(path / "config.json")) return inspect_network_folder(path);
  if (is_clip_tokenizer(path)) {
    Inspection result;
    result.what = "a CLIP tokenizer folder";
    result.usable = true;
    note_tokenizer(result, path);
    return result;
  }
  if (fs::exists(path / "edit.json")) return inspect_results(path);
  throw failure(path.string() + ": unknown contents: expected a model, network, tokenizer or saved edit");
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
          {"reasons", inspection.reasons},
          {"purpose", inspection.purpose},
          {"parts", parts},
          {"notes", inspection.notes},
          {"missing", inspection.missing}};
}

}  // namespace forgedit
