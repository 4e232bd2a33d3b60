#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

// Small JSON files that processes write for each other. Reading never fails: a key that is missing, or has
// another type, counts as absent.

/// The object in a file of at most 1 MiB; null if there is none or it is damaged.
nlohmann::json read_small_record(const std::filesystem::path& path);

/// The value of a key; empty or 0 if it is missing or has another type.
std::string text_in(const nlohmann::json& record, const char* key);
std::int64_t whole_in(const nlohmann::json& record, const char* key);

}  // namespace forgedit
