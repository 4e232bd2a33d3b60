#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// A failure: an image contains no settings, or not those of an edit.
class SettingsError : public Error {
 public:
  SettingsError(std::string code, const std::string& message)
      : Error(ErrorKind::failure, message), code_(std::move(code)) {}
  /// "no_settings", "bad_settings" or "no_edit".
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

/// The settings of an edit of ours, from the texts in its PNG file: what stands at the places that are read
/// is of the kind that is expected there, as far as it is there, and its seed is. Throws SettingsError.
nlohmann::json edit_settings(const PngText& texts);

/// What a picture's settings are compared with of a saved edit: "source", "method", "losses", "learning",
/// "width", "height", "model" and "content" (of what the model saw). Throws a failure where its record or
/// picture cannot be read.
nlohmann::json learned_info(const std::filesystem::path& folder);

/// Whether the edit with these settings was generated from the saved edit that `info` (learned_info)
/// describes.
bool is_learned_by(const nlohmann::json& info, const nlohmann::json& settings);

/// The request (docs/requests.md) that generates the edit from its saved edit, which is still to be named: a
/// "draw".
nlohmann::json request_to_draw_again(const nlohmann::json& settings);

/// The same from the picture, which is still to be named, and learned again: an "edit", of which the first
/// seed is that of learning and the last one the edit's.
nlohmann::json request_to_learn_again(const nlohmann::json& settings);

}  // namespace forgedit
