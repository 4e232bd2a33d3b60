#include "forgedit/jobs/kept_learning.h"

#include <thread>

#include "forgedit/pipelines/model/picture.h"
#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class KeptWeights : public testing::TemporaryFolder {
 protected:
  KeptWeights() {
    learned_.picture_name = "cat.png";
    learned_.source = "a cat";
    learned_.base_fingerprint = "0123456789abcdef";
    learned_.result.embedding.tokens = torch::randn({1, 77, 32});
    learned_.result.unet = {{"up_blocks.1.b.bias", torch::randn({5})}};
    learned_.result.losses = {0.5};
    learned_.frame = fit_frame(100, 80, 64 * 64, 16);
    learned_.grid = Image(learned_.frame.grid_width, learned_.frame.grid_height, {10, 20, 30});
  }

  Places places_;
  testing::RecordingListener listener_;
  StopFlag stop_;
  JobContext job_{places_, listener_, stop_};
  LearnedPicture learned_;
  KeptLearning kept_{folder_, learned_};
};

TEST_F(KeptWeights, TheDelayIsTwiceAsLongAsFineTuningButAtMostSixSeconds) {
  const auto now = std::chrono::steady_clock::now();
  const auto delay = KeptLearning::delay_since(now - milliseconds(700));
  EXPECT_GE(delay, milliseconds(1400));
  EXPECT_LT(delay, milliseconds(6000));
  EXPECT_EQ(KeptLearning::delay_since(now - hours(1)), milliseconds(6000));
}

TEST_F(KeptWeights, ARunThatIsCompleteWithinTheDelayWritesNothing) {
  kept_.begin_writing(learned_, torch::kCPU, hours(1), job_);
  kept_.drop(learned_, job_);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(KeptWeights, AStopWithinTheDelayWritesAtOnce) {
  kept_.begin_writing(learned_, torch::kCPU, hours(1), job_);
  EXPECT_FALSE(kept_.is_there());
  kept_.end_writing(job_);
  EXPECT_TRUE(kept_.has(learned_));
  kept_.drop(learned_, job_);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(KeptWeights, AfterTheDelayTheyAreWrittenMeanwhile) {
  kept_.begin_writing(learned_, torch::kCPU, milliseconds(1), job_);
  for (int i = 0; i < 3000 && !kept_.is_there(); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(kept_.has(learned_));
}

}  // namespace
}  // namespace forgedit
