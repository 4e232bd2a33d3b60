#include "forgedit/jobs/learning.h"

#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

class EncodedAhead : public testing::JobTest {
 protected:
  EncodedAhead() {
    request_.size.reset();  // keeps the shape, with a border
    request_.options.seed = 3;
  }

  const Places places_ = places();
  testing::RecordingListener told_;
  const StopFlag stop_;
  JobContext job_{places_, told_, stop_};
  const ModelChoice choice_ = choose_model(tiny_model(), job_);
  StableDiffusion model_ = load_model(choice_, job_);
  const Image picture_{50, 70, {200, 20, 30}};
  LearnRequest request_ = learn_request();
  LearningThread thread_;
};

TEST_F(EncodedAhead, AnEncodedPictureIsLearnedAsTheSamePictureIs) {
  const auto to_learn = picture_to_learn(request_, picture_, choice_, model_);
  const auto ahead = encode_ahead(request_, picture_, choice_, model_);
  ASSERT_TRUE(ahead);
  const auto one = learn_and_save(to_learn, request_, choice_, model_, thread_, job_, {ahead, {}, {}});
  const auto other = learn_and_save(to_learn, request_, choice_, model_, thread_, job_);
  EXPECT_EQ(one.result.losses, other.result.losses);
  ASSERT_FALSE(one.result.unet.empty());
  for (const auto& [name, tensor] : one.result.unet)
    EXPECT_TRUE(torch::equal(tensor, other.result.unet.at(name))) << name;
}

TEST_F(EncodedAhead, APictureThatCannotBeEncodedIsLeftToFineTuning) {
  request_.size = {31, 64};  // no size that the model generates
  EXPECT_FALSE(encode_ahead(request_, picture_, choice_, model_));
}

}  // namespace
}  // namespace forgedit
