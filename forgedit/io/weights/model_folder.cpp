#include "forgedit/io/weights/model_folder.h"

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <set>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/io/weights/weights_file.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

StateDict read_shards(const fs::path& index_path, const TensorFilter& wanted,
                      std::map<std::string, std::string>* widened) {
  const auto index = read_json_object(index_path);
  if (!index.contains("weight_map") || !index["weight_map"].is_object()) {
    throw failure(index_path.string() + ": weight_map: expected an object");
  }
  std::map<std::string, std::set<std::string>> names_by_shard;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string())
      throw failure(index_path.string() + ": weight_map: " + name + ": not a file name");
    const fs::path file = shard.get<std::string>();
    if (file.empty() || file != file.filename() || file == "." || file == "..") {
      throw failure(index_path.string() + ": weight_map: " + name +
                    ": expected a plain file name beside the index");
    }
    names_by_shard[file.string()].insert(name);
  }
  StateDict result;
  for (const auto& [shard, names] : names_by_shard) {
    const auto path = index_path.parent_path() / shard;
    auto file = read_weights_file(path, wanted);
    auto& tensors = file.tensors;
    if (widened) widened->merge(file.widened);
    for (const auto& name : names) {
      const auto found = tensors.find(name);
      if (found == tensors.end())
        throw failure(path.string() + ": " + name + ": in the index, not in the shard");
      result.emplace(name, found->second);
    }
    for (const auto& [name, tensor] : tensors) {
      if (!names.count(name)) throw failure(path.string() + ": " + name + ": in the shard, not in the index");
    }
  }
  return result;
}

}  // namespace

fs::path find_component_weights(const fs::path& directory, const std::string& stem) {
  // The PyTorch file of transformers has another name than the safetensors file.
  const auto pickle = stem == "model" ? "pytorch_model" : stem;
  for (const auto& name :
       {stem + ".safetensors", stem + ".safetensors.index.json", stem + ".fp16.safetensors",
        stem + ".fp16.safetensors.index.json", stem + ".safetensors.index.fp16.json", pickle + ".bin",
        pickle + ".bin.index.json", pickle + ".fp16.bin"}) {
    const auto path = directory / name;
    // Also accepts a dangling link: reading it then reports an unfinished download.
    if (fs::exists(path) || fs::is_symlink(path)) return path;
  }
  return {};
}

StateDict read_component_weights(const fs::path& directory, const std::string& stem,
                                 const TensorFilter& wanted, std::map<std::string, std::string>* widened) {
  if (!fs::is_directory(directory)) throw failure(directory.string() + ": no such folder in the model");
  const auto path = find_component_weights(directory, stem);
  if (path.empty()) {
    throw failure(directory.string() + ": no weights: expected " + stem +
                  ".safetensors, its fp16 variant, an index of shards, or the same as .bin");
  }
  if (path.extension() == ".json") return read_shards(path, wanted, widened);
  auto file = read_weights_file(path, wanted);
  if (widened) *widened = std::move(file.widened);
  return std::move(file.tensors);
}

void write_component_weights(const fs::path& directory, const std::string& stem, const StateDict& tensors,
                             std::size_t max_shard_bytes) {
  make_directory(directory);
  std::vector<StateDict> shards(1);
  std::size_t shard_bytes = 0, total_bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    if (shard_bytes > 0 && shard_bytes + tensor.nbytes() > max_shard_bytes) {
      shards.emplace_back();
      shard_bytes = 0;
    }
    shards.back().emplace(name, tensor);
    shard_bytes += tensor.nbytes();
    total_bytes += tensor.nbytes();
  }
  const std::map<std::string, std::string> metadata{{"format", "pt"}};
  const auto plain = directory / (stem + ".safetensors"),
             index_path = directory / (stem + ".safetensors.index.json");
  if (shards.size() == 1) {
    write_safetensors(plain, tensors, metadata);
    fs::remove(index_path);
    return;
  }
  nlohmann::json index;
  index["metadata"]["total_size"] = total_bytes;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const auto file = fmt::format("{}-{:05}-of-{:05}.safetensors", stem, i + 1, shards.size());
    write_safetensors(directory / file, shards[i], metadata);
    for (const auto& [name, tensor] : shards[i]) index["weight_map"][name] = file;
  }
  write_file_atomically(index_path, index.dump(1) + "\n");
  fs::remove(plain);  // readers would prefer this old file to the index
}

}  // namespace forgedit
