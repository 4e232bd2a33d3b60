#include "apps/cli/standard_input.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPicture = std::size_t{1} << 30, kPiece = 1 << 16;

}  // namespace

std::string read_standard_input(std::size_t most) {
  std::string text;
  char buffer[kPiece];
  for (std::size_t size = 0;
       text.size() <= most && (size = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
    text.append(buffer, std::min(size, most + 1 - text.size()));
  }
  return text;
}

fs::path StandardInputPicture::path_of(const std::string& argument) {
  if (argument != "-") return argument;
  const auto bytes = read_standard_input(kMostPicture);
  if (bytes.empty()) throw failure("standard input is empty, expected a picture");
  std::error_code error;
  auto name = (fs::temp_directory_path(error) / "forgedit-XXXXXX").string();
  if (error || !::mkdtemp(name.data())) {
    throw failure(name + ": cannot be created: " + (error ? error.message() : std::strerror(errno)));
  }
  folder_ = name;
  const auto file = folder_ / "stdin";
  write_file_atomically(file, bytes, Flush::no);
  return file;
}

StandardInputPicture::~StandardInputPicture() {
  if (!folder_.empty()) remove_tree(folder_);
}

}  // namespace forgedit::cli
