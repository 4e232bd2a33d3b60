#include "apps/conformance/case.h"

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/io/weights/safetensors.h"

namespace forgedit::conformance {

std::filesystem::path Case::path(const std::string& key) const {
  return (folder / settings.at(key).get<std::string>()).lexically_normal();
}

const at::Tensor& Case::input(const std::string& tensor) const {
  const auto found = in.find(tensor);
  if (found == in.end()) throw failure((folder / "in.safetensors").string() + ": " + tensor + ": missing");
  return found->second;
}

Case read_case(const std::filesystem::path& folder, const ComputePolicy& policy) {
  Case result;
  result.folder = folder;
  result.name = folder.filename().string();
  result.settings = read_json_object(folder / "case.json");
  result.policy = policy;
  if (!result.settings.contains("op") || !result.settings["op"].is_string()) {
    throw failure((folder / "case.json").string() + ": op: missing");
  }
  const auto read = [&](const char* file) {
    return std::filesystem::exists(folder / file) ? read_safetensors(folder / file).tensors : StateDict{};
  };
  result.in = read("in.safetensors");
  result.out = read("out.safetensors");
  return result;
}

const std::map<std::string, Op>& ops() {
  static const std::map<std::string, Op> table{
      {"clip_tokenize", clip_tokenize},
      {"clip_text", clip_text},
      {"sdxl_text", sdxl_text},
      {"blip", blip},
      {"unet_forward_backward", unet_forward_backward},
      {"vae_encode_decode", vae_encode_decode},
      {"ddim", ddim},
      {"dpm_solver", dpm_solver},
      {"interpolate", interpolate},
      {"forgetting", forgetting},
      {"finetune_vanilla", finetune_vanilla},
      {"finetune_dreambooth", finetune_dreambooth},
      {"finetune_imagic", finetune_imagic},
      {"edit", edit},
      {"resample", resample},
      {"preprocess", preprocess},
      {"clip_score", clip_score},
      {"lpips", lpips},
      {"single_file", single_file},
  };
  return table;
}

}  // namespace forgedit::conformance
