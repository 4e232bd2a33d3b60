#include "forgedit/serve/multipart.h"

#include <algorithm>

#include "forgedit/core/text.h"
#include "forgedit/serve/http.h"

namespace forgedit {
namespace {

constexpr std::size_t kMostParts = 16, kMostHeaderBytes = 4096, kMostBoundary = 70;
constexpr std::string_view kLineEnd = "\r\n";

[[noreturn]] void reject(const std::string& what) {
  throw HttpError(400, "bad_form", "the form is malformed: " + what);
}

/// Removes one parameter, `; key=value` with or without quotes, from the front of `rest` and returns it.
std::pair<std::string, std::string> take_parameter(std::string_view& rest) {
  rest.remove_prefix(1);  // the semicolon
  const auto equals = rest.find('=');
  if (equals == std::string_view::npos) reject("a parameter of a header has no value");
  const auto key = lower_case(trimmed(rest.substr(0, equals)));
  rest = trimmed(rest.substr(equals + 1));
  std::string value;
  if (!starts_with(rest, "\"")) {
    const auto end = std::min(rest.find(';'), rest.size());
    value = std::string(trimmed(rest.substr(0, end)));
    rest.remove_prefix(end);
    return {key, value};
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    // Browsers write a quote as %22, curl as \".
    if (rest[at] == '\\' && at + 1 < rest.size() && (rest[at + 1] == '"' || rest[at + 1] == '\\')) ++at;
    value += rest[at];
  }
  if (at >= rest.size()) reject("a quote is not closed");
  rest = trimmed(rest.substr(at + 1));
  if (!rest.empty() && rest.front() != ';') reject("expected a ; after a parameter");
  return {key, value};
}

std::string boundary_of(std::string_view content_type) {
  auto rest = content_type.substr(std::min(content_type.find(';'), content_type.size()));
  if (lower_case(trimmed(content_type.substr(0, content_type.size() - rest.size()))) !=
      "multipart/form-data") {
    throw HttpError(415, "not_a_form", "expected a body of the type multipart/form-data");
  }
  std::string boundary;
  while (!rest.empty()) {
    auto [key, value] = take_parameter(rest);
    if (key == "boundary" && boundary.empty()) boundary = std::move(value);
  }
  if (boundary.empty() || boundary.size() > kMostBoundary)
    reject("expected a boundary of 1 to " + std::to_string(kMostBoundary) + " characters");
  return boundary;
}

/// Reads the header Content-Disposition of a part.
void read_disposition(std::string_view value, FormPart& part) {
  auto rest = value.substr(std::min(value.find(';'), value.size()));
  if (lower_case(trimmed(value.substr(0, value.size() - rest.size()))) != "form-data")
    reject("expected parts of the disposition form-data");
  while (!rest.empty()) {
    auto [key, text] = take_parameter(rest);
    if (key == "name") part.name = std::move(text);
    if (key == "filename") part.file_name = std::move(text);
  }
}

FormPart part_of(std::string_view headers) {
  FormPart part;
  while (!headers.empty()) {
    const auto end = std::min(headers.find(kLineEnd), headers.size());
    const auto line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + kLineEnd.size(), headers.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) reject("a line of a part's headers has no colon");
    if (lower_case(line.substr(0, colon)) == "content-disposition")
      read_disposition(trimmed(line.substr(colon + 1)), part);
  }
  if (part.name.empty()) reject("a part has no name");
  return part;
}

}  // namespace

std::vector<FormPart> read_multipart(std::string_view content_type, std::string_view body) {
  const auto delimiter = "--" + boundary_of(content_type);
  const auto inner = std::string(kLineEnd) + delimiter;
  if (!starts_with(body, delimiter)) reject("expected it to begin with its boundary");
  body.remove_prefix(delimiter.size());
  std::vector<FormPart> parts;
  for (;;) {
    if (starts_with(body, "--")) return parts;
    body.remove_prefix(std::min(body.find_first_not_of(" \t"), body.size()));
    if (!starts_with(body, kLineEnd)) reject("a boundary is not alone in its line");
    if (parts.size() == kMostParts) reject("it has more than " + std::to_string(kMostParts) + " parts");
    body.remove_prefix(kLineEnd.size());
    const auto blank = body.substr(0, kMostHeaderBytes).find("\r\n\r\n");
    if (blank == std::string_view::npos) reject("the headers of a part are too long, or have no end");
    auto part = part_of(body.substr(0, blank));
    body.remove_prefix(blank + 2 * kLineEnd.size());
    const auto end = body.find(inner);
    if (end == std::string_view::npos) reject("its end is missing");
    part.content = body.substr(0, end);
    body.remove_prefix(end + inner.size());
    parts.push_back(std::move(part));
  }
}

}  // namespace forgedit
