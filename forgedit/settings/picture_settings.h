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

/// Reads the settings of an edit from the texts of its PNG file. Each value that is read later has the
/// expected type or is missing; the seed is never missing. Throws SettingsError.
nlohmann::json edit_settings(const PngText& texts);

/// The facts of a saved edit that an image's settings are compared with: "source", "method", "losses",
/// "learning", "width", "height", "model" and "content" (the hash of what the model saw). Throws a failure if
/// its record or picture cannot be read.
nlohmann::json learned_info(const std::filesystem::path& folder);

/// Whether the edit with these settings was generated from the saved edit that `info` (learned_info)
/// describes.
bool is_learned_by(const nlohmann::json& info, const nlohmann::json& settings);

/// The request (docs/requests.md) of the kind "draw" that generates the edit again from its saved edit. The
/// caller adds the saved edit.
nlohmann::json request_to_draw_again(const nlohmann::json& settings);

/// The request of the kind "edit" that fine-tunes again and generates the edit. The caller adds the picture.
/// The first seed is that of fine-tuning, the last one that of the edit.
nlohmann::json request_to_learn_again(const nlohmann::json& settings);

}  // namespace forgedit
