#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// A field of a form.
struct FormPart {
  std::string name;
  /// The client's name of the file; nothing if the field is not a file.
  std::optional<std::string> file_name;
  std::string_view content;  ///< a view into the body
};

/// Reads a body of the type multipart/form-data (RFC 7578). `content_type` is the whole header. A body may
/// have at most 16 parts with 4 KiB of headers each. Throws HttpError 415 for another type, and 400 if the
/// body is malformed or does not end with its last delimiter.
std::vector<FormPart> read_multipart(std::string_view content_type, std::string_view body);

}  // namespace forgedit
