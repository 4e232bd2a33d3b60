#include "forgedit/pipelines/records/saved_edit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/pipelines/model/picture.h"
#include "forgedit/pipelines/records/attach_to_model.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

const fs::path kModel = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd";

/// A small picture "learned" without a model: random values under plausible names.
LearnedPicture some_learned_picture() {
  torch::manual_seed(1);
  LearnedPicture learned;
  learned.picture_name = "cat.png";
  learned.source = "a cat";
  learned.base_name = "base";
  learned.base_fingerprint = "0123456789abcdef";
  learned.software = "forgedit test";
  learned.background = "#ffffff";
  learned.stretched = true;
  learned.options.layers = LayerScope::paper;
  learned.options.seed = 7;
  learned.result.embedding.tokens = torch::randn({1, 77, 32});
  learned.result.unet = {{"down_blocks.1.a.weight", torch::randn({4, 3})},
                         {"up_blocks.1.b.bias", torch::randn({5})}};
  learned.result.losses = {0.5, 0.25};
  learned.frame = fit_frame(100, 80, 64 * 64, 16);
  learned.grid = Image(learned.frame.grid_width, learned.frame.grid_height, {10, 20, 30});
  return learned;
}

class SavedEdit : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ =
        fs::path(::testing::TempDir()) / ("saved_edit_" + std::to_string(::getpid()) + "_" +
                                          ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(root_);
    folder_ = root_ / "cat.edit";
  }
  void TearDown() override { remove_tree(root_); }

  /// Changes learned.json of a freshly written saved edit, and returns the message of reading it.
  std::string message_after(const std::function<void(nlohmann::json&)>& change) {
    write_saved_edit(folder_, some_learned_picture());
    auto record = read_json_object(folder_ / "learned.json");
    change(record);
    write_file_atomically(folder_ / "learned.json", record.dump());
    return read_message();
  }
  std::string read_message() {
    try {
      read_saved_edit(folder_);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path root_, folder_;
};

TEST_F(SavedEdit, ComesBackAsItWas) {
  const auto before = some_learned_picture();
  write_saved_edit(folder_, before);
  const auto after = read_saved_edit(folder_);
  EXPECT_EQ(after.picture_name, before.picture_name);
  EXPECT_EQ(after.source, before.source);
  EXPECT_EQ(after.base_name, before.base_name);
  EXPECT_EQ(after.base_fingerprint, before.base_fingerprint);
  EXPECT_EQ(after.background, before.background);
  EXPECT_TRUE(after.stretched);
  EXPECT_EQ(after.options.seed, 7U);
  EXPECT_EQ(after.options.layers, LayerScope::paper);
  EXPECT_EQ(after.options.adam.eps, before.options.adam.eps);
  EXPECT_EQ(after.options.method, LearnMethod::vanilla);
  EXPECT_TRUE(after.result.text_encoder.empty());
  EXPECT_EQ(after.result.losses, before.result.losses);
  EXPECT_EQ(after.frame.left, before.frame.left);
  EXPECT_EQ(after.frame.grid_width, before.frame.grid_width);
  EXPECT_EQ(after.grid.pixels, before.grid.pixels);
  EXPECT_TRUE(torch::equal(after.result.embedding.tokens, before.result.embedding.tokens));
  ASSERT_EQ(after.result.unet.size(), 2U);
  for (const auto& [name, tensor] : before.result.unet) {
    EXPECT_TRUE(torch::equal(after.result.unet.at(name), tensor)) << name;
  }
}

TEST_F(SavedEdit, HoldsBothNetworksOfDreambooth) {
  auto before = some_learned_picture();
  before.options = published_options(LearnMethod::dreambooth);
  before.result.text_encoder = {{"final_layer_norm.bias", torch::randn({6})}};
  write_saved_edit(folder_, before);
  auto after = read_saved_edit(folder_);
  EXPECT_EQ(after.options.method, LearnMethod::dreambooth);
  EXPECT_EQ(after.options.layers, LayerScope::all);
  EXPECT_EQ(read_saved_record(folder_).options.method, LearnMethod::dreambooth);
  ASSERT_EQ(after.result.text_encoder.size(), 1U);
  EXPECT_TRUE(
      torch::equal(after.result.text_encoder.begin()->second, before.result.text_encoder.begin()->second));
  // A vanilla one over it takes the second network's file away.
  write_saved_edit(folder_, some_learned_picture());
  EXPECT_FALSE(fs::exists(folder_ / "text_encoder.safetensors"));
  EXPECT_TRUE(read_saved_edit(folder_).result.text_encoder.empty());
}

TEST_F(SavedEdit, ReplacesOnlyItsOwnKind) {
  auto learned = some_learned_picture();
  fs::create_directories(folder_);
  write_saved_edit(folder_, learned);
  learned.source = "another cat";
  write_saved_edit(folder_.string() + "/", learned);
  EXPECT_EQ(read_saved_edit(folder_).source, "another cat");
  EXPECT_EQ(list_directory(root_).size(), 1U) << "temporary folders are gone";
  fs::create_directory_symlink(folder_, root_ / "link");
  learned.source = "a third cat";
  write_saved_edit(root_ / "link", learned);
  EXPECT_TRUE(fs::is_symlink(root_ / "link"));
  EXPECT_EQ(read_saved_edit(folder_).source, "a third cat");

  const auto other = root_ / "other";
  fs::create_directories(other);
  std::ofstream(other / "letter.txt") << "dear";
  EXPECT_THROW(write_saved_edit(other, learned), Error);
  EXPECT_THROW(write_saved_edit(other / "letter.txt", learned), Error);
  EXPECT_EQ(read_file(other / "letter.txt"), "dear");
  EXPECT_EQ(read_saved_edit(root_ / "other-2").source, "a third cat") << "what was learned is not lost";
}

TEST_F(SavedEdit, WhatIsStoppedLeavesTheOldOne) {
  auto learned = some_learned_picture();
  write_saved_edit(folder_, learned);
  learned.source = "another cat";
  StopFlag stop;
  stop.stop();
  EXPECT_THROW(write_saved_edit(folder_, learned, &stop), Cancelled);
  EXPECT_NE(read_saved_edit(folder_).source, "another cat");
  EXPECT_EQ(list_directory(root_).size(), 1U) << "temporary folders are gone";
}

TEST_F(SavedEdit, RefusesDamage) {
  EXPECT_NE(read_message().find("no such folder"), std::string::npos);
  EXPECT_NE(message_after([](auto& r) { r["format"] = 4; }).find("format: expected 1 to 3, found 4"),
            std::string::npos);
  EXPECT_NE(
      message_after([](auto& r) { r["learning"]["method"] = "other"; }).find("learning: method: unknown"),
      std::string::npos);
  EXPECT_NE(
      message_after([](auto& r) { r["learning"]["method"] = "dreambooth"; }).find("text_encoder.safetensors"),
      std::string::npos);
  EXPECT_NE(message_after([](auto& r) { r.erase("source"); }).find("source: missing"), std::string::npos);
  EXPECT_NE(message_after([](auto& r) { r["base_model"] = 1; }).find("base_model: expected an object"),
            std::string::npos);
  EXPECT_NE(message_after([](auto& r) { r["learning"]["layers"] = "most"; }).find("layers"),
            std::string::npos);
  EXPECT_NE(message_after([](auto& r) { r["losses"] = {1, "two"}; }).find("losses"), std::string::npos);
  EXPECT_NE(message_after([](auto& r) { r["frame"]["left"] = 4000; }).find("left"), std::string::npos);
  EXPECT_NE(message_after([](auto& r) { r["frame"]["grid_height"] = 4096; }).find("original.png: expected"),
            std::string::npos);

  write_saved_edit(folder_, some_learned_picture());
  fs::resize_file(folder_ / "unet.safetensors", 100);
  EXPECT_NE(read_message().find("unet.safetensors: truncated"), std::string::npos);
  write_safetensors(folder_ / "unet.safetensors", {{"a", torch::ones({2}, torch::kLong)}});
  EXPECT_NE(read_message().find("a: expected floating point"), std::string::npos);
  write_safetensors(folder_ / "embedding.safetensors", {{"embedding", torch::ones({77, 32})}});
  EXPECT_NE(read_message().find("embedding: expected floating point 1xTOKENSxWIDTH"), std::string::npos);
}

TEST_F(SavedEdit, KeepsThePooledPartOfAnEmbedding) {
  auto learned = some_learned_picture();
  learned.result.embedding.pooled = torch::randn({1, 20});
  write_saved_edit(folder_, learned);
  const auto read = read_saved_edit(folder_).result.embedding;
  EXPECT_TRUE(torch::equal(read.pooled, learned.result.embedding.pooled));
  EXPECT_TRUE(torch::equal(read.tokens, learned.result.embedding.tokens));
  write_safetensors(folder_ / "embedding.safetensors",
                    {{"embedding", torch::ones({1, 77, 32})}, {"pool", torch::ones({1, 20})}});
  EXPECT_NE(read_message().find("`embedding` and `pooled`, and no other"), std::string::npos);
  write_safetensors(folder_ / "embedding.safetensors",
                    {{"embedding", torch::ones({1, 77, 32})}, {"pooled", torch::ones({20})}});
  EXPECT_NE(read_message().find("pooled: expected floating point 1xWIDTH"), std::string::npos);
}

TEST_F(SavedEdit, WhatTheModelPredictsIsKept) {
  auto learned = some_learned_picture();
  learned.options.stop_loss = 0.4;
  learned.options.stop_after = 0;
  learned.prediction = PredictionType::v_prediction;
  write_saved_edit(folder_, learned);
  const auto read = read_saved_record(folder_);
  EXPECT_EQ(read.prediction, PredictionType::v_prediction);
  EXPECT_FALSE(read.result.stopped_at) << "losses of a velocity end nothing";
}

TEST_F(SavedEdit, FilesMustBeThoseOfTheRecord) {
  write_saved_edit(folder_, some_learned_picture());
  auto other = some_learned_picture();
  other.result.unet.begin()->second = torch::zeros({4, 3});
  write_saved_edit(root_ / "other.edit", other);
  fs::copy_file(root_ / "other.edit" / "unet.safetensors", folder_ / "unet.safetensors",
                fs::copy_options::overwrite_existing);
  EXPECT_NE(read_message().find("unet.safetensors: does not match learned.json"), std::string::npos);
}

TEST_F(SavedEdit, NamesOfPicturesLeadNowhere) {
  for (const char* name : {"../cat.png", "/tmp/cat.png", "a/b.png", ".."}) {
    EXPECT_NE(
        message_after([&](auto& r) { r["picture"] = name; }).find("expected a file name without folders"),
        std::string::npos)
        << name;
  }
}

TEST_F(SavedEdit, OfTheFirstFormatIsRead) {
  // As version 0.1.0 wrote it (c5589e7), with no hashes of the other files.
  constexpr const char* kFirst = R"({
 "background": "#ffffff",
 "base_model": {"fingerprint": "00be6895571722a0", "fingerprint_method": 3, "name": "tiny-sd"},
 "format": 1,
 "frame": {"grid_height": 128, "grid_width": 192, "height": 128, "left": 0, "source_height": 64,
  "source_width": 96, "top": 0, "width": 192},
 "learning": {"adam_eps": 1.52587890625e-13, "batch": 5, "beta1": 0.9, "beta2": 0.999, "embedding_samples": 0,
  "layers": "code", "method": "vanilla", "samples": 10, "seed": 1, "stop_after": 350, "stop_loss": 0.03,
  "text_lr": 0.001, "unet_lr": 6e-05},
 "losses": [1.2093318700790405, 1.1687407509410095],
 "memory": "", "picture": "plain.png", "software": "forgedit 0.1.0", "source": "a dog", "stretched": false
})";
  auto learned = some_learned_picture();
  learned.grid = Image(192, 128);
  write_saved_edit(folder_, learned);
  write_file_atomically(folder_ / "learned.json", kFirst);
  const auto read = read_saved_edit(folder_);
  EXPECT_EQ(read.source, "a dog");
  EXPECT_EQ(read.options.samples, 10);
  EXPECT_EQ(read.precision, "");
  EXPECT_EQ(read.result.losses.size(), 2U);
}

