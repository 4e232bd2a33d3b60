#include "forgedit/editing/method.h"

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr LearnMethodName kMethods[] = {
    {LearnMethod::vanilla, "vanilla", "Forgedit: trains the caption's embedding and UNet blocks together"},
    {LearnMethod::dreambooth, "dreambooth",
     "DreamBoothForgedit: trains the whole UNet and the text encoder together"},
    {LearnMethod::imagic, "imagic", "Imagic: trains the prompt's embedding alone, then the whole UNet"},
};

}  // namespace

std::span<const LearnMethodName> learn_methods() {
  return kMethods;
}

LearnMethod parse_learn_method(const std::string& name) {
  std::string known;
  for (const auto& row : kMethods) {
    if (name == row.name) return row.method;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw usage_error("method", "unknown method '" + name + "': expected one of " + known);
}

std::string learn_method_name(LearnMethod method) {
  for (const auto& row : kMethods) {
    if (method == row.method) return row.name;
  }
  return {};
}

}  // namespace forgedit
