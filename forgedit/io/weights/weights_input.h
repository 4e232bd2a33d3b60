#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// An open file of weights. Its contents are copied into this process's memory, so later changes of the file
/// do not affect tensors. Every Error names the file.
class WeightsInput {
 public:
  /// Throws Error if the file does not exist, is no regular file, cannot be opened, or is a git-lfs pointer.
  explicit WeightsInput(const std::filesystem::path& path);

  const std::string& origin() const { return origin_; }
  std::uint64_t size() const { return size_; }
  /// Reads the bytes [begin, begin + bytes), which must be inside the file. Throws Error if it has become
  /// shorter.
  std::string read(std::uint64_t begin, std::uint64_t bytes) const;
  /// Reads the same bytes into memory aligned to 64 bytes. Several threads read large parts.
  std::shared_ptr<char> read_part(std::uint64_t begin, std::uint64_t bytes) const;
  /// Throws Error if the file has changed since it was opened.
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

/// Whether the values of a tensor are needed. Other tensors are on the device "meta": they have type and
/// shape, but no memory.
using TensorFilter = std::function<bool(const std::string& name)>;

/// A filter that needs the values of no tensor.
bool no_values(const std::string& name);

/// The place of a tensor in a file.
struct TensorPlace {
  std::string name;
  std::uint64_t begin = 0;  ///< first byte
  std::uint64_t end = 0;    ///< one past the last byte
  at::ScalarType type;
  std::vector<std::int64_t> shape;  ///< row-major
};

/// Reads the tensors at `places` in the order of the file. The caller must have checked that each shape needs
/// exactly the bytes [begin, end), and that these are inside the file.
StateDict read_tensors(const WeightsInput& input, const std::vector<TensorPlace>& places,
                       const TensorFilter& wanted = {});

}  // namespace forgedit
