#include "forgedit/editing/forgetting.h"

#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/suggest.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {

using Keep = ForgettingStrategy::Keep;
constexpr const char* kEncoder = "down_blocks.";
constexpr const char* kDecoder = "up_blocks.";

constexpr ForgettingStrategy kVanilla[] = {
    {"donotforget", "orig", kEncoder, Keep::everything, nullptr, "keep all that was learned"},
    {"encoderkv", nullptr, kEncoder, Keep::cross_keys_values, nullptr,
     "forget the encoder but for its cross-attention keys and values"},
    {"noencoder", nullptr, kEncoder, Keep::nothing, nullptr, "forget the whole encoder"},
    {"encoderattn", nullptr, kEncoder, Keep::attention, nullptr, "forget the encoder but for its attention"},
    {"encoderattn+encoder1", nullptr, kEncoder, Keep::attention, "down_blocks.1.",
     "forget the encoder but for its attention and all of block 1"},
    {"decoderkv", nullptr, kDecoder, Keep::cross_keys_values, nullptr,
     "forget the decoder but for its cross-attention keys and values"},
    {"decoderattn", nullptr, kDecoder, Keep::attention, nullptr, "forget the decoder but for its attention"},
    {"decoderattn+decoder2", nullptr, kDecoder, Keep::attention, "up_blocks.2.",
     "forget the decoder but for its attention and all of block 2"},
};

// The published DreamBooth script's `encoderkv` lacks the `not` of the vanilla one and so does the opposite.
constexpr ForgettingStrategy kDreambooth[] = {
    {"donotforget", "orig", kEncoder, Keep::everything, nullptr, "keep all that was learned"},
    {"noencoder", nullptr, kEncoder, Keep::nothing, nullptr, "forget the whole encoder"},
    {"nodecoder", nullptr, kDecoder, Keep::nothing, nullptr, "forget the whole decoder"},
    {"encoderattn+encoder1", nullptr, kEncoder, Keep::attention, "down_blocks.1.",
     "forget the encoder but for its attention and all of block 1"},
    {"encoderkv", nullptr, kEncoder, Keep::all_but_cross_keys_values, nullptr,
     "forget only the encoder's cross-attention keys and values"},
    {"encoderattn", nullptr, kEncoder, Keep::attention, nullptr, "forget the encoder but for its attention"},
    {"decoderattn", nullptr, kDecoder, Keep::attention, nullptr, "forget the decoder but for its attention"},
};

bool contains(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

bool is_cross_key_or_value(const std::string& name) {
  return contains(name, "attn2.to_k.") || contains(name, "attn2.to_v.");
}

}  // namespace

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

bool forgets(const ForgettingStrategy& strategy, const std::string& name) {
  if (!starts_with(name, strategy.side)) return false;
  if (strategy.kept_block && starts_with(name, strategy.kept_block)) return false;
  switch (strategy.keep) {
    case Keep::everything:
      return false;
    case Keep::nothing:
      return true;
    // attn1 and attn2 only: modules called "attentions" hold more than attention (norms, feed-forward).
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
