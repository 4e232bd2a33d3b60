#include "forgedit/io/safetensors.h"

#include <torch/torch.h>

#include <cstring>
#include <fstream>

#include "forgedit/core/files.h"
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
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace forgedit
