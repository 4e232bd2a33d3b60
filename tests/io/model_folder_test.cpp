#include "forgedit/io/model_folder.h"

#include <torch/torch.h>

#include "forgedit/core/files.h"
#include "forgedit/io/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

constexpr const char* kStem = "diffusion_pytorch_model";

class ModelFolder : public testing::TemporaryFolder {
 protected:
  StateDict read() { return read_component_weights(folder_, kStem); }
  void write(const std::string& name, const StateDict& tensors) {
    write_safetensors(folder_ / name, tensors);
  }
  void write_index(const std::string& name, const std::string& weight_map) {
    write_file_atomically(folder_ / name, R"({"metadata":{},"weight_map":)" + weight_map + "}");
  }
  std::string refuse_index(const std::string& weight_map) {
    write_index("diffusion_pytorch_model.safetensors.index.json", weight_map);
    const auto message = message_of([&] { read(); });
    EXPECT_TRUE(contains(message, folder_.string())) << message;
    return message;
  }
};

TEST_F(ModelFolder, PlainFileBeforeItsHalfVariant) {
  write("diffusion_pytorch_model.fp16.safetensors", {{"a", torch::full({1}, 16.0)}});
  EXPECT_EQ(read().at("a").item<float>(), 16.0F);
  write("diffusion_pytorch_model.safetensors", {{"a", torch::full({1}, 32.0)}});
  EXPECT_EQ(read().at("a").item<float>(), 32.0F);
}

TEST_F(ModelFolder, ReadsShardsThroughTheirIndex) {
  write("one.safetensors", {{"a", torch::ones({2})}});
  write("two.safetensors", {{"b", torch::zeros({3})}});
  for (const char* index : {"diffusion_pytorch_model.safetensors.index.json",
                            "diffusion_pytorch_model.fp16.safetensors.index.json",
                            "diffusion_pytorch_model.safetensors.index.fp16.json"}) {
    write_index(index, R"({"a":"one.safetensors","b":"two.safetensors"})");
    const auto state = read();
    EXPECT_EQ(state.size(), 2U);
    EXPECT_EQ(state.at("b").numel(), 3);
    std::filesystem::remove(folder_ / index);
  }
}

TEST_F(ModelFolder, ShardsHoldNothingButTheIndex) {
  write("one.safetensors", {{"a", torch::ones({2})}, {"extra", torch::ones({1})}});
  write_index("diffusion_pytorch_model.safetensors.index.json", R"({"a":"one.safetensors"})");
  EXPECT_THROW(read(), Error);
}

TEST_F(ModelFolder, WrittenShardsKeepTheirLimitAndComeBack) {
  StateDict state;
  for (int i = 0; i < 5; ++i) state["layer." + std::to_string(i)] = torch::full({100}, static_cast<float>(i));
  write_component_weights(folder_, kStem, state, 1000);
  int shards = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    if (file.path().extension() != ".safetensors") continue;
    ++shards;
    EXPECT_LE(std::filesystem::file_size(file), 1000U + 512U);
  }
  EXPECT_EQ(shards, 3);
  const auto again = read();
  ASSERT_EQ(again.size(), state.size());
  for (const auto& [name, tensor] : state) EXPECT_TRUE(torch::equal(again.at(name), tensor)) << name;
}

TEST_F(ModelFolder, OneShardNeedsNoIndex) {
  write_component_weights(folder_ / "new", kStem, {{"a", torch::ones({2})}}, 1000);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "new" / "diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "new"), {}), 1);
}

TEST_F(ModelFolder, IndexMustStayBesideItself) {
  write_safetensors(folder_.parent_path() / "outside.safetensors", {{"a", torch::ones({1})}});
  for (const char* file : {"../outside.safetensors", "/etc/passwd", "sub/one.safetensors",
                           "./one.safetensors", "", ".", "..", "sub/"}) {
    const auto message = refuse_index(std::string(R"({"a":")") + file + "\"}");
    EXPECT_TRUE(contains(message, "index.json: weight_map: a: expected a plain file name")) << message;
  }
  std::filesystem::remove(folder_.parent_path() / "outside.safetensors");
}

TEST_F(ModelFolder, DamagedIndex) {
  EXPECT_TRUE(contains(refuse_index("[]"), "weight_map: expected an object"));
  EXPECT_TRUE(contains(refuse_index(R"({"a":3})"), "a: not a file name"));
  EXPECT_TRUE(contains(refuse_index(R"({"a":"none.safetensors"})"), "none.safetensors: no such file"));
  write("one.safetensors", {{"b", torch::ones({1})}});
  EXPECT_TRUE(contains(refuse_index(R"({"a":"one.safetensors"})"), "one.safetensors: a: in the index"));
  write_file_atomically(folder_ / "diffusion_pytorch_model.safetensors.index.json", "{\"weight_map\":");
  EXPECT_TRUE(contains(message_of([&] { read(); }), "not valid JSON"));
}

TEST_F(ModelFolder, PickleFilesAreRefusedWithTheWayOut) {
  write_file_atomically(folder_ / "diffusion_pytorch_model.bin", "\x80\x02.");
  const auto message = message_of([&] { read(); });
  EXPECT_TRUE(contains(message, "diffusion_pytorch_model.bin"));
  EXPECT_TRUE(contains(message, "safe_serialization"));
}

TEST_F(ModelFolder, MissingWeightsAndFolder) {
  EXPECT_TRUE(contains(message_of([&] { read(); }), "expected diffusion_pytorch_model.safetensors"));
  const auto none = folder_ / "none";
  EXPECT_TRUE(contains(message_of([&] { read_component_weights(none, kStem); }), "no such folder"));
}

}  // namespace
}  // namespace forgedit
