#include "forgedit/pipelines/saved_edit.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/io/safetensors.h"
#include "forgedit/pipelines/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;
constexpr const char* kRecord = "learned.json";
constexpr const char* kUnet = "unet.safetensors";
constexpr const char* kTextEncoder = "text_encoder.safetensors";
constexpr const char* kEmbedding = "embedding.safetensors";
constexpr const char* kOriginal = "original.png";
constexpr std::array kFiles{kRecord, kUnet, kTextEncoder, kEmbedding, kOriginal};

json record_of(const LearnedPicture& learned) {
  return {{"format", kFormat},
          {"software", learned.software},
          {"picture", learned.picture_name},
          {"source", learned.source},
          {"background", learned.background},
          {"stretched", learned.stretched},
          {"base_model",
           {{"name", learned.base_name},
            {"fingerprint", learned.base_fingerprint},
            {"fingerprint_method", learned.fingerprint_method}}},
          {"memory", learned.memory},
          {"learning", to_json(learned.options)},
          {"losses", learned.result.losses},
          {"frame", to_json(learned.frame)}};
}

const json& child_object(const std::string& origin, const json& record, const char* key) {
  const auto found = record.find(key);
  if (found == record.end() || !found->is_object())
    throw failure(origin + ": " + key + ": expected an object");
  return *found;
}

std::vector<double> read_losses(const std::string& origin, const json& record) {
  const auto found = record.find("losses");
  const auto is_number = [](const json& value) { return value.is_number(); };
  if (found == record.end() || !found->is_array() || !std::all_of(found->begin(), found->end(), is_number)) {
    throw failure(origin + ": losses: expected a list of numbers");
  }
  return found->get<std::vector<double>>();
}

bool learns_text_encoder(const LearnedPicture& learned) {
  return learned.options.method == LearnMethod::dreambooth;
}

void read_record(const fs::path& path, LearnedPicture& learned) {
  const auto record = read_json_object(path);
  const auto origin = path.string();
  const ConfigReader reader(origin, record);
  if (const auto format = reader.integer("format", {}, 0, INT32_MAX); format != kFormat) {
    reader.reject("format", "expected " + std::to_string(kFormat) + ", found " + std::to_string(format) +
                                ": saved by another version");
  }
  learned.software = reader.text("software", "");
  learned.picture_name = reader.text("picture", "");
  learned.source = reader.text("source", {});
  learned.background = reader.text("background", "");
  learned.stretched = reader.boolean("stretched", false);
  learned.memory = reader.text("memory", "");
  const ConfigReader base(origin + ": base_model", child_object(origin, record, "base_model"));
  learned.base_name = base.text("name", "");
  learned.base_fingerprint = base.text("fingerprint", {});
  learned.fingerprint_method = static_cast<int>(base.integer("fingerprint_method", 1, 0, INT32_MAX));
  learned.options = learn_options_from_json(origin + ": learning", child_object(origin, record, "learning"));
  learned.frame = frame_from_json(origin + ": frame", child_object(origin, record, "frame"));
  learned.result.losses = read_losses(origin, record);
}

torch::Tensor read_embedding(const fs::path& path) {
  const auto tensors = read_safetensors(path).tensors;
  const auto found = tensors.find("embedding");
  if (found == tensors.end()) throw failure(path.string() + ": embedding: missing");
  if (tensors.size() != 1) throw failure(path.string() + ": expected the tensor `embedding` and no other");
  const auto& embedding = found->second;
  if (!embedding.is_floating_point() || embedding.dim() != 3 || embedding.size(0) != 1) {
    throw failure(path.string() + ": embedding: expected floating point 1xTOKENSxWIDTH, found " +
                  std::string(embedding.dtype().name()) + " " + shape_text(embedding.sizes()));
  }
  return embedding.to(torch::kFloat);
}

StateDict read_learned_weights(const fs::path& path) {
  auto tensors = read_safetensors(path).tensors;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.is_floating_point()) continue;
    throw failure(path.string() + ": " + name + ": expected floating point, found " +
                  std::string(tensor.dtype().name()));
  }
  return tensors;
}

}  // namespace

bool is_saved_edit(const fs::path& directory) {
  std::error_code error;
  return fs::exists(directory / kRecord, error);
}

void check_saved_edit_target(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(directory, error)) return;
  if (!fs::is_directory(directory, error)) {
    throw usage_error(directory.string() + ": expected a folder for the saved edit, found a file");
  }
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto name = entry.path().filename();
    if (std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end()) continue;
    throw usage_error(directory.string() + ": holds " + name.string() +
                      ", which is no part of a saved edit; name a new or empty folder to save in");
  }
}

