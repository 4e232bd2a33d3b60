#include "apps/common/progress_line.h"

#include <gtest/gtest.h>

#include "forgedit/text/display_width.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;

TEST(ProgressLine, SaysEverythingWhereThereIsRoom) {
  EXPECT_EQ(progress_line({"learning", 10, 40, 0.0123, 75}, true, 100),
            "fine-tuning  25 % [======                  ]  step 10/40  loss 0.0123  1 min 15 s left");
  EXPECT_EQ(progress_line({"learning", 10, 40, 0.0123, 75}, false, 1000),
            "fine-tuning  25 %  step 10/40  loss 0.0123  1 min 15 s left");
  EXPECT_EQ(progress_line({"drawing", 2, 2, 0, 0}, false, 1000), "drawing 100 %");
  EXPECT_EQ(progress_line({"drawing", 1, 2, 0, -1}, false, 1000), "drawing  50 %");
}

TEST(ProgressLine, AStageThatEndsSaysItsStepsAndSeconds) {
  EXPECT_EQ(stage_line("learning", 40, 12), "fine-tuning: 40 steps in 12.00 s");
  EXPECT_EQ(stage_line("generating images", 18, 4.5),
            "generating images: 18 steps (decoding included) in 4.50 s");
  EXPECT_EQ(stage_line("scoring", 2, 1), "scoring: 2 steps in 1.00 s");
}

TEST(ProgressLine, NeverTakesMoreThanTheColumns) {
  for (const char* stage : {"learning", "learning the embedding", "学习图片"}) {
    for (std::size_t columns = 0; columns < 120; ++columns) {
      for (const double left : {-1.0, 5.0, 4000.0}) {
        const auto line = progress_line({stage, 1234, 5678, 0.0123, left}, true, columns);
        EXPECT_LE(display_width(line), columns);
        EXPECT_FALSE(contains(line, "\n"));
      }
    }
  }
}

TEST(ProgressLine, TheTimeLeftGoesLast) {
  for (std::size_t columns = 24; columns < 120; ++columns) {
    const auto line = progress_line({"learning", 10, 40, 0.0123, 75}, true, columns);
    EXPECT_TRUE(contains(line, "25 %")) << line;
    EXPECT_TRUE(contains(line, "1 min 15 s left")) << line;
  }
  EXPECT_EQ(progress_line({"learning", 10, 40, 0.0123, 75}, true, 34), "fine-tuning  25 %  1 min 15 s left");
}

TEST(ProgressLine, TheBarShrinksBeforeItGoes) {
  const JobProgress progress{"drawing", 1, 2, 0};
  EXPECT_EQ(progress_line(progress, true, 100), "drawing  50 % [============            ]");
  EXPECT_EQ(progress_line(progress, true, 24), "drawing  50 % [====    ]");
  EXPECT_EQ(progress_line(progress, true, 20), "drawing  50 %");
}

}  // namespace
}  // namespace forgedit
