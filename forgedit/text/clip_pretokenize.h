#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

inline constexpr std::string_view kClipStartToken = "<|startoftext|>";
inline constexpr std::string_view kClipEndToken = "<|endoftext|>";
/// Marks the last piece of a word.
inline constexpr std::string_view kClipWordEnd = "</w>";

/// CLIP's normal form of a text: NFC, every run of white space as one space, lower case.
std::u32string clip_normalize(std::u32string_view text);

/// Unicode's White_Space property, which is what `\s` means to the reference.
bool clip_is_space(char32_t c);
/// A letter, mark, digit or connector: what `\w` means to the reference.
bool clip_is_word(char32_t c);

/// Splits a normalised text into CLIP's words, in UTF-8: contractions ('s, 't, 're, 've, 'm, 'll, 'd), runs
/// of letters, single digits, runs of anything else; white space only separates.
std::vector<std::string> clip_split(std::u32string_view normalized);

/// The printable character (in UTF-8) that stands for each byte in vocabulary and merges.
const std::array<std::string, 256>& clip_byte_symbols();

/// Bytes in the order in which CLIP numbers their symbols: the printable ones first.
std::array<unsigned char, 256> clip_byte_order();

}  // namespace forgedit