TEST_F(SavedEdit, SaysHowLearningEnded) {
  auto learned = some_learned_picture();
  learned.options.samples = 400;
  learned.result.losses.assign(39, 0.5);
  learned.result.losses.push_back(0.02);  // the last of 40 steps
  write_saved_edit(folder_, learned);
  EXPECT_FALSE(read_json_object(folder_ / "learned.json").contains("stopped_at"));
  EXPECT_EQ(read_saved_edit(folder_).result.stopped_at, 0.02);
  EXPECT_EQ(read_saved_record(folder_).result.planned_steps, 40);
}

TEST_F(SavedEdit, SaysHowItDiffers) {
  const auto saved = some_learned_picture();
  write_saved_edit(folder_, saved);
  EXPECT_EQ(saved_difference(folder_, saved), "");
  auto wanted = saved;
  wanted.picture_name = "renamed.png";
  EXPECT_EQ(saved_difference(folder_, wanted), "") << "the picture counts, not its name";
  wanted.grid.pixels[7] ^= 1;
  EXPECT_EQ(saved_difference(folder_, wanted), "of another picture (cat.png)");
  wanted = saved;
  wanted.source = "a dog";
  EXPECT_EQ(saved_difference(folder_, wanted), "with the source \"a cat\"");
  wanted.source = "";
  EXPECT_EQ(saved_difference(folder_, wanted), "") << "not known yet";
  wanted = saved;
  wanted.options.samples = 20;
  EXPECT_EQ(saved_difference(folder_, wanted), "with samples 400 instead of 20");
  wanted = saved;
  wanted.base_fingerprint = "fedcba9876543210";
  EXPECT_EQ(saved_difference(folder_, wanted), "with another base model (base)");
}

