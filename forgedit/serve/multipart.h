#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// A field of a form.
struct FormPart {
  std::string name;
  std::optional<std::string> file_name;  ///< the client's; nothing for a field that is no file
  std::string_view content;              ///< a view into the body
};

/// Reads a body of the type multipart/form-data (RFC 7578), of which `content_type` is the whole header. At
/// most 16 parts with 4 KiB of headers each. Throws HttpError 415 for another type, 400 for what is malformed
/// or is not closed by its last delimiter.
std::vector<FormPart> read_multipart(std::string_view content_type, std::string_view body);

}  // namespace forgedit
