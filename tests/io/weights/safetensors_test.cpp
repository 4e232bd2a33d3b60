#include "forgedit/io/weights/safetensors.h"

#include <cmath>
#include <cstring>
#include <fstream>

#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;
using SafetensorsTest = testing::TemporaryFolder;

constexpr at::ScalarType kDtypes[] = {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong,
                                      at::kInt,    at::kShort, at::kChar, at::kByte,     at::kBool};

StateDict one_of_each_dtype() {
  StateDict tensors;
  for (const auto dtype : kDtypes) {
    // Seven elements: the next tensor starts where its type is not aligned.
    tensors[std::string("t.") + c10::toString(dtype)] = torch::arange(7).remainder(2).to(dtype);
  }
  return tensors;
}

TEST_F(SafetensorsTest, EveryDtypeComesBackExactly) {
  const auto path = folder_ / "all.safetensors";
  auto tensors = one_of_each_dtype();
  tensors["scalar"] = torch::tensor(3.25F);
  tensors["empty"] = torch::empty({0, 4});
  tensors["matrix"] = torch::randn({3, 5});
  write_safetensors(path, tensors, {{"format", "pt"}, {"note", "\"quoted\" – naïve"}});
  const auto again = read_safetensors(path);
  ASSERT_EQ(again.tensors.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const auto& read = again.tensors.at(name);
    EXPECT_EQ(read.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(read, tensor)) << name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read.data_ptr()) % tensor.element_size(), 0U) << name;
  }
  EXPECT_EQ(again.metadata.at("note"), "\"quoted\" – naïve");
  EXPECT_EQ(again.metadata.size(), 2U);
}

TEST_F(SafetensorsTest, StoresViewsAndChannelsLastInPlainOrder) {
  const auto whole = torch::arange(24, torch::kFloat).view({1, 2, 3, 4});
  write_safetensors(folder_ / "a.safetensors", {{"last", whole.contiguous(at::MemoryFormat::ChannelsLast)},
                                                {"part", whole.select(1, 1)},
                                                {"turned", whole.transpose(2, 3)}});
  const auto read = read_safetensors(folder_ / "a.safetensors").tensors;
  EXPECT_TRUE(read.at("last").is_contiguous());
  EXPECT_TRUE(torch::equal(read.at("last"), whole));
  EXPECT_TRUE(torch::equal(read.at("part"), whole.select(1, 1)));
  EXPECT_TRUE(torch::equal(read.at("turned"), whole.transpose(2, 3)));
}

TEST_F(SafetensorsTest, HeaderKeepsDataAlignedToEightBytes) {
  for (const char* name : {"a", "ab", "abc", "abcdefg"}) {
    write_safetensors(folder_ / "a.safetensors", {{name, torch::ones({1})}});
    std::uint64_t length = 0;
    std::memcpy(&length, read_file(folder_ / "a.safetensors").data(), 8);
    EXPECT_EQ(length % 8, 0U);
  }
}

TEST_F(SafetensorsTest, WritingToATensorNeverReachesTheFile) {
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, {{"a", torch::zeros({1000})}});
  const auto before = read_file(path);
  {
    auto tensor = read_safetensors(path).tensors.at("a");
    tensor.fill_(7.0);
    EXPECT_EQ(tensor.sum().item<float>(), 7000.0F);
  }
  EXPECT_EQ(read_file(path), before);
}

TEST_F(SafetensorsTest, TensorsOutliveTheFile) {
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, {{"a", torch::arange(5)}, {"b", torch::ones({3})}});
  auto tensors = read_safetensors(path).tensors;
  std::filesystem::remove(path);
  const auto kept = tensors.at("a");
  tensors.clear();
  EXPECT_TRUE(torch::equal(kept, torch::arange(5)));
}

TEST_F(SafetensorsTest, FailedWriteLeavesTheOldFileAndNothingElse) {
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, {{"a", torch::ones({2})}});
  const auto complex = torch::ones({2}, at::kComplexFloat);
  EXPECT_TRUE(contains(message_of([&] { write_safetensors(path, {{"z", complex}}); }), "z"));
  EXPECT_TRUE(torch::equal(read_safetensors(path).tensors.at("a"), torch::ones({2})));
  const auto missing = folder_ / "none" / "a.safetensors";
  EXPECT_TRUE(contains(message_of([&] { write_safetensors(missing, {{"a", torch::ones({2})}}); }), "none"));
  EXPECT_EQ(list_directory(folder_).size(), 1U);
}

/// A file of one tensor whose bytes are 0 to 255.
void write_all_bytes(const std::filesystem::path& path, const std::string& dtype) {
  const auto header = R"({"a":{"dtype":")" + dtype + R"(","shape":[16,16],"data_offsets":[0,256]}})";
  std::uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  bytes += header;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  write_file_atomically(path, bytes);
}

TEST_F(SafetensorsTest, EightBitFloatsAreWidened) {
  const auto path = folder_ / "a.safetensors";
  const auto read = [&](const char* dtype) {
    write_all_bytes(path, dtype);
    auto file = read_safetensors(path);
    EXPECT_EQ(file.widened.at("a"), dtype);
    EXPECT_EQ(file.tensors.at("a").sizes(), (std::vector<std::int64_t>{16, 16}));
    return file.tensors.at("a").flatten().to(torch::kFloat);
  };
  const auto e4m3 = read("F8_E4M3");
  const auto at = [](const torch::Tensor& values, int byte) { return values[byte].item<float>(); };
  EXPECT_EQ(at(e4m3, 0x00), 0.0F);
  EXPECT_TRUE(std::signbit(at(e4m3, 0x80)));
  EXPECT_EQ(at(e4m3, 0x38), 1.0F);
  EXPECT_EQ(at(e4m3, 0xB8), -1.0F);
  EXPECT_EQ(at(e4m3, 0x01), 0x1p-9F);  // the smallest subnormal number
  EXPECT_EQ(at(e4m3, 0x07), 7 * 0x1p-9F);
  EXPECT_EQ(at(e4m3, 0x08), 0x1p-6F);  // the smallest normal one
  EXPECT_EQ(at(e4m3, 0x7E), 448.0F);   // the largest
  EXPECT_EQ(at(e4m3, 0x78), 256.0F) << "no infinities";
  EXPECT_TRUE(std::isnan(at(e4m3, 0x7F)) && std::isnan(at(e4m3, 0xFF)));
  EXPECT_EQ(e4m3.isnan().sum().item<std::int64_t>(), 2);

  const auto e5m2 = read("F8_E5M2");
  EXPECT_EQ(at(e5m2, 0x3C), 1.0F);
  EXPECT_EQ(at(e5m2, 0x01), 0x1p-16F);
  EXPECT_EQ(at(e5m2, 0x04), 0x1p-14F);
  EXPECT_EQ(at(e5m2, 0x7B), 57344.0F);
  EXPECT_EQ(at(e5m2, 0x7C), INFINITY);
  EXPECT_EQ(at(e5m2, 0xFC), -INFINITY);
  EXPECT_EQ(e5m2.isnan().sum().item<std::int64_t>(), 6);
  // Values go up with the bytes, and down with the sign set.
  for (const auto& values : {e4m3, e5m2}) {
    const auto positive = values.slice(0, 0, 124);
    EXPECT_TRUE((positive.slice(0, 1) > positive.slice(0, 0, -1)).all().item<bool>());
    EXPECT_TRUE(torch::equal(values.slice(0, 128, 252), -positive));
  }
}

}  // namespace
}  // namespace forgedit
