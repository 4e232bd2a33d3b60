#pragma once

#include <string>

namespace forgedit {

/// How an edit goes from the learned embedding towards the target's; the formulas are in interpolation.h.
enum class Interpolation { vector_subtraction, vector_projection };

/// "vs" or "vp". Throws a usage Error that lists the known names.
Interpolation parse_interpolation(const std::string& name);
std::string interpolation_name(Interpolation interpolation);

}  // namespace forgedit
