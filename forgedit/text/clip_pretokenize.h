#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

inline constexpr std::string_view kClipStartToken = "<|startoftext|>";
inline constexpr std::string_view kClipEndToken = "<|endoftext|>";
/// The suffix of the last piece of a word.
inline constexpr std::string_view kClipWordEnd = "</w>";

/// Normalises a text as CLIP does: NFC, each run of white space becomes one space, lower case.
std::u32string clip_normalize(std::u32string_view text);

/// Whether `c` has Unicode's White_Space property, which the reference matches with `\s`.
bool clip_is_space(char32_t c);
/// Whether `c` is a letter, mark, digit or connector, which the reference matches with `\w`.
bool clip_is_word(char32_t c);

/// Splits a normalised text into CLIP's words, in UTF-8: contractions ('s, 't, 're, 've, 'm, 'll, 'd), runs
/// of letters, single digits, and runs of other characters. White space only separates words.
std::vector<std::string> clip_split(std::u32string_view normalized);

/// The printable character (in UTF-8) that represents each byte in vocabulary and merges.
const std::array<std::string, 256>& clip_byte_symbols();

/// All bytes in the order of their symbols' ids in CLIP: the printable ones first.
std::array<unsigned char, 256> clip_byte_order();

}  // namespace forgedit
