#include "forgedit/editing/forgetting.h"

#include <algorithm>
#include <cstdio>

#include "forgedit/core/error.h"
#include "forgedit/core/suggest.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {

using Keep = ForgettingStrategy::Keep;
using KeptBlock = ForgettingStrategy::KeptBlock;
constexpr const char* kEncoder = "down_blocks.";
constexpr const char* kDecoder = "up_blocks.";

constexpr ForgettingStrategy kVanilla[] = {
    {"donotforget", "orig", kEncoder, Keep::everything, KeptBlock::none, "forget nothing"},
    {"encoderkv", nullptr, kEncoder, Keep::cross_keys_values, KeptBlock::none,
     "forget the encoder, except for its cross-attention keys and values"},
    {"noencoder", nullptr, kEncoder, Keep::nothing, KeptBlock::none, "forget the whole encoder"},
    {"encoderattn", nullptr, kEncoder, Keep::attention, KeptBlock::none,
     "forget the encoder, except for its attention"},
    {"encoderattn+encoder1", nullptr, kEncoder, Keep::attention, KeptBlock::encoder1,
     "forget the encoder, except for its attention and all of block 1"},
    {"decoderkv", nullptr, kDecoder, Keep::cross_keys_values, KeptBlock::none,
     "forget the decoder, except for its cross-attention keys and values"},
    {"decoderattn", nullptr, kDecoder, Keep::attention, KeptBlock::none,
     "forget the decoder, except for its attention"},
    {"decoderattn+decoder2", nullptr, kDecoder, Keep::attention, KeptBlock::decoder2,
     "forget the decoder, except for its attention and all of block 2"},
};

// In the published DreamBooth script, `encoderkv` lacks the `not` of the vanilla script, so it forgets what
// vanilla keeps.
constexpr ForgettingStrategy kDreambooth[] = {
    {"donotforget", "orig", kEncoder, Keep::everything, KeptBlock::none, "forget nothing"},
    {"noencoder", nullptr, kEncoder, Keep::nothing, KeptBlock::none, "forget the whole encoder"},
    {"nodecoder", nullptr, kDecoder, Keep::nothing, KeptBlock::none, "forget the whole decoder"},
    {"encoderattn+encoder1", nullptr, kEncoder, Keep::attention, KeptBlock::encoder1,
     "forget the encoder, except for its attention and all of block 1"},
    {"encoderkv", nullptr, kEncoder, Keep::all_but_cross_keys_values, KeptBlock::none,
     "forget only the encoder's cross-attention keys and values"},
    {"encoderattn", nullptr, kEncoder, Keep::attention, KeptBlock::none,
     "forget the encoder, except for its attention"},
    {"decoderattn", nullptr, kDecoder, Keep::attention, KeptBlock::none,
     "forget the decoder, except for its attention"},
};

bool contains(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

bool is_cross_key_or_value(const std::string& name) {
  return contains(name, "attn2.to_k.") || contains(name, "attn2.to_v.");
}

bool is_kept_whole(KeptBlock block, const std::string& name, const UNetBlocks& blocks) {
  switch (block) {
    case KeptBlock::none:
      return false;
    case KeptBlock::encoder1:
      return starts_with(name, "down_blocks.1.");
    case KeptBlock::decoder2:
      return starts_with(name, blocks.decoder2);
  }
  return false;
}

}  // namespace

UNetBlocks UNetBlocks::of(const std::vector<std::string>& parameters) {
  int last = -1, last_with_attention = -1;
  for (const auto& name : parameters) {
    int block = 0;
    if (std::sscanf(name.c_str(), "up_blocks.%d.", &block) != 1) continue;
    last = std::max(last, block);
    if (contains(name, ".attentions.")) last_with_attention = std::max(last_with_attention, block);
  }
  UNetBlocks result;
  if (last_with_attention >= 0 && last_with_attention < last) {
    result.decoder2 = kDecoder + std::to_string(last_with_attention) + ".";
  }
  return result;
}

std::span<const ForgettingStrategy> forgetting_strategies(LearnMethod method) {
  if (method == LearnMethod::dreambooth) return kDreambooth;
  return kVanilla;
}

const ForgettingStrategy& find_forgetting_strategy(const std::string& name, LearnMethod method) {
  std::string known;
  std::vector<std::string> names;
  for (const auto& strategy : forgetting_strategies(method)) {
    if (name == strategy.name || (strategy.alias && name == strategy.alias)) return strategy;
    known += (known.empty() ? "" : ", ") + std::string(strategy.name);
    names.emplace_back(strategy.name);
  }
  throw usage_error("forget", "unknown forgetting strategy '" + name + "' of method " +
                                  learn_method_name(method) + ": expected one of " + known +
                                  did_you_mean(name, names));
}

bool forgets(const ForgettingStrategy& strategy, const std::string& name, const UNetBlocks& blocks) {
  if (!starts_with(name, strategy.side)) return false;
  if (is_kept_whole(strategy.kept_block, name, blocks)) return false;
  switch (strategy.keep) {
    case Keep::everything:
      return false;
    case Keep::nothing:
      return true;
    // This matches attn1 and attn2 only: modules named "attentions" also contain norms and feed-forward
    // layers.
    case Keep::attention:
      return !contains(name, "attn");
    case Keep::cross_keys_values:
      return !is_cross_key_or_value(name);
    case Keep::all_but_cross_keys_values:
      return is_cross_key_or_value(name);
  }
  return false;
}

}  // namespace forgedit
