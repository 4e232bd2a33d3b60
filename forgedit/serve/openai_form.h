#pragma once

#include <string>
#include <string_view>

namespace forgedit {

/// The contents of a form for OpenAI's endpoint images/edits.
struct OpenAiEdit {
  std::string_view picture;  ///< contents of the picture's file; a view into the body
  std::string_view mask;     ///< the same for the mask; empty: the whole picture may change
  std::string picture_name, model;
  int count = 1;            ///< number of images to return
  bool as_address = false;  ///< return addresses of the images instead of their bytes
  std::string request;      ///< a request of the kind `edit` as JSON, without its picture
};

/// Reads such a form. Throws HttpError 400 with the field's name if a field is unknown, wrong or not
/// supported (several pictures, streams), and 415 for another content type.
OpenAiEdit read_openai_edit(std::string_view content_type, std::string_view body);

/// The name of the form's field from which the key `key` of a request was made.
std::string openai_field(const std::string& key);

}  // namespace forgedit