TEST(LearnsTheSame, WhereEverythingButNamesIsEqual) {
  const PictureToLearn picture = some_learned_picture();
  const auto same = [&](const std::function<void(PictureToLearn&)>& change) {
    auto other = picture;
    change(other);
    return learns_the_same(picture, other) && learns_the_same(other, picture);
  };
  EXPECT_TRUE(same([](auto&) {}));
  EXPECT_TRUE(
      same([](auto& p) { p.picture_name = "dog.png", p.base_name = "b", p.software = "forgedit 9"; }));
  EXPECT_FALSE(same([](auto& p) { p.source = "a dog"; }));
  EXPECT_FALSE(same([](auto& p) { p.base_fingerprint = "0"; }));
  EXPECT_FALSE(same([](auto& p) { p.background = "#000000"; }));
  EXPECT_FALSE(same([](auto& p) { p.stretched = false; }));
  EXPECT_FALSE(same([](auto& p) { p.memory = "4 GiB: offloaded"; }));
  EXPECT_FALSE(same([](auto& p) { p.precision = "bf16"; }));
  EXPECT_FALSE(same([](auto& p) { p.options.seed = 8; }));
  EXPECT_FALSE(same([](auto& p) { p.options.unet_lr *= 2; }));
  EXPECT_FALSE(same([](auto& p) { p.options.fast = true; }));
  EXPECT_FALSE(same([](auto& p) { ++p.frame.source_width; }));
  EXPECT_FALSE(same([](auto& p) { ++p.grid.pixels.back(); }));
}

