#pragma once

#include <string>
#include <string_view>

namespace forgedit {

/// What a form of OpenAI's images/edits asks for.
struct OpenAiEdit {
  std::string_view picture;  ///< the file: a view into the body
  std::string_view mask;     ///< the same; empty: the whole picture may change
  std::string picture_name, model;
  int count = 1;            ///< of pictures
  bool as_address = false;  ///< not their bytes, but where they are
  std::string request;      ///< of the kind `edit`, without its picture: JSON
};

/// Reads such a form. Throws HttpError 400 that names the field for what is unknown, wrong or not done here
/// (several pictures, streams), 415 for another type.
OpenAiEdit read_openai_edit(std::string_view content_type, std::string_view body);

/// The field of such a form that a key of a request came from.
std::string openai_field(const std::string& key);

}  // namespace forgedit
