#include "forgedit/jobs/kept_learning.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/device/device.h"
#include "forgedit/device/side_stream.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
/// Pictures still come into the same folder.
constexpr std::uint64_t kRoomForResults = std::uint64_t{64} << 20;
constexpr std::chrono::milliseconds kMostDelay{6000};

std::uint64_t float_bytes(const StateDict& state) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : state)
    bytes += static_cast<std::uint64_t>(tensor.numel()) * sizeof(float);
  return bytes;
}

}  // namespace

KeptLearning::KeptLearning(const fs::path& results, const PictureToLearn& wanted) {
  const auto& pixels = wanted.grid.pixels;
  const nlohmann::json learning{
      {"picture", content_hash({reinterpret_cast<const char*>(pixels.data()), pixels.size()})},
      {"frame", to_json(wanted.frame)},
      {"source", wanted.source},
      {"model", wanted.base_fingerprint},
      {"precision", wanted.precision},
      {"learning", to_json(wanted.options)}};
  place_ = results / ("unfinished-" + content_hash(json_text(learning)) + ".edit");
}

bool KeptLearning::has(const PictureToLearn& wanted) const {
  try {
    return is_saved_edit(place_) && saved_difference(place_, wanted).empty();
  } catch (const Error&) {
    return false;  // damaged: the picture is learned again, and this is replaced
  }
}

std::chrono::milliseconds KeptLearning::delay_since(std::chrono::steady_clock::time_point fine_tuning_began) {
  const auto took = std::chrono::steady_clock::now() - fine_tuning_began;
  return std::min(std::chrono::duration_cast<std::chrono::milliseconds>(2 * took), kMostDelay);
}

void KeptLearning::begin_writing(const LearnedPicture& learned, const c10::Device& device,
                                 std::chrono::milliseconds delay, JobContext& job) {
  const auto skip = [&](const std::string& reason) {
    job.note("the learned weights are not saved during generation: " + reason);
  };
  const auto& unet = learned.options.tuning == Tuning::lora ? learned.result.lora : learned.result.unet;
  const auto needed = float_bytes(unet) + float_bytes(learned.result.text_encoder) +
                      learned.grid.pixels.size() + kRoomForResults;
  std::error_code error;
  const auto space = fs::space(place_.parent_path(), error);
  if (!error && space.available < needed) {
    return skip(fmt::format("{} MiB are free in {}, but {} MiB are needed", space.available >> 20,
                            place_.parent_path().string(), needed >> 20));
  }
  synchronize(device);  // the stream beside it does not wait for the last step
  try {
    writing_ = std::async(std::launch::async, [this, learned, device, delay] {
      {
        std::unique_lock lock(mutex_);
        delay_ends_.wait_for(lock, delay, [this] { return delay_ended_; });
      }
      not_needed_.throw_if_stopped();
      const SideStream stream(device);
      write_saved_edit(place_, learned, &not_needed_);
    });
  } catch (const std::system_error& refused) {
    skip(std::string("cannot start a thread: ") + refused.what());
  }
}

void KeptLearning::end_delay() {
  const std::lock_guard lock(mutex_);
  delay_ended_ = true;
  delay_ends_.notify_all();
}

void KeptLearning::end_writing(JobContext& job) {
  if (!writing_.valid()) return;
  end_delay();
  job.long_write();
  if (writing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    job.note("saving the learned weights");
  }
  finish(job);
}

void KeptLearning::finish(JobContext& job) {
  if (!writing_.valid()) return;
  try {
    writing_.get();
  } catch (const Cancelled&) {
  } catch (const std::exception& error) {
    job.note(std::string("the learned weights could not be saved: ") + error.what());
  }
}

void KeptLearning::drop(const PictureToLearn& wanted, JobContext& job) {
  not_needed_.stop();
  end_delay();
  finish(job);
  if (has(wanted)) remove_tree(place_);
}

}  // namespace forgedit
