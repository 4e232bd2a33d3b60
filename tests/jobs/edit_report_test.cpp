#include "forgedit/jobs/edit_report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/page_data.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;
using testing::contains;
using testing::data_of_page;

json edit(const std::string& file, double gamma) {
  return {{"file", file},
          {"kind", "edit"},
          {"target", "a cat"},
          {"strategy", "donotforget"},
          {"gamma", gamma},
          {"seed", 7},
          {"settings", "a settings key"},
          {"content", "a content key"}};
}

/// What edit.json has of a run.
json record() {
  return {
      {"software", "forgedit 0.2.0"},
      {"complete", true},
      {"source", "a dog"},
      {"picture", {{"name", "dog.png"}, {"frame", {{"width", 512}, {"height", 384}}}}},
      {"model", {{"name", "tiny"}, {"precision", "fp32"}, {"device", "cpu"}}},
      {"learning", {{"method", "vanilla"}, {"samples", 400}}},
      {"drawing", {{"blend", 0.0}, {"output_size", "model"}}},
      {"sweeps", json::array({{{"targets", json::array({"a cat"})}, {"steps", 20}, {"gamma", {0.8, 1.0}}}})},
      {"pictures",
       {{{"file", "reconstruction.png"}, {"kind", "reconstruction"}, {"seed", 7}, {"psnr", 25.5}},
        edit("01.png", 0.8),
        edit("02.png", 1.0)}}};
}

const std::map<std::string, std::string> kCopies{
    {"reconstruction.png", "data:r"}, {"01.png", "data:1"}, {"02.png", "data:2"}};

std::vector<std::string> files_in(const json& data) {
  std::vector<std::string> files;
  for (const auto& picture : data.at("pictures")) files.push_back(picture.at("file"));
  return files;
}

TEST(EditReport, HasTextsSettingsAndPicturesInTheirOrder) {
  const auto data = data_of_page(edit_report(record(), "data:original", kCopies));
  EXPECT_EQ(data.at("title"), "dog.png");
  EXPECT_EQ(data.at("original"), "data:original");
  EXPECT_EQ(data.at("texts"), json::parse(R"([["Caption", "a dog"], ["Prompt", "a cat"]])"));
  EXPECT_EQ(data.at("facts")[0], json::parse(R"(["Model", "tiny, fp32, cpu"])"));
  EXPECT_EQ(data.at("facts")[2], json::parse(R"(["Fine-tuning", "method vanilla, samples 400"])"));
  EXPECT_EQ(data.at("facts")[3], json::parse(R"(["Sampling", "gamma 0.8, 1.0, steps 20"])"));
  EXPECT_EQ(files_in(data), (std::vector<std::string>{"reconstruction.png", "01.png", "02.png"}));
  EXPECT_EQ(data.at("pictures")[0].at("psnr"), 25.5);
  EXPECT_EQ(data.at("pictures")[1].at("src"), "data:1");
  EXPECT_EQ(data.at("pictures")[1].at("gamma"), 0.8);
  EXPECT_FALSE(data.at("pictures")[1].contains("settings")) << "keys that say nothing to people";
  EXPECT_TRUE(data.at("choice").empty());
}

TEST(EditReport, TheAutomaticChoiceComesFirstWithItsReasons) {
  auto run = record();
  run["pictures"].push_back(edit("03.png", 1.2));
  run["pictures"].push_back(edit("04.png", 1.4));
  for (auto& picture : run["pictures"]) picture["scores"] = {{"ssim", 0.5}, {"psnr", "inf"}};
  run["auto"]["targets"] =
      json::array({{{"target", "a cat"},
                    {"edit", "CLIP direction"},
                    {"kept", "SSIM"},
                    {"best", json::array({{{"file", "03.png"}, {"reason", "keeps most"}}})},
                    {"front", {"03.png", "02.png"}}}});
  auto copies = kCopies;
  copies["03.png"] = copies["04.png"] = "data:more";
  const auto data = data_of_page(edit_report(run, "data:original", copies));
  EXPECT_EQ(files_in(data),
            (std::vector<std::string>{"03.png", "02.png", "01.png", "04.png", "reconstruction.png"}));
  EXPECT_EQ(data.at("choice")[0].at("best")[0].at("reason"), "keeps most");
  const auto& metrics = data.at("metrics");
  EXPECT_TRUE(std::any_of(metrics.begin(), metrics.end(), [](const json& metric) {
    return metric.at("key") == "ssim" && metric.at("higher");
  }));
}

TEST(EditReport, NeedsNothingElseAndShowsTextsAsTexts) {
  auto run = record();
  const std::string evil = "</script><img src=x onerror=alert(1)>";
  run["source"] = run["picture"]["name"] = run["pictures"][1]["target"] = run["sweeps"][0]["targets"][0] =
      evil;
  const auto page = edit_report(run, "data:original", kCopies);
  EXPECT_FALSE(contains(page, evil));
  EXPECT_EQ(data_of_page(page).at("texts")[1][1], evil);
  for (const char* outside :
       {"http:", "https:", "src=\"", "href=\"", "@import", "url(", "innerHTML", "eval("}) {
    EXPECT_FALSE(contains(page, outside)) << outside;
  }
  EXPECT_TRUE(contains(page, "default-src 'none'"));
}

TEST(EditReport, WhatAPageCannotCountIsText) {
  auto run = record();
  run["pictures"][1]["seed"] = UINT64_MAX;
  const auto data = data_of_page(edit_report(run, "data:original", kCopies));
  EXPECT_EQ(data.at("pictures")[1].at("seed"), "18446744073709551615");
}

TEST(EditReport, APictureWithoutACopyIsLeftOut) {
  auto copies = kCopies;
  copies.erase("01.png");
  EXPECT_EQ(files_in(data_of_page(edit_report(record(), "data:original", copies))),
            (std::vector<std::string>{"reconstruction.png", "02.png"}));
}

TEST(EditReport, OfManyPromptsTheFirstOnesAreListed) {
  auto run = record();
  run["sweeps"] = json::array();
  for (int i = 0; i < 40; ++i)
    run["sweeps"].push_back({{"targets", json::array({"prompt " + std::to_string(i)})}, {"negative", "x"}});
  const auto data = data_of_page(edit_report(run, "data:original", kCopies));
  EXPECT_TRUE(contains(data.at("texts")[1][1].get<std::string>(), "prompt 11\nand 28 more"));
  EXPECT_EQ(data.at("texts")[2], json::parse(R"(["Negative prompt", "x"])")) << "said once";
  EXPECT_EQ(data.at("facts")[3][1], "40 prompts with their own settings");
}

TEST(EditReport, CopiesOfVeryManyPicturesAreSmall) {
  const Image picture(700, 350, {10, 200, 30});
  const auto large = report_copy(picture, 3), small = report_copy(picture, 5000);
  EXPECT_TRUE(contains(large, "data:image/webp;base64,"));
  EXPECT_GT(large.size(), small.size());
}

}  // namespace
}  // namespace forgedit
