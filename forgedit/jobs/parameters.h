#pragma once

#include <string>
#include <utility>
#include <vector>

namespace forgedit {

/// The text that picture browsers read from a PNG's chunk `parameters`, as AUTOMATIC1111's web UI has it: the
/// prompt, where there is one a negative prompt, then one line of "Key: value" pairs (its reader wants at
/// least three). A value with anything that would end or hide it (comma, colon, quote, backslash, line break,
/// blanks at its ends) is a JSON string.
///
/// Readers cut a prompt at lines that begin with "Negative prompt:" or "Steps:". Such lines begin with a
/// small letter here: text encoders of Stable Diffusion 1.x read both alike. Blanks at the ends of lines are
/// lost to these readers; the chunk `forgedit` has every text as it is.
std::string parameters_text(const std::string& prompt, const std::string& negative,
                            const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace forgedit
