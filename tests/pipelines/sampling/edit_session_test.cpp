#include "forgedit/pipelines/sampling/edit_session.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "forgedit/core/error.h"
#include "forgedit/pipelines/learning/learn_picture.h"

namespace forgedit {
namespace {

const Image kGrid(64, 64, {200, 120, 40});

/// The tiny model with random weights, and "learned" weights that are clearly different.
class Sweep : public ::testing::Test {
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

  std::map<std::string, Image> draw(EditRequest request, const ProgressCallback& progress = {},
                                    std::int64_t batch = 2) {
    request.sample.steps = 2;
    DrawOptions options;
    options.batch = batch;
    std::map<std::string, Image> pictures;
    try {
      EditSession(*model_, *learned_, kGrid)
          .generate(plan_edit({request}), options,
                    {[&](const Candidate& candidate, const Image& grid) { pictures[candidate.stem] = grid; },
                     progress});
    } catch (const Cancelled&) {
      cancelled_ = true;
    }
    return pictures;
  }

  static StableDiffusion* model_;
  static LearnResult* learned_;
  bool cancelled_ = false;
};
StableDiffusion* Sweep::model_ = nullptr;
LearnResult* Sweep::learned_ = nullptr;

EditRequest one_edit() {
  EditRequest request;
  request.targets = {"a man running"};
  request.gammas = {1.0};
  return request;
}

TEST_F(Sweep, DrawsTheSameFromTheSameSeeds) {
  const auto before = fingerprint(parameters_of(*model_->unet));
  auto request = one_edit();
  request.seeds = {0, 1};
  const auto first = draw(request), second = draw(request);
  ASSERT_EQ(first.size(), 3U);
  for (const auto& [stem, image] : first) {
    EXPECT_EQ(image.width, 64);
    EXPECT_EQ(image.pixels, second.at(stem).pixels) << stem;
  }
  EXPECT_NE(first.at("01-a-man-running_vs-1.0_donotforget_seed0").pixels,
            first.at("02-a-man-running_vs-1.0_donotforget_seed1").pixels);
  EXPECT_EQ(fingerprint(parameters_of(*model_->unet)), before);
}

TEST_F(Sweep, GuidanceGoesAwayFromTheNegativePrompt) {
  auto request = one_edit();
  request.unlearned = true;
  const auto plain = draw(request);
  request.sample.negative = "a blurry man";
  const auto away = draw(request), again = draw(request);
  ASSERT_EQ(plain.size(), away.size());
  for (const auto& [stem, image] : plain) {
    EXPECT_NE(image.pixels, away.at(stem).pixels) << stem;
    EXPECT_EQ(away.at(stem).pixels, again.at(stem).pixels) << stem;
  }
  // Away from what it goes to, nothing is left of guidance.
  request.sample.negative = request.targets.front();
  const std::string unlearned = "02-a-man-running_unlearned_seed0";
  const auto neutral = draw(request).at(unlearned).pixels;
  request.sample.guidance_scale = 1;
  request.sample.negative.clear();
  const auto unguided = draw(request).at(unlearned).pixels;
  ASSERT_EQ(neutral.size(), unguided.size());
  // Rows of a batch are rounded otherwise than one alone on some processors, and guidance makes more of it.
  for (std::size_t i = 0; i < neutral.size(); ++i) EXPECT_NEAR(neutral[i], unguided[i], 1);
}

// A run that was broken off in the middle of a batch ends with the bytes of an unbroken one.
TEST_F(Sweep, MissingPicturesAreDrawnInTheBatchesOfTheWholePlan) {
  auto request = one_edit();
  request.strategies = {"donotforget", "noencoder"};
  request.gammas = {0.8, 1.0, 1.2};
  request.sample.steps = 2;
  const auto plan = plan_edit({request});
  DrawOptions options;
  options.batch = 4;
  std::map<std::string, Image> whole, rest;
  std::int64_t steps = 0;
  EditSession session(*model_, *learned_, kGrid);
  session.generate(plan, options,
                   {[&](const Candidate& candidate, const Image& grid) { whole[candidate.stem] = grid; }});
  for (const std::size_t missing : {0, 2, 5}) {
    const auto& stem = plan.at(missing).stem;
    session.generate(plan, options,
                     {[&](const Candidate& candidate, const Image& grid) { rest[candidate.stem] = grid; },
                      [&](const Progress& progress) { steps = progress.total; }},
                     [&](const Candidate& candidate) { return candidate.stem == stem; });
    EXPECT_LE(steps, 4 * 3) << "one batch";
  }
  ASSERT_EQ(rest.size(), 3U);
  for (const auto& [stem, picture] : rest) EXPECT_EQ(picture.pixels, whole.at(stem).pixels) << stem;
}

// The size of a batch decides how sums are rounded: what is asked for again comes in one like it.
TEST_F(Sweep, AnImageIsGeneratedAgainInABatchLikeItsOwn) {
  auto request = one_edit();
  request.gammas = {0.8, 0.9, 1.0, 1.1, 1.2};
  request.sample.steps = 2;
  const auto plan = plan_edit({request});
  DrawOptions options;
  options.batch = 4;
  std::vector<std::pair<Candidate, Image>> first;
  EditSession session(*model_, *learned_, kGrid);
  session.generate(plan, options, {[&](const Candidate& candidate, const Image& grid) {
                     first.emplace_back(candidate, grid);
                   }});
  ASSERT_EQ(first.size(), 6U);
  EXPECT_EQ(first[2].first.together, 4);
  EXPECT_EQ(first_batch_sizes(plan, options, model_->policy), (std::vector<std::int64_t>{4}));
  options.batch = 8;
  EXPECT_EQ(first_batch_sizes(plan, options, model_->policy), (std::vector<std::int64_t>{6}));
  options.full_batches = true;
  EXPECT_EQ(first_batch_sizes(plan, options, model_->policy), (std::vector<std::int64_t>{6, 8}));
  EXPECT_EQ(first[2].first.place, 2);
  EXPECT_EQ(first[5].first.together, 2);
  for (const auto& [candidate, picture] : first) {
    int count = 0;
    session.generate({candidate}, options, {[&](const Candidate& again, const Image& grid) {
                       ++count;
                       EXPECT_EQ(again.together, candidate.together);
                       EXPECT_EQ(again.place, candidate.place);
                       EXPECT_EQ(grid.pixels, picture.pixels) << candidate.stem;
                     }});
    EXPECT_EQ(count, 1);
  }
}

TEST_F(Sweep, FullBatchesHaveThreeImagesUnlessAskedOtherwise) {
  DrawOptions options;
  EXPECT_EQ(images_per_batch(options, model_->policy), 4);  // on a CPU
  options.full_batches = true;
  EXPECT_EQ(images_per_batch(options, model_->policy), 3);
  options.batch = 5;
  EXPECT_EQ(images_per_batch(options, model_->policy), 5);
}

TEST_F(Sweep, BatchesAreFilledUpWithCopiesThatNobodySees) {
  auto request = one_edit();
  request.gammas = {0.8, 0.9, 1.0, 1.1, 1.2};
  request.sample.steps = 2;
  auto plan = plan_edit({request});
  DrawOptions options;
  options.batch = 4;
  options.full_batches = true;
  EditSession session(*model_, *learned_, kGrid);
  std::vector<Candidate> seen;
  Image last;
  const auto keep = [&](const Candidate& candidate, const Image& grid) {
    seen.push_back(candidate);
    last = grid;
  };
  session.generate(plan, options, {keep});
  ASSERT_EQ(seen.size(), 6U);
  EXPECT_EQ(seen[5].together, 4) << "two images and two copies";
  EXPECT_EQ(seen[5].place, 1);
  const auto in_batch = last;
  session.generate({seen[5]}, options, {keep});
  EXPECT_EQ(last.pixels, in_batch.pixels);
  plan.pop_back();
  seen.clear();
  session.generate(plan, options, {keep});
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen[4].together, 1) << "one image is a batch of its own";
}

TEST_F(Sweep, EveryRowHasItsOwnWeights) {
  auto request = one_edit();
  request.strategies = {"donotforget", "noencoder", "decoderattn"};
  request.unlearned = true;
  const auto pictures = draw(request);
  std::set<std::vector<std::uint8_t>> different;
  for (const auto& [stem, image] : pictures) different.insert(image.pixels);
  EXPECT_EQ(pictures.size(), 5U);
  EXPECT_EQ(different.size(), 5U);
}

// DreamBooth: all texts come from the tuned encoder, but for pictures by the model before learning.
TEST_F(Sweep, TunedTextEncoderServesAllButUnlearnedPictures) {
  const auto before = fingerprint(parameters_of(*model_->text_encoder));
  auto request = one_edit();
  request.unlearned = true;
  const auto plain = draw(request);
  for (const auto& [name, parameter] : parameters_of(*model_->text_encoder)) {
    learned_->text_encoder[name] = parameter + 0.5 * torch::randn_like(parameter);
  }
  const auto tuned = draw(request);
  learned_->text_encoder.clear();
  for (const auto& [stem, image] : plain) {
    const bool same = image.pixels == tuned.at(stem).pixels;
    EXPECT_EQ(same, stem.find("unlearned") != std::string::npos) << stem;
  }
  EXPECT_EQ(fingerprint(parameters_of(*model_->text_encoder)), before);
}

TEST_F(Sweep, CountsStepsAndKeepsWhatIsFinishedWhenCancelled) {
  const auto before = fingerprint(parameters_of(*model_->unet));
  auto request = one_edit();
  request.gammas = {0.8, 1.0, 1.2};
  std::vector<std::int64_t> counts;
  EXPECT_EQ(draw(request, [&](const Progress& p) { counts.push_back(p.done); }).size(), 4U);
  EXPECT_EQ(counts, (std::vector<std::int64_t>{2, 4, 5, 6, 8, 10, 11, 12}));

  const auto kept = draw(request, [&](const Progress& p) {
    if (p.done > 6) throw Cancelled();
  });
  EXPECT_TRUE(cancelled_);
  EXPECT_EQ(kept.size(), 2U);
  EXPECT_EQ(fingerprint(parameters_of(*model_->unet)), before);
}

TEST_F(Sweep, ThreadsAreGivenBackBetweenPlans) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  auto request = one_edit();
  request.gammas = {0.8, 1.2};
  EditSession session(*model_, *learned_, kGrid);
  session.generate(plan_edit({request}), {}, {[](const Candidate&, const Image&) {}});
  EXPECT_EQ(at::get_num_threads(), 2) << "scoring has all of them";
  at::set_num_threads(before);
}

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int{a.pixels[i]} - int{b.pixels[i]});
  return sum / static_cast<double>(a.pixels.size());
}

