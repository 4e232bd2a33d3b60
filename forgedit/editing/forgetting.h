#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "forgedit/editing/method.h"

namespace forgedit {

/// One strategy of "forgetting" (section 3.3 of the paper): which UNet parameters return to the original
/// weights.
struct ForgettingStrategy {
  enum class Keep {
    everything,                ///< nothing is forgotten
    nothing,                   ///< the whole side is forgotten
    attention,                 ///< forgotten but for attn1 and attn2
    cross_keys_values,         ///< forgotten but for attn2.to_k and attn2.to_v
    all_but_cross_keys_values  ///< only attn2.to_k and attn2.to_v are forgotten
  };
  const char* name;
  const char* alias;  ///< another accepted name, or null
  const char* side;   ///< "down_blocks." (encoder) or "up_blocks." (decoder)
  Keep keep;
  enum class KeptBlock {
    none,
    encoder1,  ///< down_blocks.1
    decoder2,  ///< see UNetBlocks
  };
  KeptBlock kept_block;  ///< stays learned as a whole
  const char* summary;
};

/// What strategies must know of the UNet whose parameters they choose from.
struct UNetBlocks {
  /// The block of strategies with "decoder2". The published one is up_blocks.2, whose 640 channels are those
  /// of down_blocks.1. Where the last up block has no attention (SDXL) it is the last that has.
  std::string decoder2 = "up_blocks.2.";

  /// `parameters`: all of the UNet's, or their names.
  static UNetBlocks of(const std::vector<std::string>& parameters);
  template <typename Tensor>
  static UNetBlocks of(const std::map<std::string, Tensor>& parameters) {
    std::vector<std::string> names;
    for (const auto& item : parameters) names.push_back(item.first);
    return of(names);
  }
};

/// The published strategies of a method, in the order of the paper's code. The two scripts disagree (see
/// `encoderkv`); Imagic, which published none, has the vanilla ones.
std::span<const ForgettingStrategy> forgetting_strategies(LearnMethod method);

/// By name or alias. Throws a usage Error that lists the known names.
const ForgettingStrategy& find_forgetting_strategy(const std::string& name,
                                                   LearnMethod method = LearnMethod::vanilla);

/// Whether the strategy returns the UNet parameter `name` to its original weights.
bool forgets(const ForgettingStrategy& strategy, const std::string& name, const UNetBlocks& blocks);

}  // namespace forgedit
