#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

namespace forgedit {

/// A private, copy-on-write map of a whole file; tensors keep it alive.
class MappedFile {
 public:
  /// Throws Error when there is no such regular file, or it cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  char* data() const { return static_cast<char*>(data_); }
  std::size_t size() const { return size_; }
  std::string_view bytes() const { return {data(), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Maps a file that should hold weights; a git-lfs pointer in its place is refused with the way out.
std::shared_ptr<MappedFile> map_weights(const std::filesystem::path& path);

/// Where a tensor lies in a file.
struct TensorPlace {
  std::uint64_t begin = 0;  ///< first byte
  std::uint64_t end = 0;    ///< after the last one
  at::ScalarType type;
  std::vector<std::int64_t> shape;  ///< row-major
};

/// The tensor at `place`: a view of the map, or a copy where its bytes are not aligned. The caller has
/// checked that the shape needs the bytes [begin, end), and that these lie in the file.
at::Tensor map_tensor(const std::shared_ptr<MappedFile>& file, const TensorPlace& place);

}  // namespace forgedit
