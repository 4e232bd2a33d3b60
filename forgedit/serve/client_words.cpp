#include "forgedit/serve/client_words.h"

#include <algorithm>
#include <cctype>

#include "forgedit/core/one_line.h"

namespace forgedit {
namespace {

bool is_of_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

/// Of all whole paths that begin with `place`, that part becomes `instead`.
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
  for (const auto& place : places_) replace(message, place.string(), place.filename().string());
  return one_line(message, kMostMessage);
}

}  // namespace forgedit
