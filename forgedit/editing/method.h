#pragma once

#include <span>
#include <string>

namespace forgedit {

/// The fine-tuning method.
enum class LearnMethod {
  vanilla,     ///< Forgedit: trains the source embedding and UNet blocks together
  dreambooth,  ///< DreamBoothForgedit: trains the whole UNet and the text encoder together
  imagic       ///< Imagic (arXiv 2210.09276): trains the target embedding alone, then the whole UNet
};

struct LearnMethodName {
  LearnMethod method;
  const char* name;
  const char* summary;
};

/// Returns all methods.
std::span<const LearnMethodName> learn_methods();

/// Finds a method by its name. Throws a usage Error that lists the known names.
LearnMethod parse_learn_method(const std::string& name);
std::string learn_method_name(LearnMethod method);

}  // namespace forgedit
