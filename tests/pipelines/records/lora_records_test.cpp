// A learned LoRA as files: saved edits, exports, and back onto the base model.

#include "forgedit/core/json.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/pipelines/learning/lora_adapters.h"
#include "forgedit/pipelines/records/attach_to_model.h"
#include "forgedit/pipelines/records/export.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;

const fs::path kLoraModels = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden";

/// Random adapters of rank 3, as if they had been learned.
class LoraRecords : public testing::TemporaryFolder {
 protected:
  explicit LoraRecords(const std::string& model = "tiny-sd") : base_(kLoraModels / model) {
    torch::manual_seed(4);
    set_tuning(learned_.options, Tuning::lora);
    learned_.options.lora_rank = 3;
    learned_.options.lora_alpha = 6;
    learned_.picture_name = "cat.png";
    learned_.source = "a cat";
    learned_.base_name = "tiny-sd";
    learned_.base_fingerprint = model_.base_fingerprint;
    learned_.frame = fit_frame(64, 64, 64 * 64, 16);
    learned_.grid = Image(learned_.frame.grid_width, learned_.frame.grid_height, {10, 20, 30});
    learned_.result.embedding.tokens = torch::randn({1, 77, 32});
    const LoraAdapters adapters(model_.unet, learned_.options, model_.policy);
    for (const auto& [name, tensor] : adapters.learned()) {
      learned_.result.lora[name] = 0.1 * torch::randn(tensor.sizes());
    }
    learned_.result.unet = merged_adapters(learned_.result.lora, learned_.options, model_);
  }
  fs::path export_lora(const std::string& name, const std::string& forget = "donotforget", double blend = 0) {
    ExportOptions options;
    options.format = ExportFormat::lora;
    options.forget = forget;
    options.blend = blend;
    export_learned(model_, learned_, folder_ / name, options);
    return folder_ / name;
  }
  StateDict unet_with(const fs::path& lora) {
    ModelFiles files(base_);
    files.loras = {{lora, 1}};
    return parameters_of(*StableDiffusion::load(files, {}).unet);
  }

  fs::path base_;
  StableDiffusion model_ = StableDiffusion::load(base_, {});
  LearnedPicture learned_;
};

TEST_F(LoraRecords, SavedEditHoldsTheAdaptersAndComesBackBitEqual) {
  const auto place = folder_ / "cat.edit";
  write_saved_edit(place, learned_);
  EXPECT_TRUE(fs::exists(place / "lora.safetensors"));
  EXPECT_FALSE(fs::exists(place / "unet.safetensors"));
  auto again = read_saved_edit(place);
  EXPECT_EQ(again.options.tuning, Tuning::lora);
  EXPECT_EQ(again.options.lora_rank, 3);
  EXPECT_EQ(again.options.lora_scale(), 2);
  EXPECT_TRUE(learns_the_same(again, learned_));
  attach_to_model(again, model_, "cat.edit");
  ASSERT_EQ(again.result.unet.size(), learned_.result.unet.size());
  for (const auto& [name, tensor] : learned_.result.unet) {
    EXPECT_TRUE(torch::equal(again.result.unet.at(name), tensor)) << name;
  }
}

TEST_F(LoraRecords, RankOfTheRecordMustBeTheFiles) {
  const auto place = folder_ / "cat.edit";
  write_saved_edit(place, learned_);
  auto again = read_saved_edit(place);
  again.options.lora_rank = 4;
  EXPECT_TRUE(contains(message_of([&] { attach_to_model(again, model_, "cat.edit"); }), "expected 4x"));
}

class LoraRecordsOfFamily : public LoraRecords, public ::testing::WithParamInterface<const char*> {
 protected:
  LoraRecordsOfFamily() : LoraRecords(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(Families, LoraRecordsOfFamily,
                         ::testing::Values("tiny-sd", "tiny-sd2", "tiny-sdxl"));

TEST_P(LoraRecordsOfFamily, ExportOntoTheBaseModelGivesWhatWasLearned) {
  const auto weights = unet_with(export_lora("cat.safetensors"));
  for (const auto& [name, tensor] : parameters_of(*model_.unet)) {
    const auto learned = learned_.result.unet.find(name);
    if (learned == learned_.result.unet.end()) {
      EXPECT_TRUE(torch::equal(weights.at(name), tensor)) << name;
    } else {
      EXPECT_TRUE(torch::allclose(weights.at(name), learned->second, 1e-6, 1e-7)) << name;
    }
  }
}

TEST_F(LoraRecords, ExportHoldsTheAdaptersThemselves) {
  const auto tensors = read_safetensors(export_lora("cat.safetensors")).tensors;
  const auto module = "up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q";
  const std::string key = "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q";
  EXPECT_TRUE(torch::equal(tensors.at(key + ".lora_down.weight"),
                           learned_.result.lora.at(std::string(module) + ".lora_down.weight")))
      << "the adapters themselves";
  EXPECT_EQ(tensors.at(key + ".alpha").item<float>(), 6);
  EXPECT_EQ(tensors.at("lora_unet_up_blocks_1_attentions_0_proj_in.lora_down.weight").dim(), 4)
      << "as other programs have it for convolutions";
}

class LoraRecordsOfXl : public LoraRecords {
 protected:
  LoraRecordsOfXl() : LoraRecords("tiny-sdxl") {}
};

TEST_F(LoraRecordsOfXl, ExportHasTheOriginalCodesNames) {
  const auto file = read_safetensors(export_lora("cat.safetensors"));
  EXPECT_EQ(file.metadata.at("ss_base_model_version"), "sdxl_base_v1-0");
  EXPECT_TRUE(
      file.tensors.count("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k.lora_down.weight"));
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_FALSE(contains(name, "down_blocks") || contains(name, "up_blocks")) << name;
  }
}

TEST_F(LoraRecords, ForgettingDropsAdaptersByName) {
  const auto tensors = read_safetensors(export_lora("none.safetensors", "noencoder")).tensors;
  for (const auto& [name, tensor] : tensors) EXPECT_FALSE(contains(name, "down_blocks")) << name;
  const auto half = unet_with(export_lora("half.safetensors", "noencoder", 0.5));
  for (const auto& [name, learned] : learned_.result.unet) {
    const auto original = parameters_of(*model_.unet).at(name);
    const auto expected = contains(name, "down_blocks") ? torch::lerp(original, learned, 0.5) : learned;
    EXPECT_TRUE(torch::allclose(half.at(name), expected, 1e-5, 1e-6)) << name;
  }
}

TEST_F(LoraRecords, ASavedEditOnALoraBelongsToBaseAndLora) {
  const auto place = folder_ / "cat.edit";
  write_saved_edit(place, learned_);
  ModelFiles files(base_);
  files.loras = {{export_lora("cat.safetensors"), 0.5}};
  const auto other = StableDiffusion::load(files, {});
  auto again = read_saved_edit(place);
  EXPECT_TRUE(contains(message_of([&] { attach_to_model(again, other, "cat.edit"); }),
                       "belongs to another base model (tiny-sd"));
}

}  // namespace
}  // namespace forgedit
