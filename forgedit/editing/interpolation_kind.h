#pragma once

#include <string>

namespace forgedit {

/// How to interpolate from the learned embedding to the target's; the formulas are in interpolation.h.
enum class Interpolation { vector_subtraction, vector_projection };

/// Reads "vs" or "vp". Throws a usage Error that lists the known names.
Interpolation parse_interpolation(const std::string& name);
std::string interpolation_name(Interpolation interpolation);

}  // namespace forgedit
