#include "apps/cli/kept_learning.h"

#include <spdlog/fmt/fmt.h>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
/// Pictures still come into the same folder.
constexpr std::uint64_t kRoomForResults = std::uint64_t{64} << 20;

std::uint64_t float_bytes(const StateDict& state) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : state)
    bytes += static_cast<std::uint64_t>(tensor.numel()) * sizeof(float);
  return bytes;
}

}  // namespace

bool KeptLearning::has(const LearnedPicture& wanted) const {
  try {
    return is_saved_edit(place_) && saved_difference(place_, wanted).empty();
  } catch (const Error&) {
    return false;  // damaged: the picture is learned again, and this is replaced
  }
}

std::string KeptLearning::begin_writing(const LearnedPicture& learned) {
  const auto bytes = float_bytes(learned.result.unet) + float_bytes(learned.result.text_encoder) +
                     learned.grid.pixels.size();
  std::error_code error;
  const auto space = fs::space(place_.parent_path(), error);
  if (!error && space.available < bytes + kRoomForResults) {
    return fmt::format("{:.2f} GiB are free in {}, and it takes {:.2f} GiB",
                       static_cast<double>(space.available) / kGiB, place_.parent_path().string(),
                       static_cast<double>(bytes) / kGiB);
  }
  writing_ = std::async(std::launch::async, [place = place_, learned] { write_saved_edit(place, learned); });
  return {};
}

bool KeptLearning::is_writing() const {
  return writing_.valid() && writing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

std::string KeptLearning::end_writing() {
  if (!writing_.valid()) return {};
  try {
    writing_.get();
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

void KeptLearning::remove() {
  remove_tree(place_);
}

}  // namespace forgedit::cli
