#include "forgedit/io/weights/weights_file.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/io/weights/safetensors.h"
#include "forgedit/io/weights/torch_file.h"

namespace forgedit {
namespace {

/// The number of bytes that is enough to distinguish all formats.
constexpr std::uint64_t kHead = 512;

/// Whether the file begins with the length of a header and then JSON. Must be checked first, because the
/// length may look like the start of a pickle.
bool looks_like_safetensors(std::string_view bytes) {
  return bytes.size() > 8 && bytes[8] == '{' && bytes.substr(4, 4) == std::string_view("\0\0\0\0", 4);
}

bool is_tar(std::string_view bytes) {
  return bytes.size() > 262 && bytes.substr(257, 5) == "ustar";
}

}  // namespace

WeightsFile read_weights_file(const std::filesystem::path& path, const TensorFilter& wanted) {
  const WeightsInput file(path);
  const auto bytes = file.read(0, std::min(file.size(), kHead));
  if (bytes.empty()) throw failure(path.string() + ": an empty file");
  if (!looks_like_safetensors(bytes) && is_torch_file(bytes)) {
    return {read_torch_file(file, wanted), {}, WeightsFile::Format::torch, {}};
  }
  if (is_tar(bytes)) {
    throw failure(path.string() + ": PyTorch's tar layout from before 2017, which is not supported");
  }
  if (!looks_like_safetensors(bytes) && path.extension() != ".safetensors") {
    throw failure(path.string() + ": neither a safetensors nor a PyTorch file");
  }
  auto read = read_safetensors(path, wanted);
  return {std::move(read.tensors), std::move(read.metadata), WeightsFile::Format::safetensors,
          std::move(read.widened)};
}

}  // namespace forgedit
