#include "forgedit/editing/interpolation_kind.h"

#include "forgedit/core/error.h"

namespace forgedit {

Interpolation parse_interpolation(const std::string& name) {
  if (name == "vs") return Interpolation::vector_subtraction;
  if (name == "vp") return Interpolation::vector_projection;
  throw usage_error("interpolation", "unknown interpolation '" + name + "': expected vs or vp");
}

std::string interpolation_name(Interpolation interpolation) {
  return interpolation == Interpolation::vector_subtraction ? "vs" : "vp";
}

}  // namespace forgedit
