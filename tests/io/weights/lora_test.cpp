#include "forgedit/io/weights/keymaps/lora.h"

#include "forgedit/core/torch.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

/// Weights as of a very small Stable Diffusion 1.x; two levels, one layer each.
std::vector<LoraNetwork> networks() {
  const std::string attention = "down_blocks.1.attentions.0.";
  StateDict unet;
  for (const char* name : {"conv_in.weight", "down_blocks.0.resnets.0.conv1.weight",
                           "down_blocks.0.downsamplers.0.conv.weight", "down_blocks.1.resnets.0.conv1.weight",
                           "up_blocks.0.resnets.0.conv1.weight", "up_blocks.1.resnets.0.conv1.weight"}) {
    unet[name] = torch::zeros({4, 4, 3, 3});
  }
  unet[attention + "proj_in.weight"] = torch::zeros({4, 4, 1, 1});
  unet[attention + "transformer_blocks.0.attn2.to_k.weight"] = torch::zeros({4, 6});
  unet[attention + "transformer_blocks.0.attn2.to_out.0.weight"] = torch::zeros({4, 4});
  StateDict text;
  text["embeddings.token_embedding.weight"] = torch::zeros({9, 6});
  text["encoder.layers.0.self_attn.q_proj.weight"] = torch::zeros({6, 6});
  return {{"unet", unet}, {"text_encoder", text}};
}

const char* const kKey = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight";

std::vector<LoraFactors> read(const StateDict& tensors, std::map<std::string, std::string> metadata = {},
                              const std::string& peft = {}) {
  WeightsFile file;
  file.tensors = tensors;
  file.metadata = std::move(metadata);
  return lora_factors(file, networks(), "x.safetensors", peft);
}

/// Both halves of rank 2 under a stem, for attn2.to_k.
StateDict pair(const std::string& down, const std::string& up) {
  return {{down, torch::ones({2, 6})}, {up, torch::ones({4, 2})}};
}

TEST(Lora, NamesOfKohyaDiffusersAndPeft) {
  const std::string kohya = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.";
  const std::string original = "lora_unet_input_blocks_3_1_transformer_blocks_0_attn2_to_k.";
  const std::string module = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.";
  for (const auto& tensors :
       {pair(kohya + "lora_down.weight", kohya + "lora_up.weight"),
        pair(original + "lora_down.weight", original + "lora_up.weight"),
        pair("unet." + module + "to_k.lora_A.weight", "unet." + module + "to_k.lora_B.weight"),
        pair("unet." + module + "to_k.lora.down.weight", "unet." + module + "to_k.lora.up.weight"),
        pair("base_model.model." + module + "to_k.lora_A.default.weight",
             "base_model.model." + module + "to_k.lora_B.default.weight"),
        pair(module + "processor.to_k_lora.down.weight", module + "processor.to_k_lora.up.weight")}) {
    const auto factors = read(tensors);
    ASSERT_EQ(factors.size(), 1U);
    EXPECT_EQ(factors[0].network, "unet");
    EXPECT_EQ(factors[0].parameter, kKey);
    EXPECT_EQ(factors[0].alpha, 2) << "the rank, where the file says none";
  }
}

TEST(Lora, NamesInTextEncoders) {
  for (const std::string stem :
       {"lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_",
        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_",
        "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.",
        "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora."}) {
    const auto factors =
        read({{stem + "down.weight", torch::ones({1, 6})}, {stem + "up.weight", torch::ones({6, 1})}});
    ASSERT_EQ(factors.size(), 1U);
    EXPECT_EQ(factors[0].network, "text_encoder");
    EXPECT_EQ(factors[0].parameter, "encoder.layers.0.self_attn.q_proj.weight");
  }
}

