
#include <tuple>
#include <vector>

#include "apps/conformance/case.h"
#include "forgedit/core/error.h"
#include "forgedit/core/torch.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit::conformance {

// Compares a single-file checkpoint with the folder that has the same weights. Outputs: for each network, how
// many values differ from the folder's, rounded to float16. Settings and tokenizer are the folder's.
Outputs single_file(const Case& fixture) {
  const auto folder = fixture.path("same_as");
  ModelFiles files(fixture.path("checkpoint"));
  files.config = folder;
  auto single = StableDiffusion::load(files, fixture.policy);
  auto reference = StableDiffusion::load(folder, fixture.policy);
  std::vector<std::tuple<const char*, torch::nn::Module*, torch::nn::Module*>> networks{
      {"unet", single.unet.get(), reference.unet.get()},
      {"text_encoder", single.text_encoder.get(), reference.text_encoder.get()},
      {"vae", single.vae.get(), reference.vae.get()}};
  if (reference.text_encoder_2) {
    networks.emplace_back("text_encoder_2", single.text_encoder_2.get(), reference.text_encoder_2.get());
  }
  Outputs outputs;
  for (const auto& [name, loaded, expected] : networks) {
    const auto weights = parameters_of(*loaded);
    std::int64_t differing = 0;
    for (const auto& [key, tensor] : parameters_of(*expected)) {
      differing += (weights.at(key) != tensor.to(torch::kHalf).to(torch::kFloat)).sum().item<std::int64_t>();
    }
    outputs.tensors[name] = torch::tensor(differing);
    outputs.comparisons[name] = {Comparison::Kind::equal, 0};
  }
  return outputs;
}

}  // namespace forgedit::conformance
