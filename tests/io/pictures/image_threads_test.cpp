#include <atomic>
#include <thread>

#include "forgedit/core/files.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/resample.h"
#include "tests/io/pictures/make_colours.h"
#include "tests/support/temporary_folder.h"

// Pictures that several threads read, scale and write at once. ThreadSanitizer runs these too (make tsan).

namespace forgedit {
namespace {

using Pictures = testing::TemporaryFolder;

TEST_F(Pictures, ThreadsDecodeWhatOneDoes) {
  const auto small = testing::small_png();
  const std::vector<std::string> files{
      testing::encode_png(small), testing::encode_jpeg(testing::small_jpeg()),
      testing::with_chunks(testing::encode_png(small),
                           testing::iccp_chunk(testing::saved(testing::rgb_profile(testing::kP3, "P3")))),
      testing::with_icc(testing::encode_jpeg(testing::small_jpeg()),
                        testing::saved(testing::rgb_profile(testing::kAdobe, "Adobe"))),
      testing::encode_webp(16, 16, testing::flat(16, 16, {10, 200, 30, 128}))};
  std::vector<RgbaImage> alone;
  for (const auto& file : files) alone.push_back(decode_rgba_image(file, "picture"));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t first = 0; first < 4; ++first) {
    threads.emplace_back([&, first] {
      for (std::size_t round = 0; round < 20; ++round) {
        const auto i = (first + round) % files.size();
        wrong += decode_rgba_image(files[i], "picture").pixels != alone[i].pixels;
        try {
          decode_rgba_image(files[i].substr(0, files[i].size() / 2), "picture");
        } catch (const Error&) {
          continue;  // damage is one thread's affair
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Pictures, ThreadsScaleAndWriteWhatOneDoes) {
  Image image(48, 32);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i % 251);
  const auto write = [&](const std::string& name) {
    write_png(folder_ / name, resize(image, 20, 30, Resample::lanczos), {{"forgedit", name.substr(0, 1)}});
  };
  write("alone");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { write("a" + std::to_string(i)); });
  }
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(read_file(folder_ / ("a" + std::to_string(i))), read_file(folder_ / "alone"));
  }
}

}  // namespace
}  // namespace forgedit
