#include "forgedit/jobs/candidate_scoring.h"

#include <memory>
#include <utility>

#include "forgedit/device/side_stream.h"

namespace forgedit {
namespace {

// Each waiting image takes memory.
constexpr std::size_t kMostWaiting = 8;

}  // namespace

bool has_room_for_scoring(const StableDiffusion& model) {
  return model.policy.device.is_cuda() && model.memory.budget_gib == 0;
}

CandidateScoring::CandidateScoring(AutoEdit& search, const c10::Device& device, bool beside)
    : search_(search), device_(device), scorer_(beside ? kMostWaiting : 0) {
  scorer_.add([this] {
    const SideStream stream(device_);
    search_.prepare_scores();
  });
}

void CandidateScoring::add(const Candidate& candidate, Image shown, bool generated, EditScores known) {
  const auto scores = std::make_shared<std::optional<EditScores>>();
  scorer_.add(
      [this, candidate, shown = std::move(shown), known = std::move(known), scores] {
        const SideStream stream(device_);
        *scores = search_.score(candidate, shown);
        if (*scores) (*scores)->insert(known.begin(), known.end());
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
  try {
    scorer_.collect();
  } catch (...) {
    count_complete();  // what was scored before
    throw;
  }
  count_complete();
}

void CandidateScoring::drain() {
  scorer_.wait();
  collect();
}

void CandidateScoring::count_complete() {
  std::vector<Scored> incomplete;
  for (auto& one : scored_) {
    if (one.generated && written_.count(one.candidate.stem) == 0) {
      incomplete.push_back(std::move(one));
    } else {
      search_.add(one.candidate, one.scores, one.generated);
    }
  }
  scored_ = std::move(incomplete);
}

}  // namespace forgedit
