#include "forgedit/jobs/learning.h"

#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

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

/// Fine-tuning of three steps, whose second one is the first recorded one.
class LearnOn : public EncodedAhead {
 protected:
  LearnOn() { ahead_.warm_up = std::make_shared<WarmUp>(WarmUp{true, {}}); }
  void learn() { learn_on(thread_, steps_, options_, ahead_, job_); }

  LearnOptions options_;
  LearningAhead ahead_;
  std::promise<void> prepared_;
  bool began_ = false;
  const LearningThread::Work steps_ = [this](const ProgressCallback& progress) {
    began_ = true;
    progress({kLearningStage, 1, 3, 0.0, false});
    progress({kLearningStage, 2, 3, 0.0, true});
    prepared_.get_future().wait();
    progress({kLearningStage, 3, 3, 0.0, true});
  };
};

TEST_F(LearnOn, PreparesSamplingBesideRecordedSteps) {
  const auto owner = std::this_thread::get_id();
  ahead_.sampling_warm_up.emplace_back([&] {
    EXPECT_EQ(std::this_thread::get_id(), owner);
    EXPECT_EQ(told_.steps_of("learning"), 2);
    prepared_.set_value();
  });
  learn();
  EXPECT_EQ(told_.steps_of("learning"), 3);
}

TEST_F(LearnOn, PreparesSamplingBeforeStepsThatItWouldChange) {
  options_.fast = true;
  ahead_.sampling_warm_up.emplace_back([&] {
    EXPECT_FALSE(began_);
    prepared_.set_value();
  });
  learn();
  EXPECT_TRUE(began_);
}

TEST_F(LearnOn, NotesOnceThatSamplingCannotBePrepared) {
  ahead_.sampling_warm_up.emplace_back([&] {
    prepared_.set_value();
    throw std::runtime_error("no memory");
  });
  ahead_.sampling_warm_up.emplace_back([&] { ADD_FAILURE() << "goes on after a failure"; });
  learn();
  EXPECT_EQ(told_.steps_of("learning"), 3);
  EXPECT_EQ(told_.notes_with("sampling was not prepared"), 1U);
  EXPECT_EQ(told_.notes_with("no memory"), 1U);
}

TEST_F(LearnOn, PreparesNothingWithoutAWarmUp) {
  ahead_.warm_up = std::make_shared<WarmUp>();
  ahead_.sampling_warm_up.emplace_back([&] { ADD_FAILURE() << "sampling was prepared"; });
  prepared_.set_value();
  learn();
  EXPECT_EQ(told_.steps_of("learning"), 3);
}

}  // namespace
}  // namespace forgedit
