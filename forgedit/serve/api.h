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
  std::filesystem::path data;  ///< the server's folder: pictures/ID, jobs/ID, learned/ID, exports/ID
  std::size_t most_upload = std::size_t{32} << 20, most_json = 256 << 10;
  /// The maximum of queued jobs per lane: of all owners, and of each owner if there are several.
  std::int64_t most_queued = 64, most_queued_each = 16;
  std::chrono::seconds sync_time{600};  ///< how long POST /v1/images/edits waits for the images
  std::string base_path;                ///< prefix of all paths, as clients see them
  bool behind_proxy = false;            ///< the proxy sends the client's protocol in X-Forwarded-Proto
  std::shared_ptr<Sessions> sessions;   ///< null: nobody needs a token
  SharedHttpCounts counts;              ///< counters of the HTTP server, for /metrics; may be null
  std::uint64_t keep_free = 0;          ///< bytes of free disk space below which nothing new is accepted
  /// Returns the work of a request. Throws a usage Error if the request cannot become a job.
  std::function<JobWork(const nlohmann::json& request)> check;
};

/// The server's API (docs/server.md) as rows of the routing table. `store` and `dispatcher` must outlive
/// them.
std::vector<HttpRoute> api_routes(const ApiOptions& options, Store& store, Dispatcher& dispatcher);

}  // namespace forgedit
