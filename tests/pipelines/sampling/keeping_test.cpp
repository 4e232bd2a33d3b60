#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "forgedit/core/error.h"
#include "forgedit/pipelines/model/picture.h"
#include "forgedit/pipelines/sampling/edit_session.h"
#include "forgedit/pipelines/sampling/relevance.h"

namespace forgedit {
namespace {

TEST(Relevance, CellsThatChangeAreOverTheThresholdAndGrownByOne) {
  auto map = torch::full({8, 8}, 0.5) + 0.01 * torch::arange(64, torch::kFloat).view({8, 8}) / 64;
  map.narrow(0, 2, 2).narrow(1, 3, 2).fill_(3);
  const auto cells = relevant_cells(map);
  EXPECT_EQ(cells.sizes(), (std::vector<std::int64_t>{1, 1, 8, 8}));
  auto expected = torch::zeros({8, 8});
  expected.narrow(0, 1, 4).narrow(1, 2, 4).fill_(1);
  EXPECT_TRUE(torch::equal(cells[0][0], expected)) << cells;
}

TEST(Relevance, AMapOfOneValueLetsAllChange) {
  EXPECT_TRUE(torch::equal(relevant_cells(torch::zeros({4, 4})), torch::ones({1, 1, 4, 4})));
}

TEST(Relevance, EachCellIsASquareOfPixels) {
  auto cells = torch::zeros({1, 1, 2, 3});
  cells[0][0][1][2] = 1;
  const auto mask = mask_of_cells(cells, 4);
  EXPECT_EQ(std::pair(mask.width, mask.height), std::pair(12, 8));
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 12; ++x)
      EXPECT_EQ(mask.change[static_cast<std::size_t>(12 * y + x)], y >= 4 && x >= 8 ? 255 : 0);
  }
}

/// A picture with something in it.
Image grid() {
  Image image(64, 64);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      auto* pixel = image.at(x, y);
      pixel[0] = static_cast<std::uint8_t>(3 * x);
      pixel[1] = static_cast<std::uint8_t>(3 * y);
      pixel[2] = x > 20 && x < 40 ? 220 : 30;
    }
  }
  return image;
}

/// Edits by the tiny model, with random weights in the place of learned ones.
class Keeping : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto folder = std::filesystem::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd";
    model_ = new StableDiffusion(StableDiffusion::load(folder, {}));
    torch::manual_seed(0);
    learned_ = new LearnResult;
    learned_->embedding.tokens = model_->encode_text("a man standing").tokens + 0.1;
    for (const auto& [name, parameter] : parameters_of(*model_->unet)) {
      if (learns(LayerScope::code, name))
        learned_->unet[name] = parameter + 0.2 * torch::randn_like(parameter);
    }
  }
  static void TearDownTestSuite() {
    delete model_;
    delete learned_;
  }
  static EditRequest request() {
    EditRequest request;
    request.targets = {"a man running"};
    request.gammas = {0.8};
    request.sample.steps = 2;
    return request;
  }
  struct Drawn {
    std::map<std::string, Image> pictures;
    std::map<std::string, Mask> areas;
    Progress progress;
  };
  Drawn draw(EditSession& session, const EditRequest& request) {
    Drawn drawn;
    DrawOptions one_by_one;  // the size of a batch decides how sums are rounded
    one_by_one.batch = 1;
    session.generate(
        plan_edit({request}), one_by_one,
        {[&](const Candidate& candidate, const Image& image) { drawn.pictures[candidate.stem] = image; },
         [&](const Progress& progress) { drawn.progress = progress; },
         {},
         [&](const std::string& target, const Mask& area) { drawn.areas[target] = area; }});
    return drawn;
  }
  Drawn draw(const EditRequest& request) {
    EditSession session(*model_, *learned_, grid());
    return draw(session, request);
  }
  static double distance(const Image& a, const Image& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int{a.pixels[i]} - int{b.pixels[i]});
    return sum / static_cast<double>(a.pixels.size());
  }

  static StableDiffusion* model_;
  static LearnResult* learned_;
  const std::string edit_ = "01-a-man-running_vs-0.8_donotforget_seed0", reconstruction_ = "reconstruction";
};
StableDiffusion* Keeping::model_ = nullptr;
LearnResult* Keeping::learned_ = nullptr;

