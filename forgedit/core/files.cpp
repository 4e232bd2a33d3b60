#include "forgedit/core/files.h"

#include <ftw.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "forgedit/core/error.h"

namespace forgedit {
namespace fs = std::filesystem;

namespace {

constexpr int kOpenFolders = 32;
thread_local std::vector<fs::path>* listed = nullptr;  // nftw takes no argument for its callback

int list_entry(const char* path, const struct stat*, int type, struct FTW*) {
  if (type == FTW_F || type == FTW_SL || type == FTW_SLN)
    listed->push_back(fs::path(path).lexically_normal());
  return 0;
}

int remove_entry(const char* path, const struct stat*, int, struct FTW*) {
  std::remove(path);
  return 0;
}

}  // namespace

std::string read_file(const fs::path& path, std::size_t max_bytes) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (error || !fs::exists(status)) throw failure(path.string() + ": no such file");
  if (!fs::is_regular_file(status)) throw failure(path.string() + ": expected a file, found something else");
  const auto size = fs::file_size(path, error);
  if (error) throw failure(path.string() + ": cannot be read: " + error.message());
  if (size > max_bytes) {
    throw failure(path.string() + ": " + std::to_string(size) + " bytes, expected at most " +
                  std::to_string(max_bytes));
  }
  std::ifstream in(path, std::ios::binary);
  std::string contents(size, '\0');
  if (!in || !in.read(contents.data(), static_cast<std::streamsize>(size))) {
    throw failure(path.string() + ": cannot be read");
  }
  return contents;
}

void write_atomically(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  fs::path temporary = path;
  temporary += "." + std::to_string(::getpid()) + ".tmp";
  std::error_code ignored;
  try {
    write(temporary);
    std::error_code error;
    fs::rename(temporary, path, error);
    if (error) throw failure(path.string() + ": cannot be written: " + error.message());
  } catch (...) {
    fs::remove(temporary, ignored);
    throw;
  }
}

void write_file_atomically(const fs::path& path, std::string_view contents) {
  write_atomically(path, [&](const fs::path& temporary) {
    errno = 0;
    std::ofstream out(temporary, std::ios::binary);
    out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
    out.close();
    if (!out) {
      throw failure(path.string() +
                    ": cannot be written: " + (errno ? std::strerror(errno) : "unknown reason"));
    }
  });
}

void make_directory(const fs::path& directory) {
  std::error_code error;
  if (fs::exists(directory, error) && !fs::is_directory(directory, error)) {
    throw usage_error(directory.string() + ": expected a directory, found a file");
  }
  fs::create_directories(directory, error);
  if (error) throw failure(directory.string() + ": cannot be made: " + error.message());
}

std::vector<fs::path> list_tree(const fs::path& directory) {
  std::vector<fs::path> paths;
  listed = &paths;
  errno = 0;
  // "." makes a folder of a link to one, which alone is followed.
  const int result = ::nftw((directory / ".").c_str(), list_entry, kOpenFolders, FTW_PHYS);
  listed = nullptr;
  if (result != 0 && errno != ENOENT) {
    throw failure(directory.string() + ": cannot be read: " + std::strerror(errno));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void remove_tree(const fs::path& path) {
  ::nftw(path.c_str(), remove_entry, kOpenFolders, FTW_PHYS | FTW_DEPTH);
}

}  // namespace forgedit
