#pragma once

#include <span>
#include <string>

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
  const char* kept_block;  ///< a block that stays learned as a whole, for example "down_blocks.1.", or null
  const char* summary;
};

/// The published strategies of a method, in the order of the paper's code. The two scripts disagree (see
/// `encoderkv`); Imagic, which published none, has the vanilla ones.
std::span<const ForgettingStrategy> forgetting_strategies(LearnMethod method);

/// By name or alias. Throws a usage Error that lists the known names.
const ForgettingStrategy& find_forgetting_strategy(const std::string& name,
                                                   LearnMethod method = LearnMethod::vanilla);

/// Whether the strategy returns the UNet parameter `name` to its original weights.
bool forgets(const ForgettingStrategy& strategy, const std::string& name);

}  // namespace forgedit
