#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// A file that should hold weights, open for reading. What is read lies in memory of this process: whatever
/// happens to the file later changes no tensor. Every Error names the file.
class WeightsInput {
 public:
  /// Throws Error when there is no such regular file, it cannot be opened, or it is a git-lfs pointer.
  explicit WeightsInput(const std::filesystem::path& path);

  const std::string& origin() const { return origin_; }
  std::uint64_t size() const { return size_; }
  /// The bytes [begin, begin + bytes), which lie within the file. Throws Error where the file has become
  /// shorter.
  std::string read(std::uint64_t begin, std::uint64_t bytes) const;
  /// The same in memory that is aligned to 64 bytes; large parts are read by several threads.
  std::shared_ptr<char> read_part(std::uint64_t begin, std::uint64_t bytes) const;
  /// Throws Error where the file is not what it was when it was opened.
  void check_unchanged() const;

 private:
  struct Descriptor {
    int number = -1;
    ~Descriptor();
  };

  void read_into(char* target, std::uint64_t begin, std::uint64_t bytes) const;

  std::string origin_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
  std::vector<std::int64_t> identity_;  // device, inode, size, times of change
};

/// Whether the values of a tensor are wanted. The others come as tensors of the device "meta", which have a
/// type and a shape, and take no memory.
using TensorFilter = std::function<bool(const std::string& name)>;

/// Of no tensor.
bool no_values(const std::string& name);

/// Where a tensor lies in a file.
struct TensorPlace {
  std::string name;
  std::uint64_t begin = 0;  ///< first byte
  std::uint64_t end = 0;    ///< after the last one
  at::ScalarType type;
  std::vector<std::int64_t> shape;  ///< row-major
};

/// The tensors at `places`, in the order of the file. The caller has checked that each shape needs the bytes
/// [begin, end), and that these lie in the file.
StateDict read_tensors(const WeightsInput& input, const std::vector<TensorPlace>& places,
                       const TensorFilter& wanted = {});

}  // namespace forgedit
