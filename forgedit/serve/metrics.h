#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace forgedit {

/// What the HTTP server counts. For its own thread, which also answers /metrics.
struct HttpCounts {
  std::map<int, std::uint64_t> answers;  ///< by their status
  std::size_t connections = 0, streams = 0, body_bytes = 0;
};
using SharedHttpCounts = std::shared_ptr<HttpCounts>;

}  // namespace forgedit
