#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/sessions.h"

namespace forgedit {
namespace {

constexpr std::size_t kMostSignIn = 1 << 10, kMostAddress = 64;

/// The address of the client. Behind a proxy it is the last one in X-Forwarded-For, which the proxy added.
std::string client_of(const ApiContext& api, const HttpRequest& request) {
  const auto told = api.options.behind_proxy ? request.header("x-forwarded-for") : std::string();
  if (told.empty()) return request.client;
  return std::string(trimmed(std::string_view(told).substr(told.rfind(',') + 1)).substr(0, kMostAddress));
}

/// Exchanges a token for a session cookie. Does nothing if the server requires no tokens.
HttpResponse sign_in(const ApiContext& api, const HttpRequest& request) {
  const auto token = text_of(changes_of(request, {"token"}), "token").value_or("");
  auto response = no_content();
  const auto& sessions = api.options.sessions;
  if (!sessions) return response;
  const auto client = client_of(api, request);
  if (!sessions->may_try(client)) {
    throw HttpError(429, "too_many_tries", "too many wrong tokens came from this address within a minute")
        .with_header("Retry-After", "60");
  }
  const auto owner = sessions->owner_of_token(token);
  if (owner.empty()) {
    sessions->count_wrong_token(client);
    throw HttpError(401, "unauthorized", "the server does not know this token");
  }
  const bool is_secure = api.options.behind_proxy && request.header("x-forwarded-proto") == "https";
  response.headers.emplace_back("Set-Cookie", sessions->begin(owner, api.options.base_path + "/", is_secure));
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
