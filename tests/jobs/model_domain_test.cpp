#include "forgedit/jobs/model_domain.h"

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

TEST(ModelDomain, HighFirstLossesAreWarnedOf) {
  EXPECT_EQ(warn_of_first_losses({}), "");
  EXPECT_EQ(warn_of_first_losses({0.02, 0.03, 0.03, 0.02, 0.04}), "");
  EXPECT_TRUE(testing::contains(warn_of_first_losses({0.4, 0.2, 0.1, 0.15, 0.1}), "0.19 on average"));
  // Only the first steps count: what learning makes of them is another matter.
  EXPECT_EQ(warn_of_first_losses({0.02, 0.03, 0.03, 0.02, 0.04, 0.9, 0.9}), "");
}

}  // namespace
}  // namespace forgedit
