#include "forgedit/serve/access_log.h"

#include "forgedit/serve/ids.h"

namespace forgedit {
namespace {

/// The route's pattern in which the placeholders of ids are replaced by the ids.
std::string place_of(const HttpRoute& route, const HttpRequest& request) {
  std::string place;
  std::size_t number = 0;
  for (std::size_t i = 0; i < route.pattern.size(); ++i) {
    const auto end = route.pattern[i] == '{' ? route.pattern.find('}', i) : std::string::npos;
    if (end == std::string::npos) {
      place += route.pattern[i];
      continue;
    }
    const auto part = number < request.parts.size() ? request.parts[number++] : std::string();
    place += is_id(part) ? part : route.pattern.substr(i, end + 1 - i);
    i = end;
  }
  return place;
}

}  // namespace

void AccessLog::add(const HttpRoute* route, const HttpRequest& request, int status) const {
  if (!write_) return;
  const auto time =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_);
  const auto what = route ? request.method + " " + place_of(*route, request) : std::string("- -");
  write_(what + " " + std::to_string(status) + " " + std::to_string(time.count()) + " ms" +
         (request.owner.empty() ? "" : " " + request.owner));
}

}  // namespace forgedit
