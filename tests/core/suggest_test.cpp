#include "forgedit/core/suggest.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

TEST(Suggest, DistanceCountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("same", "same"), 0U);
  EXPECT_EQ(edit_distance("edti", "edit"), 1U) << "neighbours that change places";
}

TEST(Suggest, OnlyNearWordsAreMeant) {
  const std::vector<std::string> known{"noencoder", "encoderattn", "encoderkv"};
  EXPECT_EQ(did_you_mean("noencodr", known), "; did you mean 'noencoder'?");
  EXPECT_EQ(did_you_mean("encoderatn", known), "; did you mean 'encoderattn'?");
  EXPECT_EQ(did_you_mean("memory", known), "");
  EXPECT_EQ(did_you_mean("x", {}), "");
}

TEST(Suggest, ALongerWordMeansTheOneWithWhichItBegins) {
  const std::vector<std::string> options{"--out", "--output-size", "--no-metadata"};
  EXPECT_EQ(did_you_mean("--output", options), "; did you mean '--out'?");
  EXPECT_EQ(did_you_mean("--output-sizes", options), "; did you mean '--output-size'?");
  EXPECT_EQ(did_you_mean("--nothing", options), "");
  EXPECT_EQ(did_you_mean("editing", {"edit", "learn"}), "; did you mean 'edit'?");
  EXPECT_EQ(did_you_mean("outer", {"out"}), "") << "too short to mean much";
}

}  // namespace
}  // namespace forgedit
