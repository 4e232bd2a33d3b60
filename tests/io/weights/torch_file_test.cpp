#include "forgedit/io/weights/torch_file.h"

#include "forgedit/core/files.h"
#include "forgedit/io/weights/weights_file.h"
#include "tests/io/weights/make_torch_file.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;
namespace pickled = testing::pickled;

class TorchFile : public testing::TemporaryFolder {
 protected:
  StateDict read(const std::string& bytes) {
    write_file_atomically(path_, bytes);
    return read_weights_file(path_).tensors;
  }
  std::string refuse(const std::string& bytes) {
    write_file_atomically(path_, bytes);
    const auto message = message_of([&] { read_weights_file(path_); });
    EXPECT_TRUE(contains(message, "weights.ckpt")) << message;
    return message;
  }
  const std::filesystem::path path_ = folder_ / "weights.ckpt";
};

TEST_F(TorchFile, EveryDtypeInTheZipLayout) {
  StateDict tensors;
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                          at::kChar, at::kByte, at::kBool}) {
    tensors[at::toString(type)] = (torch::arange(6).reshape({2, 3}) % 2).to(type);
  }
  tensors["scalar"] = torch::tensor(2.5F);
  tensors["empty"] = torch::empty({0, 3});
  const auto pickle = testing::pickled_tensors(tensors);
  for (const bool zip64 : {false, true}) {
    const auto state = read(testing::torch_zip(pickled::ordered_dict(pickle.items), pickle.storages, zip64));
    ASSERT_EQ(state.size(), tensors.size());
    for (const auto& [name, tensor] : tensors) {
      EXPECT_EQ(state.at(name).scalar_type(), tensor.scalar_type()) << name;
      EXPECT_TRUE(torch::equal(state.at(name), tensor)) << name;
    }
  }
}

TEST_F(TorchFile, TensorsShareAStorageByOffsetAndStrides) {
  const auto base = torch::arange(12, torch::kFloat);
  const auto storage = pickled::storage("FloatStorage", "7", 12);
  const auto root = pickled::dict(pickled::text("row") + pickled::tensor(storage, 4, {4}, {1}) +
                                  pickled::text("transposed") + pickled::tensor(storage, 0, {4, 3}, {1, 4}));
  const auto state = read(testing::torch_zip(root, {{"7", testing::bytes_of(base)}}));
  EXPECT_TRUE(torch::equal(state.at("row"), base.slice(0, 4, 8)));
  EXPECT_TRUE(torch::equal(state.at("transposed"), base.reshape({3, 4}).t()));
}

TEST_F(TorchFile, OlderLayoutWithItsStoragesInAnyPlace) {
  const auto a = torch::randn({3, 2}), b = torch::arange(5, torch::kLong);
  const auto root = pickled::ordered_dict(
      pickled::text("a") +
      pickled::tensor(pickled::storage("FloatStorage", "901", 6, true), 0, {3, 2}, {2, 1}) +
      pickled::text("b") +
      pickled::parameter(pickled::tensor(pickled::storage("LongStorage", "17", 5, true), 1, {4}, {1})));
  const auto state =
      read(testing::torch_legacy(root, {{"17", testing::bytes_of(b), 5}, {"901", testing::bytes_of(a), 6}}));
  EXPECT_TRUE(torch::equal(state.at("a"), a));
  EXPECT_TRUE(torch::equal(state.at("b"), b.slice(0, 1)));
}

TEST_F(TorchFile, TrainingCheckpointsHoldMoreThanTensors) {
  const auto pickle = testing::pickled_tensors(StateDict{{"weight", torch::ones({2})}});
  // Calls and objects of other classes, none of which may have an effect.
  const auto danger =
      pickled::call(pickled::global("os", "system"), pickled::text("touch " + folder_.string() + "/ran"));
  const auto callback = pickled::global("pytorch_lightning.callbacks", "ModelCheckpoint") + ")\x81" +
                        pickled::dict(pickled::text("best") + pickled::integer(3)) + "b";
  const auto ordered =
      pickled::ordered_dict(pickle.items + pickled::text("note") + pickled::text("kept out")) + "}" +
      pickled::text("_metadata") + pickled::none() + "sb";
  const auto root =
      pickled::dict(pickled::text("epoch") + pickled::integer(12) + pickled::text("callbacks") + callback +
                    pickled::text("danger") + danger + pickled::text("state_dict") + ordered +
                    pickled::text("loss") + "G" + std::string("\x3f\xf0\0\0\0\0\0\0", 8));
  const auto state = read(testing::torch_zip(root, pickle.storages));
  ASSERT_EQ(state.size(), 1U);
  EXPECT_TRUE(torch::equal(state.at("weight"), torch::ones({2})));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "ran"));
}

TEST_F(TorchFile, MemoAndNewerProtocols) {
  const auto bytes = testing::bytes_of(torch::ones({2}));
  // Protocol 4: frames, short strings, MEMOIZE and STACK_GLOBAL.
  const auto short_text = [](const std::string& s) {
    return "\x8c" + std::string(1, static_cast<char>(s.size())) + s;
  };
  const auto storage = "(" + short_text("storage") + short_text("torch") + short_text("FloatStorage") +
                       "\x93\x94" + short_text("0") + short_text("cpu") + "K\x02tQ";
  const auto tensor = short_text("torch._utils") + short_text("_rebuild_tensor_v2") + "\x93(" + storage +
                      "K" + std::string(1, '\0') + "K\x02\x85K\x01\x85\x89N" + "tR";
  const auto value = "}\x94" + short_text("a") + tensor + "\x94s" + short_text("b") + "h\x02s";
  const auto pickle = "\x80\x04\x95" + testing::little_endian(std::uint64_t{value.size() + 1}) + value + ".";
  const auto state = read(testing::zip_archive({{"model/data.pkl", pickle}, {"model/data/0", bytes}}));
  EXPECT_TRUE(torch::equal(state.at("a"), torch::ones({2})));
  EXPECT_TRUE(torch::equal(state.at("b"), torch::ones({2})));
}

TEST_F(TorchFile, OnlyDictionariesOfTensors) {
  const auto module = pickled::global("torch.nn.modules.container", "Sequential") + ")\x81}b";
  EXPECT_TRUE(contains(refuse(testing::torch_zip(module, {})), "save its state_dict() instead"));
  EXPECT_TRUE(contains(refuse(testing::torch_zip(pickled::integer(3), {})), "no tensors by name"));
  EXPECT_TRUE(
      contains(refuse(testing::zip_archive({{"a/data.pkl", pickled::whole("}")}, {"a/constants.pkl", ""}})),
               "TorchScript"));
  EXPECT_TRUE(contains(refuse(testing::zip_archive({{"word/document.xml", "<a/>"}})), "without data.pkl"));
  EXPECT_TRUE(contains(refuse(pickled::whole("}")), "not one of PyTorch's"));
  EXPECT_TRUE(contains(refuse("hello"), "neither a safetensors nor a PyTorch file"));
  EXPECT_TRUE(contains(refuse(std::string(257, 'x') + "ustar" + std::string(250, 'x')), "tar layout"));
  EXPECT_TRUE(contains(refuse("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"));
}

}  // namespace
}  // namespace forgedit
