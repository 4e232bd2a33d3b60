#include "forgedit/jobs/job_plan.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

EditRequest sweep(std::vector<std::string> targets) {
  EditRequest request;
  request.targets = std::move(targets);
  return request;
}

TEST(PlanText, MultipliesWhatThereIsMoreThanOneOf) {
  auto request = sweep({"a dog", "a cat", "a bird"});
  request.strategies = {"donotforget", "noencoder"};
  request.seeds = {0, 1};
  EXPECT_EQ(edit_plan_text({request}, {}, 0),
            "3 targets × 2 strategies × 5 strengths × 2 seeds = 60 images and the reconstruction");
  request.strategies = {"noencoder"};
  request.seeds = {0};
  EXPECT_EQ(edit_plan_text({request}, {}, 12),
            "3 targets × 5 strengths = 15 images and the reconstruction; 12 were finished before");
}

TEST(PlanText, OneImageHasNoFactors) {
  auto request = sweep({"a dog"});
  request.gammas = {1};
  EXPECT_EQ(edit_plan_text({request}, {}, 0), "1 image and the reconstruction");
}

TEST(PlanText, ProjectionHasStrengthsOfTwoNumbers) {
  auto request = sweep({"a dog"});
  request.interpolation = Interpolation::vector_projection;
  request.alphas = {0.8, 0.9};
  request.betas = {1, 1.2, 1.4};
  request.repeat = 4;
  request.unlearned = true;
  EXPECT_EQ(edit_plan_text({request}, {}, 0),
            "6 strengths × 4 seeds = 24 images, 4 with the untouched model and the reconstruction");
}

TEST(PlanText, AStoryOnlyCountsTargets) {
  auto first = sweep({"a dog"}), second = sweep({"a cat"});
  first.gammas = {0.5, 0.7};
  second.gammas = {1};
  EXPECT_EQ(edit_plan_text({first, second}, {}, 0), "2 targets = 3 images and the reconstruction");
}

TEST(PlanText, TheAutomaticChoiceHasAnUpperEnd) {
  const auto one = sweep({"a dog"}), two = sweep({"a dog", "a cat"});
  AutoRequest automatic;
  EXPECT_EQ(edit_plan_text({two}, automatic, 0),
            "up to 40 images each for 2 targets; candidates take 10 steps, then the best three take all");
  automatic.steps = one.sample.steps;
  EXPECT_EQ(edit_plan_text({one}, automatic, 0), "up to 40 images");
  EXPECT_EQ(edit_plan_text({two}, automatic, 0), "up to 40 images each for 2 targets");
  automatic.seconds = 90;
  EXPECT_EQ(edit_plan_text({two}, automatic, 0),
            "as many images each for 2 targets as there is time for within 90 s");
  automatic.pictures = 12;
  EXPECT_EQ(edit_plan_text({one}, automatic, 0), "up to 12 images within 90 s");
}

TEST(PlanText, LearningCountsSamplesAndSteps) {
  EXPECT_EQ(learn_plan_text({}), "fine-tuning on 400 samples in 40 steps");
  LearnOptions options;
  options.samples = options.batch = 1;
  EXPECT_EQ(learn_plan_text(options), "fine-tuning on 1 sample in 1 step");
}

}  // namespace
}  // namespace forgedit
