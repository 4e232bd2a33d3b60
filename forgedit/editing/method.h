#pragma once

#include <span>
#include <string>

namespace forgedit {

/// How a picture is learned.
enum class LearnMethod {
  vanilla,     ///< Forgedit: the source embedding together with UNet blocks
  dreambooth,  ///< DreamBoothForgedit: the whole UNet together with the text encoder
  imagic       ///< Imagic (arXiv 2210.09276): the target embedding alone, then the whole UNet
};

struct LearnMethodName {
  LearnMethod method;
  const char* name;
  const char* summary;
};

/// All methods.
std::span<const LearnMethodName> learn_methods();

/// By name. Throws a usage Error that lists the known names.
LearnMethod parse_learn_method(const std::string& name);
std::string learn_method_name(LearnMethod method);

}  // namespace forgedit
