#include "forgedit/io/weights/keymaps/keymaps.h"

#include <torch/torch.h>

#include "forgedit/io/weights/single_file.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

StateDict named(std::initializer_list<const char*> names) {
  StateDict result;
  for (const char* name : names) result[name] = torch::zeros({1});
  return result;
}

std::vector<std::string> names_of(const StateDict& state) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state) names.push_back(name);
  return names;
}

TEST(Keymaps, TextEncoderOutOfAWholeClip) {
  UnusedNames unused;
  const auto state = normalise_clip_text_keys(
      named({"logit_scale", "text_model.embeddings.position_ids", "text_model.final_layer_norm.bias",
             "text_projection.weight", "vision_model.post_layernorm.bias", "visual_projection.weight",
             "text_model.encoder.layers.0.unheard_of"}),
      &unused);
  EXPECT_EQ(names_of(state),
            (std::vector<std::string>{"encoder.layers.0.unheard_of", "final_layer_norm.bias"}))
      << "what is inside of the encoder stays, so that loading names it";
  EXPECT_EQ(unused, (UnusedNames{"logit_scale", "text_projection.weight", "vision_model.post_layernorm.bias",
                                 "visual_projection.weight"}));
}

TEST(Keymaps, VaeWithoutWhatTrainingLeft) {
  const auto state = named({"decoder.conv_in.weight", "loss.discriminator.main.0.weight", "model_ema.decay",
                            "discriminator.main.0.bias", "optimizer.state.0", "global_step"});
  for (const bool ldm : {true, false}) {
    UnusedNames unused;
    const auto vae = ldm ? vae_from_ldm(state, &unused) : normalise_vae_keys(state, &unused);
    EXPECT_EQ(names_of(vae), (std::vector<std::string>{"decoder.conv_in.weight"}));
    EXPECT_EQ(unused.size(), 5U);
  }
}

TEST(Keymaps, CheckpointsListWhatIsUsedByNothing) {
  const auto file =
      split_checkpoint(named({"betas", "cond_stage_model.logit_scale",
                              "cond_stage_model.transformer.text_model.final_layer_norm.bias",
                              "cond_stage_model.transformer.text_projection.weight",
                              "cond_stage_model.transformer.vision_model.post_layernorm.bias",
                              "first_stage_model.decoder.conv_in.bias", "first_stage_model.loss.logvar",
                              "model_ema.decay", "v_pred", "model.diffusion_model.input_blocks.0.0.bias"}));
  EXPECT_EQ(names_of(file.text_encoder), (std::vector<std::string>{"final_layer_norm.bias"}));
  EXPECT_EQ(names_of(file.vae), (std::vector<std::string>{"decoder.conv_in.bias"}));
  EXPECT_EQ(names_of(file.unet), (std::vector<std::string>{"conv_in.bias"}));
  EXPECT_EQ(names_of(file.schedule), (std::vector<std::string>{"betas"}));
  EXPECT_EQ(file.ema_copies, 1U);
  EXPECT_EQ(file.unused.size(), 5U);
}

}  // namespace
}  // namespace forgedit
