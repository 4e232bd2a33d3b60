#include "forgedit/jobs/model_choice.h"

#include "forgedit/core/error.h"
#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

class LoadModel : public testing::JobTest {
 protected:
  StableDiffusion load(const ModelChoice& choice) {
    JobContext context(places_, told_, stop_);
    return load_model(choice, context);
  }
  ModelChoice choice() {
    JobContext context(places_, told_, stop_);
    return choose_model(tiny_model(), context);
  }
  const Places places_ = places();
  testing::RecordingListener told_;
  const StopFlag stop_;
};

TEST_F(LoadModel, NotesTheModelAndTheDevice) {
  load(choice());
  EXPECT_EQ(told_.notes_with("model tiny-sd on "), 1U);
}

TEST_F(LoadModel, FailsWithoutFiles) {
  auto broken = choice();
  broken.files.model = folder_ / "nowhere";
  EXPECT_THROW(load(broken), Error);
}

}  // namespace
}  // namespace forgedit
