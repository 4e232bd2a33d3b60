#include "forgedit/pipelines/sampling/diffusion_classifier.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

namespace fs = std::filesystem;

/// The miniature, which knows what its pictures show.
class Classifier : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = new StableDiffusion(
        StableDiffusion::load(fs::path(FORGEDIT_SOURCE_DIR) / "assets/miniature/model", {}));
  }
  static void TearDownTestSuite() { delete model_; }
  static Image picture(const std::string& name) {
    return read_image(fs::path(FORGEDIT_SOURCE_DIR) / "assets/miniedit/pictures" / name);
  }

  static StableDiffusion* model_;
};
StableDiffusion* Classifier::model_ = nullptr;

constexpr const char* kWalking = "a man walking: dark skin tone on a blue background";
constexpr const char* kRunning = "a man running: dark skin tone on a blue background";

TEST_F(Classifier, PrefersThePromptThatDescribesTheImage) {
  const auto original = picture("01-man-walking-dark-skin-tone-blue.png");
  DiffusionClassifier classifier(*model_, original, kWalking);
  EXPECT_GT(classifier.judge(picture("01-man-running-dark-skin-tone-blue.png"), kRunning).direction, 0.1);
  const auto unchanged = classifier.judge(original, kRunning);
  EXPECT_LT(unchanged.direction, -0.1);
  EXPECT_GT(unchanged.beyond_original, 0) << "a prompt that is wrong fits worse than the caption";
}

TEST_F(Classifier, FindsNoDifferenceBetweenAPromptAndItself) {
  const auto original = picture("01-man-walking-dark-skin-tone-blue.png");
  DiffusionClassifier classifier(*model_, original, kWalking);
  const auto fit = classifier.judge(original, kWalking);
  EXPECT_NEAR(fit.direction, 0, 1e-6);
  EXPECT_NEAR(fit.beyond_original, 0, 1e-5);
}

TEST_F(Classifier, PrefersItsOwnStyleToOneThatItDoesNotKnow) {
  const auto original = picture("01-man-walking-dark-skin-tone-blue.png");
  auto posterised = original;
  for (auto& value : posterised.pixels) value = value / 64 * 64 + 32;
  DiffusionClassifier classifier(*model_, posterised, kWalking);
  EXPECT_LT(classifier.judge(picture("01-man-running-dark-skin-tone-blue.png"), kRunning).beyond_original, 0);
}

}  // namespace
}  // namespace forgedit
