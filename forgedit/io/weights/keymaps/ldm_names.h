#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// The same modules under two naming schemes.
using ModuleNames = std::vector<std::pair<std::string, std::string>>;

enum class Direction { first_to_second, second_to_first };

/// Renames the longest module name that the table knows in front of each key; other keys stay.
/// Throws Error when two keys get one name.
StateDict rename_modules(const StateDict& state, const ModuleNames& names, Direction direction);

/// The tensors whose names start with `prefix`, without it.
StateDict without_prefix(const StateDict& state, const std::string& prefix);
StateDict with_prefix(const StateDict& state, const std::string& prefix);

/// How many of 0, 1, 2 … follow each other in keys `before` N `after`…, at most 64.
std::int64_t count_modules(const StateDict& state, const std::string& before, const std::string& after);

/// Whether a key starts with `prefix`.
bool has_module(const StateDict& state, const std::string& prefix);

}  // namespace forgedit
