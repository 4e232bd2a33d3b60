#include "forgedit/jobs/model_choice.h"

#include <thread>

#include "forgedit/core/error.h"
#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

class LoadModel : public testing::JobTest {
 protected:
  StableDiffusion load(const ModelChoice& choice, const WhileReading& other = {}) {
    JobContext context(places_, told_, stop_);
    return load_model(choice, context, {}, other);
  }
  ModelChoice choice() {
    JobContext context(places_, told_, stop_);
    return choose_model(tiny_model(), context);
  }
  const Places places_ = places();
  testing::RecordingListener told_;
  const StopFlag stop_;
};

TEST_F(LoadModel, RunsOtherWorkOnTheCallersThreadMeanwhile) {
  const auto alone = load(choice());
  const auto notes = told_.notes;
  std::thread::id runs_on, gets_it_on;
  std::string got;
  const auto beside = load(choice(), {[&] {
                                        runs_on = std::this_thread::get_id();
                                        return std::string("it failed");
                                      },
                                      [&](const StableDiffusion& model) {
                                        gets_it_on = std::this_thread::get_id();
                                        got = model.base_fingerprint;
                                      }});
  EXPECT_EQ(runs_on, std::this_thread::get_id());
  EXPECT_NE(gets_it_on, runs_on);
  EXPECT_EQ(got, alone.base_fingerprint);
  EXPECT_EQ(beside.base_fingerprint, alone.base_fingerprint);
  EXPECT_EQ(told_.notes.size(), 2 * notes.size() + 1);
  EXPECT_EQ(told_.notes_with("it failed"), 1U);
}

TEST_F(LoadModel, ReadsAloneWithoutOtherWork) {
  bool called = false;
  load(choice(), {{}, [&](const StableDiffusion&) { called = true; }});
  EXPECT_FALSE(called);
}

TEST_F(LoadModel, FailsIfWorkOnTheModelFails) {
  const auto nothing = [] { return std::string(); };
  EXPECT_THROW(load(choice(), {nothing, [](const StableDiffusion&) { throw failure("broken"); }}), Error);
}

TEST_F(LoadModel, OtherWorkDoesNotHideWhatIsWrong) {
  auto broken = choice();
  broken.files.model = folder_ / "nowhere";
  bool ran = false;
  const auto meanwhile = [&] {
    ran = true;
    return std::string();
  };
  EXPECT_THROW(load(broken, {meanwhile, {}}), Error);
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace forgedit
