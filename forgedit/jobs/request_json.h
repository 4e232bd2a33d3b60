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
  /// The key "model"; null where the model is no matter of the request.
  std::function<void(const std::string& name)> model = nullptr;
  /// Whether requests say where results go, by the keys "out", "save" and "overwrite".
  bool names_results = false;
};

/// Reads a request, strictly (docs/requests.md): unknown keys, wrong types and values outside of their limits
/// are usage Errors whose field is the key's path. Unless the rules say otherwise, output folders are not
/// part of a request: the caller sets them.
JobRequest request_from_json(const nlohmann::json& request, const RequestRules& rules);

/// Reads the key "version". Throws for another one than ours.
void check_version(RequestReader& reader);

/// Reads the keys of an edit into `job`; keys that the request does not have keep their values. The caller
/// then calls `reader.finish()`.
void read_edit_keys(RequestReader& reader, const RequestRules& rules, EditJob& job);

/// Reads the keys of an edit that are no matter of one picture over `job`, to the object's end: those of
/// learning, sweep and output.
void read_preset_keys(RequestReader& reader, EditJob& job);

/// What an object of a story says.
struct StoryTarget {
  std::string target;
  SweepRequest sweep;
};

/// Reads such an object as strictly, to its end.
StoryTarget read_story_target(RequestReader& reader);

}  // namespace forgedit
