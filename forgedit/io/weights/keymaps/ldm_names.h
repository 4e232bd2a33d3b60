#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// Pairs of names of the same module in two naming schemes.
using ModuleNames = std::vector<std::pair<std::string, std::string>>;

enum class Direction { first_to_second, second_to_first };

/// Replaces, at the beginning of each key, the longest module name in the table; other keys stay the same.
/// Throws Error if two keys would get the same name.
StateDict rename_modules(const StateDict& state, const ModuleNames& names, Direction direction);

/// The tensors whose names begin with `prefix`, without the prefix.
StateDict without_prefix(const StateDict& state, const std::string& prefix);
StateDict with_prefix(const StateDict& state, const std::string& prefix);

/// Counts the numbers N = 0, 1, 2 … without a gap for which a key begins with `before` N `after`; at most 64.
std::int64_t count_modules(const StateDict& state, const std::string& before, const std::string& after);

/// Whether a key begins with `prefix`.
bool has_module(const StateDict& state, const std::string& prefix);

}  // namespace forgedit
