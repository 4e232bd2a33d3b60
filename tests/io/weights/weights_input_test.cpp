#include "forgedit/io/weights/weights_input.h"

#include <fstream>

#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/io/weights/weights_file.h"
#include "tests/io/weights/make_torch_file.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;

class WeightsInputTest : public testing::TemporaryFolder {
 protected:
  /// The tensors a (half precision) and b in every format; the names of the files.
  std::vector<std::string> write_formats(const at::Tensor& a, const at::Tensor& b) {
    using namespace testing;
    write_safetensors(folder_ / "w.safetensors", {{"a", a}, {"b", b}});
    const auto root = [&](bool legacy) {
      return pickled::dict(pickled::text("a") +
                           pickled::tensor(pickled::storage("HalfStorage", "0", a.numel(), legacy), 0,
                                           a.sizes(), a.strides()) +
                           pickled::text("b") +
                           pickled::tensor(pickled::storage("FloatStorage", "1", b.numel(), legacy), 0,
                                           b.sizes(), b.strides()));
    };
    write_file_atomically(folder_ / "zip.ckpt",
                          torch_zip(root(false), {{"0", bytes_of(a)}, {"1", bytes_of(b)}}));
    write_file_atomically(folder_ / "old.ckpt", torch_legacy(root(true), {{"0", bytes_of(a), a.numel()},
                                                                          {"1", bytes_of(b), b.numel()}}));
    return {"w.safetensors", "zip.ckpt", "old.ckpt"};
  }
  fs::path write(const std::string& name, std::size_t bytes) {
    std::ofstream file(folder_ / name, std::ios::binary);
    for (std::size_t i = 0; i < bytes; ++i) file.put(static_cast<char>(i * 7 + i / 251));
    return folder_ / name;
  }
};

TEST_F(WeightsInputTest, LargePartsAreReadWhole) {
  constexpr std::size_t kBytes = (17 << 20) + 5;  // several threads, and an odd end
  const WeightsInput input(write("a", kBytes));
  const auto part = input.read_part(3, kBytes - 3);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(part.get()) % 64, 0U);
  EXPECT_TRUE(std::string_view(part.get(), kBytes - 3) == input.read(3, kBytes - 3));
}

TEST_F(WeightsInputTest, AFileThatBecomesShorterIsAnError) {
  const auto path = write("a", 20 << 20);
  const WeightsInput input(path);
  fs::resize_file(path, 5 << 20);
  EXPECT_EQ(message_of([&] { input.read_part(0, 20 << 20); }),
            path.string() + ": became shorter while it was read");
  EXPECT_EQ(message_of([&] { input.read(20 << 19, 8); }),
            path.string() + ": became shorter while it was read");
  EXPECT_EQ(message_of([&] { input.check_unchanged(); }), path.string() + ": changed while it was read");
}

TEST_F(WeightsInputTest, AFileOfAnotherTimeIsAnError) {
  const auto path = write("a", 100);
  const WeightsInput input(path);
  input.check_unchanged();
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(message_of([&] { input.check_unchanged(); }), path.string() + ": changed while it was read");
}

// A picture must not come from other weights than those whose fingerprint is in it.
TEST_F(WeightsInputTest, TensorsStayWhenTheirFileGoes) {
  const auto a = torch::arange(999).remainder(2).to(torch::kHalf), b = torch::arange(1 << 20, torch::kFloat);
  for (const auto& name : write_formats(a, b)) {
    const auto read = read_weights_file(folder_ / name).tensors;
    const auto size = fs::file_size(folder_ / name);
    std::fstream(folder_ / name, std::ios::in | std::ios::out | std::ios::binary) << std::string(size, 'x');
    fs::resize_file(folder_ / name, 0);
    EXPECT_TRUE(torch::equal(read.at("a"), a)) << name;
    EXPECT_TRUE(torch::equal(read.at("b"), b)) << name;
  }
}

TEST_F(WeightsInputTest, TensorsThatNobodyWantsHaveNoValues) {
  const auto a = torch::ones({2, 3}, torch::kHalf), b = torch::ones({5});
  for (const auto& name : write_formats(a, b)) {
    const auto read =
        read_weights_file(folder_ / name, [](const std::string& key) { return key == "b"; }).tensors;
    EXPECT_TRUE(torch::equal(read.at("b"), b)) << name;
    EXPECT_TRUE(read.at("a").is_meta()) << name;
    EXPECT_EQ(read.at("a").sizes(), a.sizes()) << name;
    EXPECT_EQ(read.at("a").scalar_type(), torch::kHalf) << name;
  }
}

}  // namespace
}  // namespace forgedit
