#include "forgedit/pipelines/records/export.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;

const LoraNames kNames = [](const std::string& parameter) { return "p_" + parameter; };
const fs::path kExportedModel = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd";

/// A saved edit of the tiny model: random changes of all that learns.
LearnedPicture learned_from(const StableDiffusion& model) {
  torch::manual_seed(3);
  LearnedPicture learned;
  learned.source = "a cat";
  learned.base_fingerprint = model.base_fingerprint;
  learned.result.embedding.tokens = torch::randn({1, 77, 32});
  for (const auto& [name, tensor] : parameters_of(*model.unet)) {
    if (learns(learned.options.layers, name)) {
      learned.result.unet[name] = tensor.detach() + 0.01 * torch::randn(tensor.sizes());
    }
  }
  return learned;
}

class Export : public testing::TemporaryFolder {
 protected:
  ExportResult write(const fs::path& out, const ExportOptions& options) {
    return export_learned(model_, learned_, out, options);
  }
  /// Everything but the folder's own entries is gone.
  std::size_t entries() const { return list_directory(folder_).size(); }

  StableDiffusion model_ = StableDiffusion::load(kExportedModel, {});
  LearnedPicture learned_ = learned_from(model_);
};

/// A saved edit by DreamBooth: both networks changed, all parameters of each.
class ExportDreamBooth : public Export {
 protected:
  ExportDreamBooth() {
    learned_.options = published_options(LearnMethod::dreambooth);
    change(*model_.unet, learned_.result.unet);
    change(*model_.text_encoder, learned_.result.text_encoder);
  }
  static void change(const torch::nn::Module& network, StateDict& learned) {
    for (const auto& [name, tensor] : parameters_of(network)) {
      learned[name] = tensor.detach() + 0.01 * torch::randn(tensor.sizes());
    }
  }
};

void expect_networks(StableDiffusion& actual, StableDiffusion& base, const LearnedPicture& learned,
                     const std::function<bool(const std::string&)>& is_learned) {
  for (const auto& [name, tensor] : parameters_of(*actual.unet)) {
    const bool changed = learned.result.unet.count(name) > 0 && is_learned(name);
    EXPECT_TRUE(
        torch::equal(tensor, changed ? learned.result.unet.at(name) : parameters_of(*base.unet).at(name)))
        << name;
  }
  for (const auto& [name, tensor] : parameters_of(*actual.vae)) {
    EXPECT_TRUE(torch::equal(tensor, parameters_of(*base.vae).at(name))) << name;
  }
  for (const auto& [name, tensor] : parameters_of(*actual.text_encoder)) {
    const auto tuned = learned.result.text_encoder.find(name);
    const bool changed = tuned != learned.result.text_encoder.end();
    EXPECT_TRUE(torch::equal(tensor, changed ? tuned->second : parameters_of(*base.text_encoder).at(name)))
        << name;
  }
}

TEST_F(Export, FolderAndSingleFileComeBackBitEqual) {
  const auto before = model_.base_fingerprint;
  for (const auto format : {ExportFormat::diffusers, ExportFormat::single_file}) {
    const auto out = folder_ / (format == ExportFormat::diffusers ? "model" : "model.safetensors");
    ExportOptions options;
    options.format = format;
    options.forget = "noencoder";
    const auto result = write(out, options);
    for (const auto& path : result.written) EXPECT_TRUE(fs::exists(path)) << path;
    auto again = StableDiffusion::load(out, {});
    expect_networks(again, model_, learned_,
                    [](const std::string& name) { return !starts_with(name, "down_blocks."); });
    EXPECT_EQ(again.tokenizer->tokenize("a red square"), model_.tokenizer->tokenize("a red square"));
    EXPECT_TRUE(torch::equal(read_safetensors(result.written[1]).tensors.at("embedding"),
                             learned_.result.embedding.tokens));
    EXPECT_EQ(StableDiffusion::load(kExportedModel, {}).base_fingerprint, before);
  }
  // The model and its three neighbours: nothing temporary is left.
  EXPECT_EQ(entries(), 4U);
  EXPECT_EQ(fingerprint(parameters_of(*model_.unet)),
            fingerprint(parameters_of(*StableDiffusion::load(kExportedModel, {}).unet)))
      << "the model's own weights are back";
}

TEST_F(Export, CaptionerJudgeAndTokenizerGoAlong) {
  const auto base = folder_ / "base";
  fs::create_directories(base / "clip/kept-out");
  fs::create_directories(base / "captioner");
  write_file_atomically(base / "blob", "weights");
  fs::create_symlink(base / "blob", base / "captioner/model.safetensors");
  write_file_atomically(base / "clip/config.json", "{}");
  fs::copy(kExportedModel / "tokenizer", base / "tokenizer");
  write_file_atomically(base / "tokenizer/added_tokens.json", "{}");
  write_file_atomically(base / "tokenizer/tokenizer.json", "{}");
  model_.folder = base;
  model_.tokenizer_files.folder = base / "tokenizer";
  ExportOptions options;
  options.format = ExportFormat::diffusers;
  const auto out = folder_ / "out";
  write(out, options);
  EXPECT_EQ(read_file(out / "captioner/model.safetensors"), "weights");
  EXPECT_FALSE(fs::is_symlink(out / "captioner/model.safetensors"));
  EXPECT_EQ(read_file(out / "clip/config.json"), "{}");
  EXPECT_FALSE(fs::exists(out / "clip/kept-out"));
  EXPECT_TRUE(fs::exists(out / "tokenizer/added_tokens.json") &&
              fs::exists(out / "tokenizer/tokenizer.json"));
}

