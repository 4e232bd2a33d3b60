#pragma once

#include <string_view>
#include <vector>

#include "forgedit/serve/http.h"

namespace forgedit {

/// A file of the page. Both texts must outlive the routes.
struct PageFile {
  std::string_view name, bytes;
};

/// Routes for index.html at "/", openapi.json at "/api/v1/openapi.json", and every other file at
/// "/assets/NAME". Browsers ask again each time, and get 304 if nothing has changed. Throws a failure if the
/// extension of a name is not known.
std::vector<HttpRoute> page_routes(const std::vector<PageFile>& files);

}  // namespace forgedit
