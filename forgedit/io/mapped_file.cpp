#include "forgedit/io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cstring>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::string_view kLfsPointer = "version https://git-lfs";

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error || !std::filesystem::exists(status)) {
    const bool dangling = std::filesystem::is_symlink(std::filesystem::symlink_status(path, error));
    throw failure(path.string() + (dangling ? ": a link to a file that is not there: an unfinished download"
                                            : ": no such file"));
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw failure(path.string() + ": expected a file, found something else");
  }
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw failure(path.string() + ": cannot be opened: " + std::strerror(errno));
  struct stat info {};
  ::fstat(descriptor, &info);
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ > 0) {
    data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
  }
  ::close(descriptor);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    throw failure(path.string() + ": cannot be mapped: " + std::strerror(errno));
  }
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

std::shared_ptr<MappedFile> map_weights(const std::filesystem::path& path) {
  auto file = std::make_shared<MappedFile>(path);
  if (file->bytes().substr(0, kLfsPointer.size()) == kLfsPointer) {
    throw failure(path.string() + ": a git-lfs pointer, not weights: run `git lfs pull`");
  }
  return file;
}

at::Tensor map_tensor(const std::shared_ptr<MappedFile>& file, const TensorPlace& place) {
  const auto options = at::TensorOptions().dtype(place.type);
  if (place.begin == place.end) return torch::empty(place.shape, options);
  char* source = file->data() + place.begin;
  if (reinterpret_cast<std::uintptr_t>(source) % c10::elementSize(place.type) == 0) {
    return torch::from_blob(
        source, place.shape, [file](void*) {}, options);
  }
  auto copy = torch::empty(place.shape, options);
  std::memcpy(copy.data_ptr(), source, place.end - place.begin);
  return copy;
}

}  // namespace forgedit
