#pragma once

#include <string>
#include <vector>

namespace forgedit {

/// The minimum number of insertions, deletions, replacements and exchanges of neighbouring bytes that turn
/// one word into the other.
std::size_t edit_distance(const std::string& left, const std::string& right);

/// "; did you mean 'X'?" with the nearest known word. If none is near, it is the longest one of at least four
/// bytes with which `word` begins; if there is none either, the text is empty.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

}  // namespace forgedit
