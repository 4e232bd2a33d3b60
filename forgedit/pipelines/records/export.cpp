#include "forgedit/pipelines/records/export.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/staging.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/editing/learned_weights.h"
#include "forgedit/io/weights/checkpoint_kind.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/pipelines/model/model_files.h"
#include "forgedit/pipelines/model/model_writer.h"
#include "forgedit/pipelines/records/model_defaults.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A network that fine-tuning may change.
struct TunedNetwork {
  torch::nn::Module* module;
  const StateDict* learned;
  const char* name;  ///< name in LoRA files
  bool forgets;      ///< whether strategies apply to it
};

std::vector<TunedNetwork> tuned_networks(StableDiffusion& model, const LearnedPicture& learned) {
  return {{model.unet.get(), &learned.result.unet, "unet", true},
          {model.text_encoder.get(), &learned.result.text_encoder, "text_encoder", false}};
}

/// Puts the learned weights into the model's networks while this lives.
class Applied {
 public:
  Applied(StableDiffusion& model, const LearnedPicture& learned, const ExportOptions& options)
      : learned_(learned), names_(kohya_lora_names(lora_networks(model.lora_targets()))) {
    for (const auto& network : tuned_networks(model, learned)) {
      const auto parameters = parameters_of(*network.module);
      StateDict original;
      for (const auto& [name, tensor] : *network.learned) {
        const auto found = parameters.find(name);
        if (found != parameters.end()) original.emplace(name, found->second.detach());
      }
      networks_.push_back({network, LearnedWeights(parameters, *network.learned), std::move(original)});
    }
    blocks_ = UNetBlocks::of(parameters_of(*model.unet));
    const auto method = learned.options.method;
    const auto& strategy = *(strategy_ = &find_forgetting_strategy(options.forget, method));
    const auto& nothing = find_forgetting_strategy("donotforget", method);
    for (auto& entry : networks_) {
      const bool forgets = entry.network.forgets;
      entry.weights.apply(forgets ? strategy : nothing, forgets ? options.blend : 0.0);
    }
  }

  Lora lora(const ExportOptions& options) const {
    if (learned_.options.tuning == Tuning::lora) {
      const auto share = [&](const std::string& name) {
        return forgets(*strategy_, name, blocks_) ? options.blend : 1.0;
      };
      return lora_of_adapters(names_of("unet"), learned_.result, learned_.options, share, options.dtype);
    }
    Lora all;
    for (const auto& entry : networks_) {
      StateDict tuned;
      for (const auto& [name, tensor] : parameters_of(*entry.network.module)) {
        if (entry.original.count(name)) tuned.emplace(name, tensor.detach());
      }
      all.append(make_lora(names_of(entry.network.name), entry.original, tuned, options.lora, options.dtype));
    }
    return all;
  }

 private:
  struct Entry {
    TunedNetwork network;
    LearnedWeights weights;
    StateDict original;
  };
  LoraNames names_of(const char* network) const {
    return [this, network](const std::string& parameter) {
      return names_.at(std::string(network) + "." + parameter);
    };
  }

  const LearnedPicture& learned_;
  std::map<std::string, std::string> names_;
  const ForgettingStrategy* strategy_ = nullptr;
  UNetBlocks blocks_;
  std::vector<Entry> networks_;
};

/// Returns the parent folder of `out`, and its name there.
std::pair<fs::path, std::string> place_of(const fs::path& out) {
  auto path = fs::absolute(out).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return {path.parent_path(), path.filename().string()};
}

/// Returns a path beside `out` with another ending: "dog.safetensors" -> "dog.embedding.safetensors".
fs::path beside(const fs::path& out, const std::string& end) {
  return out.parent_path() / (out.stem().string() + end);
}

constexpr const char* kEmbeddingEnd = ".embedding.safetensors";
constexpr const char* kTokenizerEnd = ".tokenizer";
constexpr const char* kTokenizer2End = ".tokenizer_2";
constexpr const char* kReportEnd = ".report.json";

/// Returns the endings of files that may be beside an export.
std::vector<const char*> ends_of(ExportFormat format) {
  if (format == ExportFormat::lora) return {kEmbeddingEnd, kReportEnd};
  return {kEmbeddingEnd, kTokenizerEnd, kTokenizer2End};
}

void write_embedding(const fs::path& path, const LearnedPicture& learned) {
  write_safetensors(path, embedding_tensors(learned.result.embedding),
                    {{"source", learned.source}, {"base_model", learned.base_fingerprint}});
}

/// Returns the name of the model's family in kohya's programs.
const char* kohya_family(const StableDiffusion& model) {
  switch (unet_family(parameters_of(*model.unet))) {
    case CheckpointKind::sdxl:
      return "sdxl_base_v1-0";
    case CheckpointKind::sd2:
      return "sd_v2";
    default:
      return "sd_v1";
  }
}

