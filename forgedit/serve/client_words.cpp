#include "forgedit/serve/client_words.h"

#include <algorithm>
#include <cctype>

#include "forgedit/core/one_line.h"
#include "forgedit/serve/ids.h"

namespace forgedit {
namespace {

bool is_of_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

/// Replaces `place` by `instead` in all paths that begin with it.
void replace(std::string& message, const std::string& place, const std::string& instead) {
  for (auto at = message.find(place); at != std::string::npos; at = message.find(place, at)) {
    const auto end = at + place.size();
    const bool is_whole =
        (at == 0 || !is_of_name(message[at - 1])) &&
        (place.back() == '/' || end == message.size() || !is_of_name(message[end]) || message[end] == '.');
    if (is_whole) message.replace(at, place.size(), instead);
    at += is_whole ? instead.size() : place.size();
  }
}

/// Replaces paths of uploaded pictures by a text that clients understand.
void name_uploads(std::string& message) {
  constexpr std::string_view kFolder = "pictures/", kFile = "/picture.";
  for (auto at = message.find(kFolder); at != std::string::npos; at = message.find(kFolder, at + 1)) {
    const auto file = at + kFolder.size() + kIdLength;
    if (!is_id(message.substr(at + kFolder.size(), kIdLength)) ||
        message.compare(file, kFile.size(), kFile) != 0)
      continue;
    auto end = file + kFile.size();
    while (end < message.size() && std::isalnum(static_cast<unsigned char>(message[end])) != 0) ++end;
    message.replace(at, end - at, "the picture");
  }
}

}  // namespace

ClientWords::ClientWords(const std::filesystem::path& data, const std::vector<std::filesystem::path>& places)
    : data_(data.string() + "/") {
  for (const auto& given : places) {
    auto place = given.lexically_normal();
    if (!place.has_filename()) place = place.parent_path();
    if (place.is_absolute() && place.has_filename()) places_.push_back(std::move(place));
  }
  std::sort(places_.begin(), places_.end(),
            [](const auto& a, const auto& b) { return a.string().size() > b.string().size(); });
}

std::string ClientWords::operator()(std::string message) const {
  message = message.substr(0, message.find('\n'));
  replace(message, data_, "");
  name_uploads(message);
  for (const auto& place : places_) replace(message, place.string(), place.filename().string());
  return one_line(message, kMostMessage);
}

}  // namespace forgedit
