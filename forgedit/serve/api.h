#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/dispatcher.h"
#include "forgedit/serve/http.h"
#include "forgedit/serve/metrics.h"
#include "forgedit/serve/sessions.h"
#include "forgedit/serve/speeds.h"
#include "forgedit/serve/store.h"

namespace forgedit {

struct ApiOptions {
  std::filesystem::path data;  ///< pictures/ID, jobs/ID, learned/ID, exports/ID
  std::size_t most_upload = std::size_t{32} << 20, most_json = 256 << 10;
  std::int64_t most_queued = 64, most_queued_each = 16;  ///< of all, and of one owner where there are several
  std::chrono::seconds sync_time{600};                   ///< how long a client of /v1/images/edits may wait
  std::string base_path;               ///< what stands in front of all addresses, as clients see them
  bool behind_proxy = false;           ///< which says in X-Forwarded-Proto how a request came
  std::shared_ptr<Sessions> sessions;  ///< null: nobody needs a token
  SharedHttpCounts counts;             ///< of the HTTP server that has the routes, for /metrics; may be null
  std::uint64_t keep_free = 0;         ///< bytes of the disk; under that nothing new is taken
  /// What a request asks for. Throws a usage Error for one that cannot become a job.
  std::function<JobWork(const nlohmann::json& request)> check;
};

/// The server's API (docs/server.md) as rows of the routing table. `store` and `dispatcher` outlive them.
std::vector<HttpRoute> api_routes(const ApiOptions& options, Store& store, Dispatcher& dispatcher);

}  // namespace forgedit