void write_saved_edit(const fs::path& directory, const LearnedPicture& learned) {
  check_saved_edit_target(directory);
  make_directory(directory);
  const auto as_floats = [](const StateDict& state) {
    StateDict result;
    for (const auto& [name, tensor] : state) result.emplace(name, tensor.to(torch::kFloat));
    return result;
  };
  // Without its record a folder is no saved edit: it goes first and comes back last.
  std::error_code ignored;
  fs::remove(directory / kRecord, ignored);
  fs::remove(directory / kTextEncoder, ignored);
  write_safetensors(directory / kUnet, as_floats(learned.result.unet));
  if (learns_text_encoder(learned)) {
    write_safetensors(directory / kTextEncoder, as_floats(learned.result.text_encoder));
  }
  write_safetensors(directory / kEmbedding, {{"embedding", learned.result.embedding.to(torch::kFloat)}});
  write_png(directory / kOriginal, learned.grid);
  write_file_atomically(directory / kRecord, json_text(record_of(learned), 1) + "\n");
}

LearnedPicture read_saved_record(const fs::path& directory) {
  if (!fs::is_directory(directory)) throw failure(directory.string() + ": no such folder: no saved edit");
  if (!is_saved_edit(directory)) {
    throw failure(directory.string() + ": no saved edit: expected " + kRecord + " in it");
  }
  LearnedPicture learned;
  read_record(directory / kRecord, learned);
  return learned;
}

LearnedPicture read_saved_edit(const fs::path& directory) {
  auto learned = read_saved_record(directory);
  learned.result.embedding = read_embedding(directory / kEmbedding);
  learned.result.unet = read_learned_weights(directory / kUnet);
  if (learns_text_encoder(learned)) {
    learned.result.text_encoder = read_learned_weights(directory / kTextEncoder);
  }
  learned.grid = read_image(directory / kOriginal);
  if (learned.grid.width != learned.frame.grid_width || learned.grid.height != learned.frame.grid_height) {
    throw failure((directory / kOriginal).string() + ": expected " +
                  std::to_string(learned.frame.grid_width) + "x" + std::to_string(learned.frame.grid_height) +
                  " pixels as " + kRecord + " says, found " + std::to_string(learned.grid.width) + "x" +
                  std::to_string(learned.grid.height));
  }
  return learned;
}

namespace {

/// Learned weights of one network, all that `learns` and no others, get the device (`park`: the CPU), dtype
/// and channels-last strides of its parameters: edits come out the same bytes as right after learning.
template <typename Learns>
void attach_weights(StateDict& learned, const torch::nn::Module& network, Learns learns,
                    const std::string& name, bool park) {
  const auto parameters = parameters_of(network);
  for (const auto& [key, parameter] : parameters) {
    if (learns(key) == (learned.count(key) > 0)) continue;
    throw failure(name + ": " + key + ": " + (learned.count(key) ? "unexpected" : "missing") +
                  " among the learned weights");
  }
  for (auto& [key, tensor] : learned) {
    const auto parameter = parameters.find(key);
    if (parameter == parameters.end() || parameter->second.sizes() != tensor.sizes()) {
      throw failure(name + ": " + key + ": the model has no such parameter of shape " +
                    shape_text(tensor.sizes()));
    }
    const auto device = park ? c10::Device(c10::DeviceType::CPU) : parameter->second.device();
    auto placed = torch::empty_like(parameter->second, parameter->second.options().device(device));
    placed.copy_(tensor);
    tensor = placed;
  }
}

}  // namespace

void attach_to_model(LearnedPicture& learned, const StableDiffusion& model, const std::string& name) {
  if (learned.base_fingerprint != model.base_fingerprint) {
    if (learned.fingerprint_method != StableDiffusion::kFingerprintMethod) {
      throw usage_error("saved edit " + name + ": the fingerprint of its base model (" + learned.base_name +
                        ") was taken in another way than today, so the two cannot be compared; learn the "
                        "picture again");
    }
    throw usage_error("saved edit " + name + " belongs to another base model (" + learned.base_name +
                      ", fingerprint " + learned.base_fingerprint + "), this one has " +
                      model.base_fingerprint);
  }
  const auto& text = model.text_encoder->config();
  const std::vector<std::int64_t> shape{1, text.max_position_embeddings, text.hidden_size};
  if (learned.result.embedding.sizes() != shape) {
    throw failure("saved edit " + name + ": embedding: expected " + shape_text(shape) + ", found " +
                  shape_text(learned.result.embedding.sizes()));
  }
  learned.result.embedding = learned.result.embedding.to(model.policy.device);
  attach_weights(
      learned.result.unet, *model.unet,
      [&](const std::string& key) { return learns(learned.options.layers, key); }, "saved edit " + name,
      model.memory.park);
  attach_weights(
      learned.result.text_encoder, *model.text_encoder,
      [&](const std::string&) { return learns_text_encoder(learned); }, "saved edit " + name,
      model.memory.park);
}

}  // namespace forgedit
