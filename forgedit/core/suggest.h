#pragma once

#include <string>
#include <vector>

namespace forgedit {

/// Fewest insertions, deletions, replacements and exchanges of neighbouring bytes that turn one word into the
/// other.
std::size_t edit_distance(const std::string& left, const std::string& right);

/// "; did you mean 'X'?" with the known word that is nearest; where none is near, with the longest one of at
/// least four bytes with which `word` begins; else nothing.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

}  // namespace forgedit
