#include "forgedit/metrics/edit_scorer.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/core/text.h"
#include "forgedit/io/pictures/resample.h"
#include "forgedit/io/weights/safetensors.h"
#include "tests/io/weights/make_torch_file.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_clip.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;
using testing::random_state;

Image picture(int width, int height, int step) {
  Image image(width, height);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(i * static_cast<std::size_t>(step) % 251);
  }
  return image;
}

StateDict only(const StateDict& state, const std::string& prefix) {
  StateDict result;
  for (const auto& [name, tensor] : state) {
    if (starts_with(name, prefix)) result.emplace(name, tensor);
  }
  return result;
}

class EditScorerTest : public testing::TemporaryFolder {
 protected:
  /// A CLIP folder with random weights and the position_ids that published files carry.
  fs::path write_clip() {
    const auto clip = folder_ / "clip";
    testing::write_tiny_clip(clip);
    return clip;
  }
};

TEST_F(EditScorerTest, LeavesOutWhatHasNoWeights) {
  EditScorer scorer({}, torch::kCPU);
  EXPECT_EQ(scorer.skipped().count("clip_score"), 1U);
  EXPECT_EQ(scorer.skipped().at("lpips_vgg"), "no weights given");
  const auto original = picture(40, 40, 3);
  const auto scores = scorer.score(scorer.prepare(original, "a cat"), picture(40, 40, 5));
  std::vector<std::string> names;
  for (const auto& item : scores) names.push_back(item.first);
  EXPECT_EQ(names, (std::vector<std::string>{"psnr", "ssim"}));
}

TEST_F(EditScorerTest, ClipScoresPicturesOfAnySize) {
  const auto folder = write_clip();
  EditScorer scorer({folder, {}}, torch::kCPU);
  const auto original = picture(60, 40, 3), edited = picture(48, 64, 7);
  const auto reference = scorer.prepare(original, "a jumping dog", "a dog");
  const auto scores = scorer.score(reference, edited);
  ClipScorer clip(folder, torch::kCPU);
  const auto before = clip.embed(original), after = clip.embed(edited);
  const auto source = clip.embed("a dog"), target = clip.embed("a jumping dog");
  EXPECT_NEAR(scores.at("clip"), (after * target).sum().item<double>(), 1e-6);
  EXPECT_NEAR(scores.at("clip_score"), 2.5 * std::max((after * target).sum().item<double>(), 0.0), 1e-6);
  EXPECT_NEAR(scores.at("clip_image"), (after * before).sum().item<double>(), 1e-6);
  const auto moved = after - before, wanted = target - source;
  EXPECT_NEAR(scores.at("clip_direction"),
              (moved * wanted).sum().item<double>() / (moved.norm() * wanted.norm()).item<double>(), 1e-5);
  // The original itself did not move: it has no direction.
  EXPECT_EQ(scorer.score(reference, original).count("clip_direction"), 0U);
  EXPECT_EQ(scorer.score(scorer.prepare(original, "a dog"), edited).count("clip_direction"), 0U);
}

TEST_F(EditScorerTest, SeveralTogetherScoreAsEachAlone) {
  write_safetensors(folder_ / "alex.safetensors", random_state(*Lpips(LpipsTrunk::alex), 4));
  EditScorer scorer({write_clip(), {folder_ / "alex.safetensors"}}, torch::kCPU);
  const auto reference = scorer.prepare(picture(60, 40, 3), "a jumping dog", "a dog");
  // Another size between two of the same, so that neither is scored in another's place.
  const std::vector<Image> edited{picture(48, 64, 7), picture(48, 64, 9), picture(60, 40, 5),
                                  picture(48, 64, 11)};
  const auto together = scorer.score(reference, edited);
  ASSERT_EQ(together.size(), edited.size());
  for (std::size_t i = 0; i < edited.size(); ++i) {
    const auto alone = scorer.score(reference, edited[i]);
    EXPECT_EQ(alone.size(), 7U);
    ASSERT_EQ(together[i].size(), alone.size());
    for (const auto& [key, value] : alone)
      EXPECT_NEAR(together[i].at(key), value, 1e-4) << key << " of " << i;
  }
  EXPECT_NE(together[0].at("lpips_alex"), together[1].at("lpips_alex"));
  EXPECT_TRUE(scorer.score(reference, std::span<const Image>()).empty());
}

