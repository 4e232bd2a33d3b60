#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "forgedit/serve/http.h"

namespace forgedit {

/// Writes a line for each answer of a connection: "GET /api/v1/jobs/ID 200 3 ms ann". Of an address it has
/// what the routing table has, and ids: names of pictures are made of prompts, and queries have texts.
class AccessLog {
 public:
  /// `write` may be null, and outlives this.
  explicit AccessLog(const std::function<void(const std::string&)>& write) : write_(write) {}
  /// A request has come.
  void begin() { began_ = std::chrono::steady_clock::now(); }
  /// It is answered. `route` is null for what was refused before one was found.
  void add(const HttpRoute* route, const HttpRequest& request, int status) const;

 private:
  const std::function<void(const std::string&)>& write_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace forgedit
