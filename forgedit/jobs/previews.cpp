#include "forgedit/jobs/previews.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace forgedit {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kBetweenPreviews = std::chrono::milliseconds(500);

/// Where the picture lies in a grid of `small`'s size.
Image cropped(const Image& small, const Frame& frame) {
  const int factor = std::max(1, frame.grid_width / small.width);
  Frame scaled = frame;
  scaled.grid_width = small.width;
  scaled.grid_height = small.height;
  scaled.left = frame.left / factor;
  scaled.top = frame.top / factor;
  scaled.width = std::clamp(frame.width / factor, 1, small.width - scaled.left);
  scaled.height = std::clamp(frame.height / factor, 1, small.height - scaled.top);
  return from_grid(small, scaled);
}

}  // namespace

PreviewCallback previews_for(JobContext& job, const Frame& frame) {
  if (!job.listener().wants_previews()) return {};
  const auto last = std::make_shared<std::map<std::string, Clock::time_point>>();
  return [&job, frame, last](const Candidate& candidate, std::int64_t step,
                             const std::function<Image()>& render) {
    const auto now = Clock::now();
    const auto [shown, is_first] = last->emplace(candidate.stem, now);
    if (!is_first && now - shown->second < kBetweenPreviews) return;
    shown->second = now;
    job.listener().preview(candidate.stem, step, cropped(render(), frame));
  };
}

}  // namespace forgedit
