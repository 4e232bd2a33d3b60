#include "forgedit/jobs/warm_up.h"

#include "forgedit/core/state_dict.h"
#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

class SamplingAhead : public testing::JobTest {
 protected:
  StableDiffusion model() {
    JobContext context(places_, told_, stop_);
    return load_model(choose_model(tiny_model(), context), context);
  }
  Frame frame(const StableDiffusion& model) const {
    return frame_picture(64, 64, std::pair(64, 64), {model.size_multiple(), model.native_size()});
  }
  const Places places_ = places();
  testing::RecordingListener told_;
  const StopFlag stop_;
};

void run_all(const WarmUpParts& parts) {
  for (const auto& part : parts) part();
}

TEST_F(SamplingAhead, LeavesTheModelAsItIs) {
  auto model = this->model();
  const auto before = fingerprint(parameters_of(*model.unet));
  const auto parts = sampling_warm_up(model, frame(model), {1, 3});
  EXPECT_EQ(parts.size(), 3U);  // two batches, an image
  run_all(parts);
  EXPECT_EQ(fingerprint(parameters_of(*model.unet)), before);
}

TEST_F(SamplingAhead, DoesNotUseWeightsThatAreReplacedMeanwhile) {
  auto model = this->model();
  const auto parts = sampling_warm_up(model, frame(model), {1});
  for (auto& [name, parameter] : parameters_of(*model.unet)) parameter.set_data(torch::empty({0}));
  EXPECT_NO_THROW(run_all(parts));
}

TEST(LearningBesideSampling, OnlyIfItRunsRecordedStepsAlone) {
  LearnOptions options;
  EXPECT_TRUE(can_sample_meanwhile(options));
  options.stop_known = 0.97;
  EXPECT_FALSE(can_sample_meanwhile(options));
  options.stop_known = 0;
  options.fast = true;
  EXPECT_FALSE(can_sample_meanwhile(options));
  options.fast = false;
  options.method = LearnMethod::imagic;
  EXPECT_FALSE(can_sample_meanwhile(options));
}

}  // namespace
}  // namespace forgedit
