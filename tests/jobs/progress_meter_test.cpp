#include "forgedit/jobs/progress_meter.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

using std::chrono::seconds;

/// A meter with a clock of its own.
class Meter : public ::testing::Test {
 protected:
  /// Steps that take `each` seconds, from the one after `done`; returns what is left after the last one.
  double run(const std::string& stage, std::int64_t from, std::int64_t to, std::int64_t total, int each) {
    double left = -1;
    for (auto done = from; done <= to; ++done) {
      now_ += seconds(each);
      left = meter_.seconds_left({stage, done, total, 0}, now_);
    }
    return left;
  }

  ProgressMeter meter_;
  ProgressMeter::Clock::time_point now_{};
};

TEST_F(Meter, WithoutAPlanOnlyTheStageThatRunsCounts) {
  EXPECT_LT(run("learning", 1, 1, 10, 2), 0) << "one step says nothing";
  EXPECT_EQ(run("learning", 2, 4, 10, 2), 12);
  const auto ended = meter_.end_stage(now_);
  EXPECT_EQ(ended.stage, "learning");
  EXPECT_EQ(ended.steps, 4);
  EXPECT_EQ(ended.seconds, 6);
}

TEST_F(Meter, TheShareIsOfTheWholeJob) {
  meter_.plan({{"learning", 20}, {"generating", 30}});
  const double left = run("learning", 1, 5, 10, 2);
  EXPECT_EQ(left, 10 + 30);
  EXPECT_NEAR(meter_.share({"learning", 5, 10, 0}, left, now_), 8.0 / 48, 1e-9) << "the first step began it";
  EXPECT_NEAR(meter_.share({"learning", 5, 10, 0}, -1, now_), 0.5, 1e-9) << "no plan: of the stage";
}

TEST_F(Meter, AStageThatEndsEarlyDoesNotMakeTheNextLookFaster) {
  meter_.plan({{"learning", 20}, {"generating", 30}});
  run("learning", 1, 5, 10, 4);  // twice as slow as planned
  meter_.end_stage(now_);
  EXPECT_GT(run("generating", 1, 1, 10, 3), 40) << "of 30 s, at about half the speed";
}

TEST_F(Meter, APlanSaysWhatIsLeftFromTheFirstStep) {
  meter_.plan({{"learning", 20}, {"generating", 30}});
  EXPECT_EQ(run("learning", 1, 1, 10, 2), 18 + 30);
}

TEST_F(Meter, LaterStagesTakeAsMuchLongerAsThisOne) {
  meter_.plan({{"learning", 20}, {"generating", 30}});
  EXPECT_EQ(run("learning", 1, 5, 10, 4), 20 + 60) << "twice as slow as planned";
  run("learning", 6, 10, 10, 4);
  meter_.end_stage(now_);
  const double left = run("generating", 1, 1, 10, 0);
  EXPECT_NEAR(left, 0.9 * 30 * 36 / 20, 1e-9) << "no step was measured yet: as wrong as learning was";
}

TEST_F(Meter, StagesOfOneNameAreCountedOneByOne) {
  meter_.plan({{"generating", 10}, {"generating", 10}, {"generating", 20}});
  EXPECT_EQ(run("generating", 1, 5, 10, 1), 5 + 30);
  run("generating", 6, 10, 10, 1);
  meter_.end_stage(now_);
  EXPECT_NEAR(run("generating", 1, 5, 10, 1), 5 + 20 * 19.0 / 20, 1e-9);
}

TEST_F(Meter, AStageThatIsNotPlannedLeavesThePlanAlone) {
  meter_.plan({{"learning", 20}, {"generating", 30}});
  EXPECT_EQ(run("checking", 1, 3, 4, 1), 1);
  meter_.end_stage(now_);
  EXPECT_EQ(run("learning", 1, 1, 10, 2), 18 + 30);
}

TEST_F(Meter, ANewPlanKeepsHowWrongTheOldOneWas) {
  meter_.plan({{"generating", 10}, {"generating", 10}});
  run("generating", 1, 11, 11, 2);  // begins with the first step: twenty seconds
  meter_.end_stage(now_);
  meter_.plan({{"generating", 5}, {"generating", 7}});
  const double left = meter_.seconds_left({"generating", 1, 5, 0}, now_);
  EXPECT_NEAR(left, 4 * 2 + 14, 1e-9);
}

}  // namespace
}  // namespace forgedit
