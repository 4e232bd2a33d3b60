#pragma once

#include <string_view>
#include <vector>

#include "forgedit/serve/http.h"

namespace forgedit {

/// A file of the page. Both texts outlive the routes.
struct PageFile {
  std::string_view name, bytes;
};

/// index.html at "/", openapi.json at "/api/v1/openapi.json", every other file at "/assets/NAME". A browser
/// asks again each time and is told where nothing has changed. Throws a failure for a name whose ending says
/// no type that a page is made of.
std::vector<HttpRoute> page_routes(const std::vector<PageFile>& files);

}  // namespace forgedit
