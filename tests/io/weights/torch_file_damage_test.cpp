#include "forgedit/core/files.h"
#include "forgedit/io/weights/weights_file.h"
#include "tests/io/weights/make_torch_file.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;
namespace pickled = testing::pickled;

class TorchFileDamage : public testing::TemporaryFolder {
 protected:
  std::string refuse(const std::string& bytes) {
    write_file_atomically(path_, bytes);
    const auto message = message_of([&] { read_weights_file(path_); });
    EXPECT_TRUE(contains(message, "weights.pt")) << message;
    EXPECT_FALSE(contains(message, "\n")) << message;
    return message;
  }
  /// A change may give another valid file; then every tensor must be readable.
  void survive(const std::string& bytes) {
    write_file_atomically(path_, bytes);
    try {
      for (const auto& [name, tensor] : read_weights_file(path_).tensors) tensor.to(torch::kFloat).sum();
    } catch (const Error& error) {
      EXPECT_TRUE(contains(error.what(), "weights.pt")) << error.what();
    }
  }
  std::string zip_of(const std::string& value) {
    return testing::torch_zip(pickled::dict(pickled::text("w") + value), {{"0", std::string(16, '\1')}});
  }
  const std::filesystem::path path_ = folder_ / "weights.pt";
};

std::string small_zip() {
  const auto pickle =
      testing::pickled_tensors(StateDict{{"a", torch::ones({3})}, {"b", torch::zeros({2, 2})}});
  return testing::torch_zip(pickled::ordered_dict(pickle.items), pickle.storages);
}

std::string small_legacy() {
  const auto storage = pickled::storage("FloatStorage", "5", 3, true);
  return testing::torch_legacy(pickled::dict(pickled::text("a") + pickled::tensor(storage, 0, {3}, {1})),
                               {{"5", std::string(12, '\1'), 3}});
}

TEST_F(TorchFileDamage, TruncatedAtEveryByte) {
  for (const auto& whole : {small_zip(), small_legacy()}) {
    for (std::size_t size = 0; size < whole.size(); ++size) refuse(whole.substr(0, size));
  }
}

TEST_F(TorchFileDamage, EveryByteChanged) {
  for (const auto& whole : {small_zip(), small_legacy()}) {
    for (std::size_t i = 0; i < whole.size(); ++i) {
      for (const char byte : {'\0', '\x7f', '\xff', '(', 'R', '.'}) {
        auto damaged = whole;
        damaged[i] = byte;
        survive(damaged);
      }
    }
  }
}

struct Row {
  const char* what;
  std::string tensor;
};

TEST_F(TorchFileDamage, TensorsStayWithinTheirStorage) {
  const auto storage = pickled::storage("FloatStorage", "0", 4);
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  const Row rows[] = {
      {"too long", pickled::tensor(storage, 0, {5}, {1})},
      {"offset too large", pickled::tensor(storage, 4, {1}, {1})},
      {"offset negative", pickled::tensor(storage, -1, {1}, {1})},
      {"offset huge", pickled::tensor(storage, INT64_MAX, {2}, {1})},
      {"stride too large", pickled::tensor(storage, 0, {2}, {4})},
      {"stride negative", pickled::tensor(storage, 3, {2}, {-1})},
      {"size negative", pickled::tensor(storage, 0, {-1}, {1})},
      {"product wraps", pickled::tensor(storage, 0, {kHuge, 4}, {0, 0})},
      {"expanded", pickled::tensor(storage, 0, {1000000, 1000000}, {0, 0})},
      {"huge beside a zero", pickled::tensor(storage, 0, {0, kHuge, kHuge}, {1, 1, 1})},
      {"reach wraps", pickled::tensor(storage, 0, {3}, {kHuge})},
      {"fewer strides", pickled::tensor(storage, 0, {2, 2}, {1})},
      {"nine sizes", pickled::tensor(storage, 0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1})},
      {"storage not there", pickled::tensor(pickled::storage("FloatStorage", "9", 4), 0, {1}, {1})},
      {"storage longer than its entry",
       pickled::tensor(pickled::storage("FloatStorage", "0", 5), 0, {1}, {1})},
      {"storage of doubles", pickled::tensor(pickled::storage("DoubleStorage", "0", 4), 0, {1}, {1})},
      {"storage of negative length", pickled::tensor(pickled::storage("FloatStorage", "0", -4), 0, {1}, {1})},
      {"unknown storage", pickled::tensor(pickled::storage("ComplexFloatStorage", "0", 2), 0, {1}, {1})},
      {"storage is a number", pickled::tensor(pickled::integer(3), 0, {1}, {1})},
  };
  for (const auto& row : rows) {
    const auto message = refuse(zip_of(row.tensor));
    EXPECT_TRUE(contains(message, "weights.pt: w: ")) << row.what << ": " << message;
  }
}

