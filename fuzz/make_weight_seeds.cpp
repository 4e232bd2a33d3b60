// Writes the seed corpora of fuzz_safetensors and fuzz_torch_file into two folders, named in this order.
#include "forgedit/core/files.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/safetensors.h"
#include "tests/io/weights/make_torch_file.h"

using namespace forgedit;
using namespace forgedit::testing;

namespace {

/// A few names of each family that is told apart; values stay tiny.
std::map<std::string, StateDict> checkpoints() {
  const auto one = torch::ones({2});
  const auto square = torch::ones({2, 2});
  const std::string unet = kLdmUnetPrefix, vae = kLdmVaePrefix, clip = kLdmClipPrefix;
  return {
      {"dtypes",
       {{"a", torch::ones({3}, torch::kDouble)},
        {"b", torch::ones({1, 2}, torch::kHalf)},
        {"c", torch::ones({2}, torch::kBFloat16)},
        {"d", torch::ones({1}, torch::kLong)},
        {"e", torch::ones({3}, torch::kBool)},
        {"f", torch::ones({0, 4})},
        {"g", torch::tensor(1.5F)}}},
      {"sd1",
       {{unet + "input_blocks.0.0.weight", torch::ones({2, 4, 1, 1})},
        {unet + "input_blocks.1.0.in_layers.0.weight", one},
        {unet + "input_blocks.1.1.proj_in.weight", torch::ones({2, 2, 1, 1})},
        {unet + "input_blocks.3.0.op.weight", one},
        {unet + "middle_block.1.transformer_blocks.0.attn1.to_q.weight", square},
        {unet + "output_blocks.2.1.conv.weight", one},
        {unet + "time_embed.0.weight", square},
        {vae + "encoder.down.0.block.0.norm1.weight", one},
        {vae + "decoder.mid.attn_1.q.weight", torch::ones({2, 2, 1, 1})},
        {vae + "decoder.up.3.upsample.conv.weight", one},
        {clip + "text_model.embeddings.token_embedding.weight", square},
        {clip + "text_model.embeddings.position_ids", torch::arange(3)},
        {"model_ema.decay", one},
        {"betas", one}}},
      {"vae",
       {{"decoder.conv_in.weight", one},
        {"encoder.mid_block.attentions.0.query.weight", square},
        {"encoder.mid_block.attentions.0.proj_attn.bias", one},
        {"quant_conv.bias", one}}},
      {"others",
       {{unet + "label_emb.0.0.weight", one},
        {"conditioner.embedders.1.model.x", one},
        {"lora_unet_a.lora_up.weight", square}}},
  };
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path safetensors = argv[1], torch_files = argv[2];
  for (const auto& [name, tensors] : checkpoints()) {
    write_safetensors(safetensors / name, tensors, {{"format", "pt"}});
    const auto pickle = pickled_tensors(tensors);
    const auto root = pickled::dict(pickled::text("epoch") + pickled::integer(3) +
                                    pickled::text("state_dict") + pickled::ordered_dict(pickle.items));
    write_file_atomically(torch_files / (name + "_zip"), torch_zip(root, pickle.storages, name == "vae"));
  }
  const auto storage = pickled::storage("FloatStorage", "7", 6, true);
  const auto tensor = pickled::tensor(storage, 1, {2, 2}, {2, 1});
  const auto legacy =
      torch_legacy(pickled::ordered_dict(pickled::text("a") + pickled::parameter(tensor) +
                                         pickled::text("b") + pickled::tensor(storage, 0, {6}, {1})),
                   {{"7", bytes_of(torch::ones({6})), 6}});
  write_file_atomically(torch_files / "legacy", legacy);
  // Protocol 4: frames, short strings, MEMOIZE and STACK_GLOBAL; and a pickle by itself.
  const std::string frame("\x80\x04\x95\x20\0\0\0\0\0\0\0", 11);
  const std::string values =
      "}\x94(\x8c\x01k]\x94(K\x01M\xe9\x03J\xff\xff\xff\xff\x88\x89Neh\x01\x8c\x05torch\x8c\x04Size\x93\x94)R"
      "\x8c\x01"
      "b\x8a\x02\xff\x7f\x8c\x01gG\x3f\xf0";
  write_file_atomically(torch_files / "pickle", frame + values + std::string(6, '\0') + "u.");
  return 0;
}
