#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "forgedit/core/error.h"

namespace forgedit::fuzzing {

/// A folder for the files of an input, in memory where the system has such a place; gone with the program.
class InputFolder {
 public:
  InputFolder() {
    std::error_code error;
    const std::filesystem::path memory = "/dev/shm";
    const auto parent =
        std::filesystem::is_directory(memory, error) ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "forgedit_fuzz_XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    path_ = name;
  }
  ~InputFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  InputFolder(const InputFolder&) = delete;
  InputFolder& operator=(const InputFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::string_view contents) const {
    const auto file = path_ / name;
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    if (!out.write(contents.data(), static_cast<std::streamsize>(contents.size())).flush()) std::abort();
    return file;
  }
  void remove(const std::string& name) const { std::filesystem::remove(path_ / name); }

 private:
  std::filesystem::path path_;
};

inline const InputFolder& input_folder() {
  static const InputFolder folder;
  return folder;
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The line between the files of an input that stands for several.
inline constexpr std::string_view kCut = "\n--8<--\n";

/// Exactly `count` parts; those that the input lacks are empty.
inline std::vector<std::string_view> split_parts(std::string_view input, std::size_t count) {
  std::vector<std::string_view> parts(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto cut = i + 1 < count ? input.find(kCut) : std::string_view::npos;
    parts[i] = input.substr(0, cut);
    input = cut == std::string_view::npos ? std::string_view() : input.substr(cut + kCut.size());
  }
  return parts;
}

/// Runs `work`; an Error of ours is what bad input should end in. Everything else ends the program.
template <class Work>
void expect_only_errors(const Work& work) {
  try {
    work();
  } catch (const Error&) {
  }
}

}  // namespace forgedit::fuzzing