TEST_F(SavedEdit, WhatAKilledProcessLeftIsNoObstacle) {
  fs::create_directories(folder_);
  std::ofstream(folder_ / "unet.safetensors") << "half";
  std::ofstream(folder_ / "embedding.safetensors.31494.tmp") << "half";  // of version 0.1.0
  const auto staged = root_ / ".forgedit-0123456789abcdef.tmp";
  fs::create_directories(staged);
  std::ofstream(staged / "plan") << "";
  write_saved_edit(folder_, some_learned_picture());
  EXPECT_EQ(read_saved_edit(folder_).source, "a cat");
  EXPECT_EQ(list_directory(folder_).size(), 4U);
  EXPECT_EQ(list_directory(root_).size(), 1U);
}

TEST_F(SavedEdit, HalfExchangedComesBack) {
  // Where a file system cannot exchange folders, a kill may come between the two moves.
  write_saved_edit(folder_, some_learned_picture());
  const auto staged = root_ / ".forgedit-0123456789abcdef.tmp";
  fs::create_directories(staged);
  std::ofstream(staged / "plan") << "aside cat.edit\n";
  fs::rename(folder_, staged / "old");
  EXPECT_EQ(read_saved_edit(folder_).source, "a cat");
}

TEST_F(SavedEdit, BelongsToItsBase) {
  const auto model = StableDiffusion::load(kModel, {});
  auto learned = some_learned_picture();
  const auto message = [&] {
    try {
      attach_to_model(learned, model, "cat.edit");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message().find("belongs to another base model"), std::string::npos);
  learned.fingerprint_method = 1;
  EXPECT_NE(message().find("computed by another version"), std::string::npos);
  learned.base_fingerprint = model.base_fingerprint;
  EXPECT_THROW(attach_to_model(learned, model, "cat.edit"), Error) << "names of no parameters";

  const auto parameters = parameters_of(*model.unet);
  learned.result.unet.clear();
  for (const auto& [name, tensor] : parameters) {
    if (learns(learned.options.layers, name)) learned.result.unet[name] = torch::randn(tensor.sizes());
  }
  auto incomplete = learned;
  incomplete.result.unet.erase(incomplete.result.unet.begin());
  EXPECT_THROW(attach_to_model(incomplete, model, "cat.edit"), Error) << "one learned parameter is missing";
  auto stray = learned;
  stray.result.text_encoder = parameters_of(*model.text_encoder);
  EXPECT_THROW(attach_to_model(stray, model, "cat.edit"), Error) << "vanilla learns no text encoder";
  attach_to_model(learned, model, "cat.edit");
  for (const auto& [name, tensor] : learned.result.unet) {
    EXPECT_EQ(tensor.strides(), parameters.at(name).strides()) << name;
  }
}

TEST(Picture, RoundTripsThroughTensors) {
  Image image(3, 2);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(14 * i);
  const auto tensor = image_to_tensor(image);
  EXPECT_EQ(tensor.sizes(), (std::vector<std::int64_t>{1, 3, 2, 3}));
  EXPECT_FLOAT_EQ(tensor[0][1][0][2].item<float>(), 2.0F * 14 * 7 / 255 - 1);
  const auto back = tensor_to_image((tensor[0] + 1) / 2);
  EXPECT_EQ(back.pixels, image.pixels);
  EXPECT_THROW(tensor_to_image(torch::full({3, 2, 2}, NAN)), Error);
}

}  // namespace
}  // namespace forgedit
