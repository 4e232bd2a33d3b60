#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/sessions.h"

namespace forgedit {
namespace {

constexpr std::size_t kMostSignIn = 1 << 10;

/// A token becomes a cookie. Where nobody needs one, nothing happens.
HttpResponse sign_in(const ApiContext& api, const HttpRequest& request) {
  const auto token = text_of(changes_of(request, {"token"}), "token").value_or("");
  auto response = no_content();
  const auto& sessions = api.options.sessions;
  if (!sessions) return response;
  if (!sessions->may_try()) {
    throw HttpError(429, "too_many_tries", "too many wrong tokens came within a minute")
        .with_header("Retry-After", "60");
  }
  if (!sessions->has_token(token)) {
    sessions->count_wrong_token();
    throw HttpError(401, "unauthorized", "the server does not know this token");
  }
  const bool is_secure = api.options.behind_proxy && request.header("x-forwarded-proto") == "https";
  response.headers.emplace_back("Set-Cookie", sessions->begin(api.options.base_path + "/", is_secure));
  return response;
}

HttpResponse sign_out(const ApiContext& api, const HttpRequest& request) {
  changes_of(request, {});
  auto response = no_content();
  const auto& sessions = api.options.sessions;
  if (!sessions) return response;
  response.headers.emplace_back("Set-Cookie",
                                sessions->end(request.header("cookie"), api.options.base_path + "/"));
  return response;
}

}  // namespace

void add_session_routes(ApiRoutes& routes, const SharedApi& api) {
  routes.push_back({"POST", "/api/v1/session", kMostSignIn, bound(api, sign_in)});
  routes.push_back({"DELETE", "/api/v1/session", 0, bound(api, sign_out)});
}

}  // namespace forgedit
