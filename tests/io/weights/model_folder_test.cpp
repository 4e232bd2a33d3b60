#include "forgedit/io/weights/model_folder.h"

#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/safetensors.h"
#include "tests/io/weights/make_torch_file.h"
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
  for (const auto& name : list_directory(folder_)) {
    if (!name.ends_with(".safetensors")) continue;
    ++shards;
    EXPECT_LE(std::filesystem::file_size(folder_ / name), 1000U + 512U);
  }
  EXPECT_EQ(shards, 3);
  const auto again = read();
  ASSERT_EQ(again.size(), state.size());
  for (const auto& [name, tensor] : state) EXPECT_TRUE(torch::equal(again.at(name), tensor)) << name;
}

TEST_F(ModelFolder, OneShardNeedsNoIndex) {
  write_component_weights(folder_ / "new", kStem, {{"a", torch::ones({2})}}, 1000);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "new" / "diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(list_directory(folder_ / "new").size(), 1U);
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

TEST_F(ModelFolder, ReadsPyTorchFilesWhereThereIsNothingNewer) {
  const auto write_bin = [&](const char* name, const StateDict& tensors) {
    const auto pickle = testing::pickled_tensors(tensors);
    write_file_atomically(folder_ / name,
                          testing::torch_zip(testing::pickled::ordered_dict(pickle.items), pickle.storages));
  };
  write_bin("one.bin", {{"a", torch::full({1}, 1.0)}});
  write_bin("two.bin", {{"b", torch::full({1}, 2.0)}});
  write_index("diffusion_pytorch_model.bin.index.json", R"({"a":"one.bin","b":"two.bin"})");
  EXPECT_EQ(read().at("b").item<float>(), 2.0F);
  write_bin("diffusion_pytorch_model.bin", {{"a", torch::full({1}, 3.0)}});
  EXPECT_EQ(read().at("a").item<float>(), 3.0F);
  write("diffusion_pytorch_model.safetensors", {{"a", torch::full({1}, 4.0)}});
  EXPECT_EQ(read().at("a").item<float>(), 4.0F);
  write_bin("pytorch_model.bin", {{"c", torch::full({1}, 5.0)}});
  EXPECT_EQ(read_component_weights(folder_, "model").at("c").item<float>(), 5.0F);
}

TEST_F(ModelFolder, LinksOfUnfinishedDownloadsAreNamed) {
  std::filesystem::create_symlink(folder_ / "gone", folder_ / "diffusion_pytorch_model.safetensors");
  EXPECT_TRUE(contains(message_of([&] { read(); }), "safetensors: a link to a file that is not there"));
}

TEST_F(ModelFolder, MissingWeightsAndFolder) {
  EXPECT_TRUE(contains(message_of([&] { read(); }), "expected diffusion_pytorch_model.safetensors"));
  const auto none = folder_ / "none";
  EXPECT_TRUE(contains(message_of([&] { read_component_weights(none, kStem); }), "no such folder"));
}

}  // namespace
}  // namespace forgedit