json report_of(const Lora& lora, const ExportOptions& options) {
  json layers = json::array();
  for (const auto& layer : lora.layers) {
    layers.push_back({{"name", layer.name},
                      {"rank", layer.rank},
                      {"change", std::sqrt(layer.change)},
                      {"kept", layer.kept()}});
  }
  return {{"forget", options.forget},       {"blend", options.blend}, {"kept_of_layers", lora.kept(false)},
          {"kept_in_all", lora.kept(true)}, {"layers", layers},       {"not_held", lora.not_held}};
}

}  // namespace

ExportFormat parse_export_format(const std::string& name) {
  if (name == "diffusers") return ExportFormat::diffusers;
  if (name == "single-file") return ExportFormat::single_file;
  if (name == "lora") return ExportFormat::lora;
  throw usage_error("to", "unknown format '" + name + "': expected diffusers, single-file or lora");
}

at::ScalarType parse_stored_dtype(const std::string& name) {
  if (name == "fp16") return at::kHalf;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp32") return at::kFloat;
  throw usage_error("dtype", "unknown dtype '" + name + "': expected fp16, bf16 or fp32");
}

void check_export_target(const fs::path& out, ExportFormat format) {
  clear_leftovers(place_of(out).first);
  std::error_code error;
  if (format == ExportFormat::diffusers) {
    const bool empty_folder = fs::is_directory(out, error) && fs::is_empty(out, error);
    if (fs::exists(out, error) && !empty_folder) {
      throw usage_error(out.string() + ": already exists; choose a new folder");
    }
    return;
  }
  if (out.extension() != ".safetensors") {
    throw usage_error(out.string() + ": expected a file name that ends in .safetensors");
  }
  std::vector<fs::path> paths{out};
  for (const char* end : ends_of(format)) paths.push_back(beside(out, end));
  for (const auto& path : paths) {
    if (fs::exists(path, error)) throw usage_error(path.string() + ": already exists; choose a new file");
  }
}

ExportResult export_learned(StableDiffusion& model, const LearnedPicture& learned, const fs::path& out,
                            const ExportOptions& options) {
  check_export_target(out, options.format);
  const Applied applied(model, learned, options);
  const auto [parent, name] = place_of(out);
  Staging staging(parent);
  const auto staged = staging.folder() / name;
  ExportResult result;
  if (options.format == ExportFormat::diffusers) {
    make_directory(staged);
    write_model_folder(model, model.vae->config(), staged, options.dtype, SIZE_MAX);
    copy_tokenizer(model.tokenizer_files, staged / "tokenizer");
    if (model.tokenizer_2_files) copy_tokenizer(*model.tokenizer_2_files, staged / "tokenizer_2");
    copy_companions(model.folder, staged);
    if (const auto defaults = model.folder / kModelDefaultsFile; fs::exists(defaults))
      write_file_atomically(staged / kModelDefaultsFile, read_file(defaults));
    write_embedding(staged / "learned_embedding.safetensors", learned);
    staging.publish({name});
    result.written = {out, out / "learned_embedding.safetensors"};
    return result;
  }

  if (options.format == ExportFormat::single_file) {
    write_checkpoint(model, staged, options.dtype);
    copy_tokenizer(model.tokenizer_files, beside(staged, kTokenizerEnd));
    if (model.tokenizer_2_files) copy_tokenizer(*model.tokenizer_2_files, beside(staged, kTokenizer2End));
  } else {
    result.lora = applied.lora(options);
    if (result.lora.tensors.empty()) {
      throw usage_error(
          "forget",
          options.forget +
              ": nothing to store in a LoRA: no linear or convolution layer differs from the base model");
    }
    write_safetensors(staged, result.lora.tensors,
                      {{"format", "pt"},
                       {"ss_network_module", "networks.lora"},
                       {"ss_base_model_version", kohya_family(model)}});
    write_file_atomically(beside(staged, kReportEnd), json_text(report_of(result.lora, options), 1) + "\n");
  }
  write_embedding(beside(staged, kEmbeddingEnd), learned);
  auto ends = ends_of(options.format);
  ends.erase(std::remove_if(ends.begin(), ends.end(),
                            [&](const char* end) { return !fs::exists(beside(staged, end)); }),
             ends.end());
  // The model comes last: without it nothing was exported.
  std::vector<std::string> names;
  for (const char* end : ends) names.push_back(beside(staged, end).filename().string());
  names.push_back(name);
  staging.publish(names);
  result.written = {out};
  for (const char* end : ends) result.written.push_back(beside(out, end));
  return result;
}

}  // namespace forgedit
