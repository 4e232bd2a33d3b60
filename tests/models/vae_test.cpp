#include "forgedit/models/vae.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/torch.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

TEST(VaeConfigTest, RoundTripsAndNamesWhatItRefuses) {
  using nlohmann::json;
  const auto parse = [](const json& object) {
    return VaeConfig::from_json(ConfigReader("vae/config.json", object));
  };
  const auto published = parse(json::object());
  EXPECT_EQ(published.block_out_channels, (std::vector<std::int64_t>{128, 256, 512, 512}));
  EXPECT_EQ(parse(published.to_json()).to_json(), published.to_json());
  const std::pair<const char*, json> rows[] = {{"in_channels", 4},
                                               {"latent_channels", 65},
                                               {"block_out_channels", {32, 32768}},
                                               {"block_out_channels", std::vector<int>(7, 32)},
                                               {"norm_num_groups", 33},
                                               {"layers_per_block", 17},
                                               {"scaling_factor", 0},
                                               {"down_block_types", {"DownEncoderBlock2D"}},
                                               {"up_block_types", {"A", "B", "C", "D"}},
                                               {"use_quant_conv", false},
                                               {"mid_block_add_attention", false},
                                               {"shift_factor", 0.1159},
                                               {"latents_mean", {0.0, 0.0, 0.0, 0.0}},
                                               {"latents_std", {1.0, 1.0, 1.0, 1.0}},
                                               {"act_fn", "gelu"},
                                               {"_class_name", "AutoencoderTiny"}};
  for (const auto& [key, value] : rows) {
    const auto message = testing::message_of([&, k = key, v = value] { parse({{k, v}}); });
    EXPECT_TRUE(testing::contains(message, std::string("vae/config.json: ") + key)) << message;
  }
}

}  // namespace
}  // namespace forgedit
