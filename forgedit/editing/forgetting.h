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
    nothing,                   ///< all parameters of the side are forgotten
    attention,                 ///< all of the side is forgotten except attn1 and attn2
    cross_keys_values,         ///< all of the side is forgotten except attn2.to_k and attn2.to_v
    all_but_cross_keys_values  ///< only attn2.to_k and attn2.to_v of the side are forgotten
  };
  const char* name;
  const char* alias;  ///< another accepted name, or null
  const char* side;   ///< "down_blocks." (encoder) or "up_blocks." (decoder)
  Keep keep;
  enum class KeptBlock {
    none,
    encoder1,  ///< down_blocks.1
    decoder2,  ///< the block UNetBlocks::decoder2
  };
  KeptBlock kept_block;  ///< a block of which nothing is forgotten
  const char* summary;
};

/// The names of blocks that differ between UNets and that strategies need.
struct UNetBlocks {
  /// The prefix of the block that KeptBlock::decoder2 keeps. The published method uses up_blocks.2, which has
  /// 640 channels like down_blocks.1. If the last up block has no attention (SDXL), it is the last one that
  /// has attention.
  std::string decoder2 = "up_blocks.2.";

  /// Finds the blocks by the names of all parameters of the UNet.
  static UNetBlocks of(const std::vector<std::string>& parameters);
  template <typename Tensor>
  static UNetBlocks of(const std::map<std::string, Tensor>& parameters) {
    std::vector<std::string> names;
    for (const auto& item : parameters) names.push_back(item.first);
    return of(names);
  }
};

/// Returns the strategies of a method, in the order of the published code. The two published scripts define
/// `encoderkv` differently. Imagic has no published strategies and uses the vanilla ones.
std::span<const ForgettingStrategy> forgetting_strategies(LearnMethod method);

/// Finds a strategy by its name or alias. Throws a usage Error that lists the known names.
const ForgettingStrategy& find_forgetting_strategy(const std::string& name,
                                                   LearnMethod method = LearnMethod::vanilla);

/// Whether the strategy returns the UNet parameter `name` to its original weights.
bool forgets(const ForgettingStrategy& strategy, const std::string& name, const UNetBlocks& blocks);

}  // namespace forgedit
