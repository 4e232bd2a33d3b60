#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "forgedit/io/pictures/region.h"
#include "forgedit/pipelines/model/lora_file.h"

namespace forgedit {

// Parsers of settings as typed in options and requests. Each throws a usage Error for `field` that quotes the
// text, shortened.

/// "0.8", "0.8,1.0,1.2" or "FIRST:LAST:STEP" with both ends included (the step is 1 by default); items may be
/// mixed. At most 1,000 finite numbers.
std::vector<double> parse_numbers(const std::string& field, const std::string& text);

/// The same for seeds, which are whole numbers from 0.
std::vector<std::uint64_t> parse_seeds(const std::string& field, const std::string& text);

/// "a,b,c" without blanks around the words.
std::vector<std::string> parse_words(const std::string& field, const std::string& text);

/// "512x384", or "512" for a square: width and height, 8 to 4096 each.
std::pair<int, int> parse_size(const std::string& field, const std::string& text);

/// "X,Y,WIDTH,HEIGHT" in pixels: X and Y from 0, sides of at least kMinRegionSide.
Region parse_region(const std::string& field, const std::string& text);

/// "style.safetensors" or "style.safetensors:0.8": a LoRA, and its strength from -100 to 100. A text that is
/// the path of an existing file is not split at a colon.
LoraFile parse_lora(const std::string& field, const std::string& text);

/// "8", "8GB", "8 GiB", "6000MB": an amount of memory in GiB, from 0.01 to 100,000. GB means GiB.
double parse_gib(const std::string& field, const std::string& text);

/// "#rrggbb", "rrggbb", "#rgb", or white, black, grey.
std::array<std::uint8_t, 3> parse_colour(const std::string& field, const std::string& text);

/// Returns a validator: it returns what is wrong if a value is not a number within [low, high], else an empty
/// text. `unit` is the unit in that message: "GiB".
std::function<std::string(const std::string&)> within(double low, double high, const std::string& unit = {});

/// Returns a validator: it returns what is wrong if a value is neither of these names, else an empty text.
std::function<std::string(const std::string&)> either(const std::string& one, const std::string& other);

/// Whether `text` is UTF-8 without control characters except tabs and line breaks, as prompts, labels and PNG
/// text require.
bool is_text(const std::string& text);

/// Throws a usage Error if a prompt is blank or not valid text (is_text).
void require_text(const std::string& field, const std::string& text);

}  // namespace forgedit