TEST(Lora, MatricesForConvolutionsOfOnePixelAndAnAlpha) {
  const std::string stem = "lora_unet_down_blocks_1_attentions_0_proj_in.";
  const auto factors = read({{stem + "lora_down.weight", torch::ones({2, 4, 1, 1})},
                             {stem + "lora_up.weight", torch::ones({4, 2, 1, 1})},
                             {stem + "alpha", torch::tensor(0.5).to(torch::kHalf)}});
  ASSERT_EQ(factors.size(), 1U);
  EXPECT_EQ(factors[0].down.sizes(), (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(factors[0].up.sizes(), (std::vector<std::int64_t>{4, 2}));
  EXPECT_EQ(factors[0].alpha, 0.5);
}

TEST(Lora, AlphasMayBeIntegersButFactorsMayNot) {
  const std::string stem = "lora_unet_down_blocks_1_attentions_0_proj_in.";
  StateDict tensors{{stem + "lora_down.weight", torch::ones({2, 4, 1, 1})},
                    {stem + "lora_up.weight", torch::ones({4, 2, 1, 1})},
                    {stem + "alpha", torch::tensor(std::int64_t{4})}};
  EXPECT_EQ(read(tensors).at(0).alpha, 4);
  tensors[stem + "lora_up.weight"] = torch::ones({4, 2, 1, 1}, torch::kLong);
  EXPECT_EQ(message_of([&] { read(tensors); }),
            "x.safetensors: " + stem + "lora_up.weight: expected floating point, found long int");
}

TEST(Lora, AlphaOfPeft) {
  const auto tensors = pair("unet." + std::string(kKey, strlen(kKey) - 7) + ".lora_A.weight",
                            "unet." + std::string(kKey, strlen(kKey) - 7) + ".lora_B.weight");
  EXPECT_EQ(read(tensors, {{"lora_adapter_metadata", R"({"unet.lora_alpha": 8, "unet.r": 2})"}})[0].alpha, 8);
  EXPECT_EQ(read(tensors, {}, R"({"lora_alpha": 3})")[0].alpha, 3);
  EXPECT_EQ(message_of([&] { read(tensors, {}, R"({"use_rslora": true})"); }),
            "x.safetensors: adapter_config.json: use_rslora: expected a plain LoRA, found true");
}

std::string rejected(const std::string& key, const at::Tensor& tensor = torch::ones({2, 6})) {
  return message_of([&] { read({{key, tensor}}); });
}

TEST(Lora, OtherMethodsAreRejectedByName) {
  const std::string stem = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.";
  for (const auto& [part, name] : std::map<std::string, std::string>{{"lora_mid.weight", "LoCon"},
                                                                     {"hada_w1_a", "LoHa"},
                                                                     {"lokr_w1", "LoKr"},
                                                                     {"dora_scale", "DoRA"},
                                                                     {"lora_magnitude_vector.weight", "DoRA"},
                                                                     {"on_input", "IA3"}}) {
    const auto message = rejected(stem + part);
    EXPECT_TRUE(contains(message, "x.safetensors: " + stem + part + ": expected a plain LoRA, found " + name))
        << message;
  }
  const std::string conv = "lora_unet_down_blocks_0_resnets_0_conv1.";
  const auto message = message_of([&] {
    read({{conv + "lora_down.weight", torch::ones({2, 4, 3, 3})},
          {conv + "lora_up.weight", torch::ones({4, 2, 1, 1})}});
  });
  EXPECT_EQ(message, "x.safetensors: " + conv +
                         "lora_down.weight: expected a plain LoRA, found LoCon (a convolution of 3x3)");
}

TEST(Lora, UnknownLayersAndWrongShapes) {
  EXPECT_EQ(rejected("lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight"),
            "x.safetensors: lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight: this model has no "
            "such layer: a LoRA for Stable Diffusion XL");
  const std::string stem = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.";
  EXPECT_EQ(rejected(stem + "lora_sideways.weight"),
            "x.safetensors: " + stem +
                "lora_sideways.weight: not part of a LoRA: expected lora_down, lora_up or alpha");
  EXPECT_EQ(rejected(stem + "lora_down.weight"),
            "x.safetensors: " + stem + "lora_down.weight: its other half is missing: expected lora_up");
  EXPECT_EQ(message_of([&] {
              read({{stem + "lora_down.weight", torch::ones({2, 768})},
                    {stem + "lora_up.weight", torch::ones({4, 2})}});
            }),
            "x.safetensors: " + stem +
                "lora_down.weight: expected 2x6, found 2x768: a LoRA for Stable Diffusion 1.x");
  EXPECT_EQ(message_of([&] {
              read({{stem + "lora_down.weight", torch::ones({2, 6})},
                    {stem + "lora_up.weight", torch::ones({4, 3})}});
            }),
            "x.safetensors: " + stem + "lora_up.weight: expected 4x2, found 4x3");
  EXPECT_EQ(rejected("conv_in.weight", torch::ones({4, 4, 3, 3})),
            "x.safetensors: expected a LoRA, found weights of an unknown kind");
}

TEST(Lora, KohyaNamesAreTheFamilys) {
  auto all = networks();
  EXPECT_EQ(kohya_lora_names(all).at(std::string("unet.") + kKey),
            "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k");
  EXPECT_EQ(kohya_lora_names(all).at("text_encoder.encoder.layers.0.self_attn.q_proj.weight"),
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj");
  all.push_back({"text_encoder_2", all[1].parameters});
  const auto two = kohya_lora_names(all);
  EXPECT_EQ(two.at(std::string("unet.") + kKey),
            "lora_unet_input_blocks_3_1_transformer_blocks_0_attn2_to_k");
  EXPECT_EQ(two.at("text_encoder.encoder.layers.0.self_attn.q_proj.weight"),
            "lora_te1_text_model_encoder_layers_0_self_attn_q_proj");
  EXPECT_EQ(two.at("text_encoder_2.encoder.layers.0.self_attn.q_proj.weight"),
            "lora_te2_text_model_encoder_layers_0_self_attn_q_proj");
}

}  // namespace
}  // namespace forgedit