// Two threads take two images of four each, with both halves of their guidance pairs.
TEST_F(Sweep, ImagesOfABatchAreThoseGeneratedAlone) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  auto request = one_edit();
  request.seeds = {1, 2, 3, 4};
  const auto alone = draw(request, {}, 1), together = draw(request, {}, 4);
  at::set_num_threads(before);
  ASSERT_EQ(alone.size(), 5U);
  const Image* last = nullptr;
  for (const auto& [stem, image] : alone) {
    EXPECT_LT(mean_difference(image, together.at(stem)), 1) << stem;
    EXPECT_TRUE(!last || mean_difference(image, *last) > 5) << stem;
    last = &image;
  }
}

// What a session keeps from one plan to the next must not show in any picture.
TEST_F(Sweep, OneSessionGeneratesWhatNewOnesDo) {
  const auto before = fingerprint(parameters_of(*model_->unet));
  auto request = one_edit();
  request.sample.steps = 2;
  DrawOptions options;
  options.batch = 1;
  std::map<std::string, std::vector<Image>> pictures;
  const auto plan_of = [&](const char* strategy, double gamma, SamplerKind sampler, const char* target) {
    request.strategies = {strategy};
    request.gammas = {gamma};
    request.sample.sampler = sampler;
    request.targets = {target};
    auto plan = plan_edit({request});
    plan.erase(plan.begin());
    return plan;
  };
  const std::vector<std::vector<Candidate>> plans{plan_of("donotforget", 1.0, SamplerKind::ddim, "a cat"),
                                                  plan_of("donotforget", 1.3, SamplerKind::ddim, "a dog"),
                                                  plan_of("noencoder", 1.3, SamplerKind::dpm_solver, "a cat"),
                                                  plan_of("noencoder", 1.3, SamplerKind::ddim, "a cat")};
  {
    EditSession session(*model_, *learned_, kGrid);
    for (std::size_t i = 0; i < 2 * plans.size(); ++i) {
      options.blend = i < plans.size() ? 0 : 0.5;
      const auto keep = [&](const Candidate& candidate, const Image& grid) {
        pictures[candidate.stem + std::to_string(i)].push_back(grid);
      };
      const auto& plan = plans[i % plans.size()];
      session.generate(plan, options, {keep});
      EXPECT_EQ(fingerprint(parameters_of(*model_->unet)) == before, false);
    }
  }
  EXPECT_EQ(fingerprint(parameters_of(*model_->unet)), before);
  for (std::size_t i = 0; i < 2 * plans.size(); ++i) {
    options.blend = i < plans.size() ? 0 : 0.5;
    EditSession(*model_, *learned_, kGrid)
        .generate(plans[i % plans.size()], options, {[&](const Candidate& candidate, const Image& grid) {
                    pictures[candidate.stem + std::to_string(i)].push_back(grid);
                  }});
  }
  ASSERT_EQ(pictures.size(), 2 * plans.size());
  for (const auto& [name, pair] : pictures) {
    ASSERT_EQ(pair.size(), 2U) << name;
    EXPECT_EQ(pair[0].pixels, pair[1].pixels) << name;
  }
}

