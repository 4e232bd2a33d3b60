#include "forgedit/pipelines/model/apply_lora.h"

#include "forgedit/core/torch.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::field_of;
using testing::message_of;

const fs::path kChangedModels = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden";

class ApplyLora : public testing::TemporaryFolder {
 protected:
  explicit ApplyLora(const std::string& model = "tiny-sd") : folder_of_model_(kChangedModels / model) {}
  /// A LoRA of rank 2 and alpha 1 on all layers that one may change; `factor` tells several apart.
  fs::path lora(const std::string& name, double factor) {
    torch::manual_seed(1);
    StateDict tensors;
    for (const auto& network : lora_networks(base_.lora_targets())) {
      for (const auto& [parameter, tensor] : network.parameters) {
        const auto found = names_.find(network.name + "." + parameter);
        if (found == names_.end() || tensor.dim() != 2) continue;
        const auto rows = tensor.size(0), columns = tensor.size(1);
        const auto down = torch::randn({2, columns}), up = factor * torch::randn({rows, 2});
        tensors[found->second + ".lora_down.weight"] = down;
        tensors[found->second + ".lora_up.weight"] = up;
        tensors[found->second + ".alpha"] = torch::tensor(1.0);
        changes_[network.name + "." + parameter] = 0.5 * torch::mm(up, down);
      }
    }
    write_safetensors(folder_ / name, tensors);
    return folder_ / name;
  }
  StableDiffusion load(std::vector<LoraFile> loras) const {
    ModelFiles files(folder_of_model_);
    files.loras = std::move(loras);
    return StableDiffusion::load(files, {});
  }

  fs::path folder_of_model_;
  StableDiffusion base_ = StableDiffusion::load(folder_of_model_, {});
  std::map<std::string, std::string> names_ = kohya_lora_names(lora_networks(base_.lora_targets()));
  StateDict changes_;
};

/// Of every family: names and shapes of layers differ.
class ApplyLoraToFamily : public ApplyLora, public ::testing::WithParamInterface<const char*> {
 protected:
  ApplyLoraToFamily() : ApplyLora(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(Families, ApplyLoraToFamily, ::testing::Values("tiny-sd", "tiny-sd2", "tiny-sdxl"));

TEST_P(ApplyLoraToFamily, AddsToTheWeightsByItsStrength) {
  const auto file = lora("a.safetensors", 0.01);
  auto model = load({{file, 0.5}, {file, 1.5}});
  EXPECT_NE(model.base_fingerprint, base_.base_fingerprint) << "it is another base model";
  std::size_t changed = 0;
  const auto before = lora_networks(base_.lora_targets());
  const auto after = lora_networks(model.lora_targets());
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (const auto& [name, tensor] : after[i].parameters) {
      const auto& original = before[i].parameters.at(name);
      const auto change = changes_.find(before[i].name + "." + name);
      const auto expected = change == changes_.end() ? original : original + 2 * change->second;
      EXPECT_TRUE(torch::allclose(tensor, expected, 1e-5, 1e-6)) << name;
      if (change != changes_.end()) ++changed;
    }
  }
  EXPECT_EQ(changed, changes_.size());
  EXPECT_GT(changed, 50U);
}

TEST_F(ApplyLora, AnotherFamilysLoraIsNamed) {
  base_ = StableDiffusion::load(kChangedModels / "tiny-sdxl", {});
  names_ = kohya_lora_names(lora_networks(base_.lora_targets()));
  const auto file = lora("xl.safetensors", 0.01);
  const auto message = message_of([&] { load({{file, 1}}); });
  EXPECT_TRUE(contains(message, "xl.safetensors: lora_") && contains(message, "for Stable Diffusion XL"))
      << message;
}

TEST_F(ApplyLora, WhatIsNoLoraIsNamed) {
  const auto checkpoint = folder_of_model_ / "unet/diffusion_pytorch_model.safetensors";
  const auto message = message_of([&] { load({{checkpoint, 1}}); });
  EXPECT_TRUE(contains(message, checkpoint.string() + ": expected a LoRA, found a UNet alone")) << message;
  EXPECT_EQ(field_of([&] { load({{checkpoint, 1}}); }), "lora");
  EXPECT_EQ(field_of([&] { load({{folder_ / "none", 1}}); }), "lora");
}

TEST_F(ApplyLora, ValuesThatAreNotFinite) {
  const auto file = lora("nan.safetensors", NAN);
  const auto message = message_of([&] { load({{file, 1}}); });
  EXPECT_TRUE(contains(message, "nan.safetensors") && contains(message, "not finite")) << message;
  EXPECT_NO_THROW(check_loras({{file, 1}}, base_.lora_targets())) << "which reads no values";
}

TEST(LorasText, NamesAndStrengths) {
  EXPECT_EQ(loras_text({}), "");
  EXPECT_EQ(loras_text({{"a/b.safetensors", 1}, {"c.safetensors", 0.8}}),
            " + b.safetensors + c.safetensors:0.8");
}

}  // namespace
}  // namespace forgedit