TEST_F(EditScorerTest, DirectionIsTheCosineOfChanges) {
  const auto e = [](double x, double y) { return torch::tensor({x, y}, torch::kFloat); };
  EXPECT_NEAR(*clip_direction(e(1, 0), e(0, 1), e(1, 0), e(0, 1)), 1.0, 1e-6);
  EXPECT_NEAR(*clip_direction(e(1, 0), e(0, 1), e(0, 1), e(1, 0)), -1.0, 1e-6);
  EXPECT_NEAR(*clip_direction(e(1, 0), e(0, 1), e(-1, 0), e(0, 1)), 0.0, 1e-6);
  EXPECT_FALSE(clip_direction(e(1, 0), e(1, 0), e(1, 0), e(0, 1)));
  EXPECT_EQ(clip_score(-0.3), 0.0);
  EXPECT_DOUBLE_EQ(clip_score(0.3), 0.75);
}

TEST_F(EditScorerTest, TellsLpipsFilesByTheirTensors) {
  const auto state = random_state(*Lpips(LpipsTrunk::alex), 4);
  auto trunk = only(state, "features.");
  trunk["classifier.6.bias"] = torch::zeros({10});
  write_safetensors(folder_ / "first.safetensors", trunk);
  write_safetensors(folder_ / "second.safetensors", only(state, "lin"));
  auto found = load_lpips({folder_}, torch::kCPU);
  EXPECT_EQ(found.incomplete.at(LpipsTrunk::vgg), "no weights given");
  auto& network = found.networks.at(LpipsTrunk::alex);
  const auto left = picture(70, 50, 3), right = picture(40, 44, 7);
  // The original takes the edited picture's size.
  EXPECT_DOUBLE_EQ(lpips_distance(network, left, right),
                   lpips_distance(network, resize(left, 40, 44, Resample::lanczos), right));
  EXPECT_EQ(lpips_distance(network, left, left), 0.0);

  const auto pickle = testing::pickled_tensors(only(state, "lin"));
  write_file_atomically(folder_ / "alex.pth",
                        testing::torch_zip(testing::pickled::ordered_dict(pickle.items), pickle.storages));
  const auto published = load_lpips({folder_ / "first.safetensors", folder_ / "alex.pth"}, torch::kCPU);
  auto same = published.networks.at(LpipsTrunk::alex);
  EXPECT_EQ(lpips_distance(same, left, right), lpips_distance(network, left, right));

  const auto alone = load_lpips({folder_ / "first.safetensors"}, torch::kCPU);
  EXPECT_EQ(alone.incomplete.at(LpipsTrunk::alex), "only a trunk given, no heads");
}

TEST_F(EditScorerTest, ReadsAWholeSavedLpipsModule) {
  const auto state = random_state(*Lpips(LpipsTrunk::alex), 4);
  const int slices[] = {0, 3, 6, 8, 10};
  StateDict saved{{"scaling_layer.shift", torch::zeros({1, 3, 1, 1})}};
  for (int i = 0; i < 5; ++i) {
    const auto index = std::to_string(slices[i]), slice = std::to_string(i + 1), lin = std::to_string(i);
    for (const char* kind : {".weight", ".bias"}) {
      saved["net.slice" + slice + "." + index + kind] = state.at("features." + index + kind);
    }
    saved["lin" + lin + ".model.1.weight"] = saved["lins." + lin + ".model.1.weight"] =
        state.at("lin" + lin + ".model.1.weight");
  }
  write_safetensors(folder_ / "whole.safetensors", saved);
  EXPECT_EQ(load_lpips({folder_ / "whole.safetensors"}, torch::kCPU).networks.count(LpipsTrunk::alex), 1U);
}

TEST_F(EditScorerTest, NamesBadLpipsFiles) {
  const auto state = random_state(*Lpips(LpipsTrunk::alex), 4);
  const auto write = [&](const char* name, const StateDict& tensors) {
    write_safetensors(folder_ / name, tensors);
    return folder_ / name;
  };
  const auto trunk = write("trunk.safetensors", only(state, "features."));
  const auto twice = write("again.safetensors", only(state, "features."));
  const auto other = write("other.safetensors", {{"conv.weight", torch::zeros({2, 2})}});
  const auto odd = write("odd.safetensors", {{"features.0.weight", torch::zeros({64, 3, 7, 7})}});
  const auto load = [](const std::vector<fs::path>& places) {
    return message_of([&] { load_lpips(places, torch::kCPU); });
  };
  EXPECT_TRUE(contains(load({trunk, twice}), "again.safetensors: a second trunk"));
  EXPECT_TRUE(contains(load({other}), "other.safetensors: features.0.weight: missing"));
  EXPECT_TRUE(contains(load({odd}), "found 64x3x7x7"));
  fs::create_directory(folder_ / "none");
  EXPECT_TRUE(contains(load({folder_ / "none"}), "no safetensors files"));
  Lpips network(LpipsTrunk::alex);
  const auto small = message_of([&] { network(torch::zeros({1, 3, 30, 64}), torch::zeros({1, 3, 30, 64})); });
  EXPECT_TRUE(contains(small, "at least 31 pixels, got 64x30")) << small;
}

}  // namespace
}  // namespace forgedit
