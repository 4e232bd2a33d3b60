#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace forgedit {

/// Counters of the HTTP server. Only its own thread may use them, which also answers /metrics.
struct HttpCounts {
  std::map<int, std::uint64_t> answers;  ///< number of responses by status
  std::size_t connections = 0, streams = 0, body_bytes = 0;
};
using SharedHttpCounts = std::shared_ptr<HttpCounts>;

}  // namespace forgedit
