#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/request_reader.h"
#include "forgedit/jobs/requests.h"

namespace forgedit {

/// The version of the JSON form of requests: its optional key "version".
inline constexpr int kRequestVersion = 1;

/// How to resolve references in a request: a path for a list, an id for a server. Each returns the file or
/// folder, or throws Error; a null function means that such requests are not accepted.
struct RequestRules {
  std::function<std::filesystem::path(const std::string& reference)> picture;
  std::function<std::filesystem::path(const std::string& reference)> learned;
  /// Receives the key "model"; null if requests may not name a model.
  std::function<void(const std::string& name)> model = nullptr;
  /// Whether requests may set output folders, with the keys "out", "save" and "overwrite".
  bool names_results = false;
};

/// Reads a request (docs/requests.md). Throws a usage Error, whose field is the key's path, for unknown keys,
/// wrong types and values out of range. Unless the rules allow output folders, the caller sets them.
JobRequest request_from_json(const nlohmann::json& request, const RequestRules& rules);

/// Reads the key "version". Throws a usage Error unless it is kRequestVersion.
void check_version(RequestReader& reader);

/// Reads the keys of an edit into `job`. Settings whose keys are missing keep their values. The caller then
/// calls `reader.finish()`.
void read_edit_keys(RequestReader& reader, const RequestRules& rules, EditJob& job);

/// Reads the keys of an edit that do not depend on one picture into `job`: those of fine-tuning, sweep and
/// output. Throws a usage Error for any other key.
void read_preset_keys(RequestReader& reader, EditJob& job);

/// The target and settings of a story line.
struct StoryTarget {
  std::string target;
  SweepRequest sweep;
};

/// Reads the object of a story line. Throws a usage Error for any other key.
StoryTarget read_story_target(RequestReader& reader);

}  // namespace forgedit