TEST_F(Keeping, OutsideOfTheAreaAProtectedEditHasTheLearnedPicture) {
  auto request = this->request();
  const auto plain = draw(request);
  EXPECT_TRUE(plain.areas.empty());
  request.sample.protect = true;
  EditSession session(*model_, *learned_, grid());
  const auto kept = draw(session, request);
  ASSERT_EQ(kept.areas.size(), 1U);
  const auto& area = kept.areas.at("a man running");
  ASSERT_EQ(area.change.size(), 64U * 64U);
  const auto original = grid();
  std::size_t outside = 0;
  const auto& edit = kept.pictures.at(edit_);
  for (std::size_t i = 0; i < area.change.size(); ++i) {
    if (area.change[i] != 0) continue;
    ++outside;
    ASSERT_TRUE(std::equal(&edit.pixels[3 * i], &edit.pixels[3 * i] + 3, &original.pixels[3 * i])) << i;
  }
  EXPECT_GT(outside, 0U);
  EXPECT_LT(outside, area.change.size());
  EXPECT_NE(edit.pixels, plain.pictures.at(edit_).pixels);
  EXPECT_EQ(kept.pictures.at(reconstruction_).pixels, plain.pictures.at(reconstruction_).pixels);
  EXPECT_EQ(kept.progress.total, plain.progress.total + kRelevancePairs);
  // The session keeps the area, and tells of it again.
  const auto again = draw(session, request);
  EXPECT_EQ(again.progress.total, plain.progress.total);
  EXPECT_EQ(again.areas.at("a man running").change, area.change);
  EXPECT_EQ(again.pictures.at(edit_).pixels, edit.pixels);
}

TEST_F(Keeping, TheMapIsTheLearnedModelsAndTheTargets) {
  auto request = this->request();
  request.sample.protect = true;
  request.strategies = {"noencoder", "donotforget"};
  request.targets = {"a man running", "a red car"};
  const auto before = fingerprint(parameters_of(*model_->unet));
  const auto both = draw(request);
  EXPECT_EQ(both.areas.size(), 2U);
  request.strategies = {"donotforget"};
  request.targets = {"a red car"};
  EXPECT_EQ(draw(request).areas.at("a red car").change, both.areas.at("a red car").change)
      << "whatever a strategy forgets";
  EXPECT_EQ(fingerprint(parameters_of(*model_->unet)), before);
}

TEST_F(Keeping, TheSameTextChangesNothingSoAllMayChange) {
  const auto latents = torch::randn({1, 4, 8, 8});
  const auto text = model_->encode_text("a man");
  const auto map = relevance_map(*model_, latents, text, text);
  EXPECT_EQ(map.abs().max().item<float>(), 0);
  const auto other = relevance_map(*model_, latents, text, model_->encode_text("a red car"));
  EXPECT_NEAR(other.mean().item<double>(), 1, 0.3);
}

TEST_F(Keeping, AnEditThatBeginsAtTheOriginalIsNearerToIt) {
  for (const auto sampler : {SamplerKind::ddim, SamplerKind::dpm_solver}) {
    auto request = this->request();
    request.sample.sampler = sampler;
    request.sample.steps = 20;
    request.sample.guidance_scale = 1;  // else the random weights' mistakes count many times
    const auto plain = draw(request);
    request.sample.start = 0.05;
    const auto kept = draw(request);
    auto generator = at::detail::createCPUGenerator(0);
    const auto original =
        tensor_to_image(model_->decode_latents(model_->encode_image(image_to_tensor(grid()), generator))[0]);
    EXPECT_LT(2 * distance(kept.pictures.at(edit_), original), distance(plain.pictures.at(edit_), original));
    EXPECT_EQ(kept.pictures.at(reconstruction_).pixels, plain.pictures.at(reconstruction_).pixels);
    // Of the edit one step, and of each image one for decoding.
    EXPECT_EQ(kept.progress.total, 20 + 1 + 1 + 1);
    EXPECT_EQ(kept.progress.done, kept.progress.total);
  }
}

}  // namespace
}  // namespace forgedit
