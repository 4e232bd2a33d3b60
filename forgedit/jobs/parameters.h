#pragma once

#include <string>
#include <utility>
#include <vector>

namespace forgedit {

/// Returns the text of a PNG's chunk `parameters`, in the format of AUTOMATIC1111's web UI: the prompt, the
/// negative prompt if there is one, then one line of "Key: value" pairs (its reader needs at least three). A
/// value that contains a comma, colon, quote, backslash or line break, or blanks at its ends, is written as a
/// JSON string.
///
/// Readers end the prompt at lines that begin with "Negative prompt:" or "Steps:". Such lines of a prompt get
/// a small first letter here, which text encoders of Stable Diffusion 1.x read alike. These readers drop
/// blanks at the ends of lines; the chunk `forgedit` has every text unchanged.
std::string parameters_text(const std::string& prompt, const std::string& negative,
                            const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace forgedit