// The second picture of a target takes no more memory for text: nothing is encoded again.
TEST_F(Sweep, TextsAreEncodedOnce) {
  auto plan = plan_edit({one_edit()});
  for (auto& candidate : plan) candidate.sample.steps = 2;
  EditSession session(*model_, *learned_, kGrid);
  std::map<std::string, Image> first, second;
  session.generate(plan, {}, {[&](const Candidate& c, const Image& grid) { first[c.stem] = grid; }});
  // An encoder that was damaged since is not asked again.
  const auto embedding = model_->text_encoder->parameters().front();
  const auto saved = embedding.detach().clone();
  embedding.detach().fill_(NAN);
  session.generate(plan, {}, {[&](const Candidate& c, const Image& grid) { second[c.stem] = grid; }});
  embedding.detach().copy_(saved);
  for (const auto& [stem, picture] : first) EXPECT_EQ(picture.pixels, second.at(stem).pixels) << stem;
}

TEST_F(Sweep, PreviewsAreSmallAndChangeNoPicture) {
  auto request = one_edit();
  request.gammas = {0.8, 1.0, 1.2};
  request.sample.steps = 3;
  const auto plan = plan_edit({request});
  DrawOptions options;
  options.batch = 2;
  std::map<std::string, Image> plain, shown;
  std::map<std::string, std::vector<std::int64_t>> steps;
  EditSession(*model_, *learned_, kGrid).generate(plan, options, {[&](const Candidate& c, const Image& grid) {
                                                    plain[c.stem] = grid;
                                                  }});
  const auto preview = [&](const Candidate& candidate, std::int64_t step,
                           const std::function<Image()>& render) {
    steps[candidate.stem].push_back(step);
    const auto small = render();
    const auto factor = static_cast<int>(model_->vae->config().factor());
    EXPECT_EQ(small.width, 64 / factor);
    EXPECT_EQ(small.height, 64 / factor);
  };
  EditSession(*model_, *learned_, kGrid)
      .generate(plan, options,
                {[&](const Candidate& c, const Image& grid) { shown[c.stem] = grid; }, {}, preview});
  ASSERT_EQ(steps.size(), 4U);
  for (const auto& [stem, picture] : plain) {
    EXPECT_EQ(steps.at(stem), (std::vector<std::int64_t>{1, 2, 3})) << stem;
    EXPECT_EQ(picture.pixels, shown.at(stem).pixels) << stem;
  }
}

TEST_F(Sweep, LearningFollowsItsSeed) {
  LearnOptions options;
  options.samples = 4;
  options.batch = 2;
  const auto losses = [&](std::uint64_t seed) {
    options.seed = seed;
    return learn_picture(*model_, encode_picture(*model_, kGrid, seed), "a square", options).losses;
  };
  EXPECT_EQ(losses(1), losses(1));
  EXPECT_NE(losses(1), losses(2));
}

}  // namespace
}  // namespace forgedit
