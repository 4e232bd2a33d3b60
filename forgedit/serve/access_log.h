#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "forgedit/serve/http.h"

namespace forgedit {

/// Writes one line per response of a connection: "GET /api/v1/jobs/ID 200 3 ms ann". It logs only the route's
/// pattern and ids, because names of images and queries contain prompts.
class AccessLog {
 public:
  /// `write` may be null. It must outlive this object.
  explicit AccessLog(const std::function<void(const std::string&)>& write) : write_(write) {}
  /// Call when a request has arrived.
  void begin() { began_ = std::chrono::steady_clock::now(); }
  /// Call when it is answered. `route` is null if the request was refused before a route was found.
  void add(const HttpRoute* route, const HttpRequest& request, int status) const;

 private:
  const std::function<void(const std::string&)>& write_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace forgedit