TEST_F(TorchFileDamage, PickleMachine) {
  const auto pickle = [&](const std::string& bytes) {
    return refuse(testing::zip_archive({{"archive/data.pkl", bytes}}));
  };
  EXPECT_TRUE(contains(pickle(""), "truncated"));
  EXPECT_TRUE(contains(pickle("\x80\x09."), "protocol 9"));
  EXPECT_TRUE(contains(pickle("\x80\x02."), "nothing on the stack"));
  EXPECT_TRUE(contains(pickle("\x80\x02t."), "no mark"));
  EXPECT_TRUE(contains(pickle("\x80\x02h\x07."), "never made"));
  EXPECT_TRUE(contains(pickle("\x80\x02NNR."), "no tuple"));
  EXPECT_TRUE(contains(pickle("\x80\x02N(Ku\x01."), "pickle"));
  EXPECT_TRUE(contains(pickle("\x80\x02}(Nu."), "a key without a value"));
  EXPECT_TRUE(contains(pickle("\x80\x02NNa."), "cannot hold"));
  EXPECT_TRUE(contains(pickle("\x80\x02P1\n."), "opcode 80"));
  EXPECT_TRUE(contains(pickle(std::string("\x80\x02X\xff\xff\xff\xff", 7)), "truncated"));
  EXPECT_TRUE(contains(pickle("\x80\x02"
                              "cos\nsystem"),
                       "truncated"));
}

TEST_F(TorchFileDamage, DepthAndSizeAreBounded) {
  const auto pickle = [&](const std::string& bytes) {
    return refuse(testing::zip_archive({{"archive/data.pkl", "\x80\x02" + bytes}}));
  };
  // A million tuples in each other: no recursion anywhere.
  EXPECT_TRUE(contains(pickle("N" + std::string(1000000, '\x85') + "."), "no tensors"));
  EXPECT_TRUE(contains(pickle(std::string(5000000, 'N') + "."), "than a checkpoint"));
  EXPECT_TRUE(contains(pickle("N" + std::string(5000000, '2') + "."), "than a checkpoint"));
  EXPECT_TRUE(contains(pickle(std::string(5000000, '(') + "."), "than a checkpoint"));
  // A list that holds itself.
  EXPECT_TRUE(contains(pickle(std::string("]q\0h\0a.", 7)), "no tensors"));
  // One long list of pairs, asked for again and again.
  std::string pairs = "](";
  for (int i = 0; i < 10000; ++i) pairs += "NN\x86";
  std::string again =
      pairs + "eq" + std::string(1, '\0') + "0" + pickled::global("collections", "OrderedDict") + "q\1" + "0";
  for (int i = 0; i < 2000; ++i) again += std::string("h\1h\0\x85R0", 7);
  EXPECT_TRUE(contains(pickle(again + "N."), "more items than"));
  // One long name, put together again and again.
  std::string names = pickled::text(std::string(500, 'm')) + "q" + std::string(1, '\0');
  for (int i = 0; i < 70000; ++i)
    names += std::string(
        "h\0h\0\x93"
        "0",
        6);
  EXPECT_TRUE(contains(pickle(names + "N."), "more names than"));
}

TEST_F(TorchFileDamage, ZipDirectory) {
  const auto whole = small_zip();
  const auto directory = whole.find("PK\x01\x02");
  const auto changed = [&](std::size_t at, const std::string& bytes) {
    auto damaged = whole;
    damaged.replace(at, bytes.size(), bytes);
    return refuse(damaged);
  };
  EXPECT_TRUE(contains(changed(directory + 10, "\x08"), "compressed"));
  EXPECT_TRUE(contains(changed(directory + 8, "\x01"), "encrypted"));
  EXPECT_TRUE(contains(changed(directory + 42, "\xff\xff\xff\x7f"), "truncated"));
  EXPECT_TRUE(contains(changed(directory + 20, "\xff\xff\xff\x7f\xff\xff\xff\x7f"), "truncated"));
  const auto second = whole.find("PK\x01\x02", directory + 1);
  EXPECT_TRUE(contains(changed(second + 42, std::string(4, '\0')), "entries overlap"));
  EXPECT_TRUE(contains(changed(whole.size() - 12, "\xff\x7f"), "more entries"));
  EXPECT_TRUE(contains(refuse(testing::zip_archive({{"a/data.pkl", "}."}, {"a/data.pkl", "}."}})), "twice"));
}

}  // namespace
}  // namespace forgedit
