#include "forgedit/jobs/candidate_scoring.h"

#include <memory>
#include <utility>

#include "forgedit/device/side_stream.h"

namespace forgedit {
namespace {

// Each waiting image takes memory. On a CPU, scoring at once leaves the processor's cores to one kind of
// work.
constexpr std::size_t kMostWaiting = 8;

}  // namespace

CandidateScoring::CandidateScoring(AutoEdit& search, const c10::Device& device)
    : search_(search), device_(device), scorer_(device.is_cuda() ? kMostWaiting : 0) {}

void CandidateScoring::add(const Candidate& candidate, Image shown, bool generated) {
  const auto scores = std::make_shared<std::optional<EditScores>>();
  scorer_.add(
      [this, candidate, shown = std::move(shown), scores] {
        const SideStream stream(device_);
        *scores = search_.score(candidate, shown);
      },
      [this, candidate, generated, scores] {
        scored_.push_back({candidate, std::move(*scores), generated});
      });
  count_complete();
}

void CandidateScoring::written(const std::string& stem) {
  written_.insert(stem);
}

void CandidateScoring::collect() {
  scorer_.collect();
  count_complete();
}

void CandidateScoring::drain() {
  scorer_.drain();
  count_complete();
}

void CandidateScoring::count_complete() {
  std::erase_if(scored_, [&](const Scored& one) {
    if (one.generated && written_.count(one.candidate.stem) == 0) return false;
    search_.add(one.candidate, one.scores, one.generated);
    return true;
  });
}

}  // namespace forgedit