TEST_F(Export, BlendAndHalfPrecision) {
  ExportOptions options;
  options.format = ExportFormat::single_file;
  options.forget = "noencoder";
  options.blend = 0.25;
  options.dtype = at::kHalf;
  write(folder_ / "model.safetensors", options);
  auto again = StableDiffusion::load(folder_ / "model.safetensors", {});
  const std::string name = "down_blocks.1.resnets.0.conv1.weight";
  const auto mixed = torch::lerp(parameters_of(*model_.unet).at(name), learned_.result.unet.at(name), 0.25);
  EXPECT_TRUE(torch::equal(parameters_of(*again.unet).at(name), mixed.to(at::kHalf).to(at::kFloat)));
}

TEST_F(Export, FullRankLoraIsTheWholeChange) {
  ExportOptions options;
  options.format = ExportFormat::lora;
  options.lora.rank = 4096;
  const auto result = write(folder_ / "lora.safetensors", options);
  EXPECT_GT(result.lora.kept(false), 1 - 1e-9);
  EXPECT_LT(result.lora.kept(true), 1.0) << "norms and biases changed too";
  const auto tensors = read_safetensors(folder_ / "lora.safetensors").tensors;
  const auto parameters = parameters_of(*model_.unet);
  std::size_t held = 0;
  for (const auto& [name, tensor] : learned_.result.unet) {
    if (tensor.dim() == 1) {
      EXPECT_EQ(std::count(result.lora.not_held.begin(), result.lora.not_held.end(), name), 1) << name;
      continue;
    }
    auto key = "lora_unet_" + name.substr(0, name.size() - 7);
    std::replace(key.begin(), key.end(), '.', '_');
    ASSERT_TRUE(tensors.count(key + ".lora_up.weight")) << key;
    const auto up = tensors.at(key + ".lora_up.weight"), down = tensors.at(key + ".lora_down.weight");
    EXPECT_EQ(tensors.at(key + ".alpha").item<float>(), static_cast<float>(down.size(0)));
    EXPECT_EQ(up.dim(), tensor.dim());
    const auto change = up.flatten(1).matmul(down.flatten(1)).reshape(tensor.sizes());
    EXPECT_LT((change - (tensor - parameters.at(name))).norm().item<double>(),
              1e-4 * tensor.norm().item<double>());
    ++held;
  }
  EXPECT_EQ(tensors.size(), 3 * held);
  const ConfigReader report(folder_ / "lora.report.json");
  EXPECT_NEAR(report.number("kept_of_layers", {}), 1.0, 1e-9);
}

TEST_F(ExportDreamBooth, FolderAndSingleFileHoldBothTunedNetworks) {
  for (const auto format : {ExportFormat::diffusers, ExportFormat::single_file}) {
    const auto out = folder_ / (format == ExportFormat::diffusers ? "model" : "model.safetensors");
    ExportOptions options;
    options.format = format;
    options.forget = "nodecoder";
    write(out, options);
    auto again = StableDiffusion::load(out, {});
    // Forgetting is the UNet's: the text encoder stays as it was tuned.
    expect_networks(again, model_, learned_,
                    [](const std::string& name) { return !starts_with(name, "up_blocks."); });
  }
  EXPECT_EQ(fingerprint(parameters_of(*model_.text_encoder)),
            fingerprint(parameters_of(*StableDiffusion::load(kExportedModel, {}).text_encoder)))
      << "the model's own weights are back";
}

TEST_F(ExportDreamBooth, LoraHoldsBothNetworksAndReportsWhatItKeeps) {
  ExportOptions options;
  options.format = ExportFormat::lora;
  options.lora.rank = 4;
  write(folder_ / "lora.safetensors", options);
  const auto tensors = read_safetensors(folder_ / "lora.safetensors").tensors;
  const auto report = read_json_object(folder_ / "lora.report.json");
  std::map<std::string, double> reported;
  for (const auto& layer : report.at("layers")) reported[layer.at("name")] = layer.at("kept");

  double lost = 0, held_change = 0, whole_change = 0;
  std::size_t layers = 0;
  const auto add = [&](const std::string& prefix, const torch::nn::Module& network,
                       const StateDict& learned) {
    for (const auto& [name, base] : parameters_of(network)) {
      const auto change = (learned.at(name).to(torch::kDouble) - base.to(torch::kDouble)).flatten();
      whole_change += change.square().sum().item<double>();
      const auto module = name.substr(0, name.rfind('.'));
      auto key = prefix + module;
      std::replace(key.begin(), key.end(), '.', '_');
      const auto down = tensors.find(key + ".lora_down.weight");
      if (down == tensors.end() || name == module + ".bias") continue;
      const auto scale =
          tensors.at(key + ".alpha").item<double>() / static_cast<double>(down->second.size(0));
      const auto up = tensors.at(key + ".lora_up.weight").to(torch::kDouble).flatten(1);
      const auto held = (scale * up.matmul(down->second.to(torch::kDouble).flatten(1))).flatten();
      const double squared = change.square().sum().item<double>();
      const double missing = (change - held).square().sum().item<double>();
      EXPECT_NEAR(reported.at(module), 1 - missing / squared, 1e-9) << module;
      lost += missing;
      held_change += squared;
      ++layers;
    }
  };
  add("lora_unet_", *model_.unet, learned_.result.unet);
  const auto unet_layers = layers;
  add("lora_te_text_model_", *model_.text_encoder, learned_.result.text_encoder);
  EXPECT_EQ(layers - unet_layers, 6U * 3U) << "q, k, v, out, fc1 and fc2 of three layers";
  EXPECT_EQ(tensors.size(), 3 * layers);
  EXPECT_EQ(reported.size(), layers);
  EXPECT_TRUE(tensors.count("lora_te_text_model_encoder_layers_1_self_attn_q_proj.lora_up.weight"));
  EXPECT_TRUE(tensors.count("lora_unet_mid_block_attentions_0_proj_in.lora_up.weight"));
  EXPECT_NEAR(report.at("kept_of_layers"), 1 - lost / held_change, 1e-9);
  EXPECT_NEAR(report.at("kept_in_all"), (held_change - lost) / whole_change, 1e-9);
  const auto rest = read_safetensors(folder_ / "lora.embedding.safetensors").tensors;
  EXPECT_TRUE(torch::equal(rest.at("embedding"), learned_.result.embedding.tokens));
}

TEST_F(Export, RankIsTheBestOfItsSizeAndEnergyTheSmallestThatDoes) {
  torch::manual_seed(1);
  // Singular values 4, 2 and 1: squares 16, 4 and 1 of 21.
  const auto basis = std::get<0>(torch::linalg_qr(torch::randn({6, 6}, torch::kDouble)));
  const auto values = torch::tensor({4.0, 2.0, 1.0, 0.0, 0.0, 0.0}, torch::kDouble);
  for (const bool tall : {false, true}) {
    auto change = (basis * values).matmul(torch::eye(6, 9, torch::kDouble)).to(torch::kFloat);
    if (tall) change = change.t().contiguous();
    const StateDict original{{"m.weight", torch::zeros(change.sizes())}}, tuned{{"m.weight", change}};
    const auto lora = make_lora(kNames, original, tuned, {1, 0}, at::kFloat);
    EXPECT_EQ(lora.layers[0].rank, 1);
    EXPECT_NEAR(lora.kept(true), 16.0 / 21, 1e-6);
    EXPECT_EQ(make_lora(kNames, original, tuned, {1, 0.9}, at::kFloat).layers[0].rank, 2);
    EXPECT_EQ(make_lora(kNames, original, tuned, {1, 0.76}, at::kFloat).layers[0].rank, 1);
    EXPECT_EQ(make_lora(kNames, original, tuned, {5, 0}, at::kFloat).layers[0].rank, 3)
        << "no more than there is";
  }
  const StateDict table{{"token_embedding.weight", torch::ones({3, 3})}},
      none{{"token_embedding.weight", torch::zeros({3, 3})}};
  EXPECT_EQ(make_lora(kNames, none, table, {1, 0}, at::kFloat).not_held.size(), 1U);
}

TEST_F(Export, NothingIsOverwrittenOrHalfWritten) {
  ExportOptions options;
  fs::create_directories(folder_ / "full" / "inside");
  EXPECT_TRUE(contains(message_of([&] { write(folder_ / "full", options); }), "already exists"));
  options.format = ExportFormat::single_file;
  EXPECT_TRUE(contains(message_of([&] { write(folder_ / "model.ckpt", options); }), ".safetensors"));
  fs::create_directories(folder_ / "model.tokenizer");
  EXPECT_TRUE(
      contains(message_of([&] { write(folder_ / "model.safetensors", options); }), "model.tokenizer"));
  options.format = ExportFormat::lora;
  learned_.result.unet.clear();
  EXPECT_TRUE(contains(message_of([&] { write(folder_ / "lora.safetensors", options); }),
                       "nothing to store in a LoRA"));
  EXPECT_EQ(entries(), 2U);
  EXPECT_TRUE(contains(message_of([] { parse_export_format("onnx"); }), "diffusers, single-file or lora"));
  EXPECT_TRUE(contains(message_of([] { parse_stored_dtype("int8"); }), "fp16, bf16 or fp32"));
}

}  // namespace
}  // namespace forgedit
