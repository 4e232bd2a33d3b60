#include "forgedit/serve/access.h"

#include <algorithm>

#include "forgedit/core/text.h"
#include "forgedit/serve/http.h"

namespace forgedit {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::string_view kBearer = "bearer ";

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// A host as it is written in a URL: IPv6 addresses get brackets.
std::string in_url(const std::string& host) {
  const auto colons = std::count(host.begin(), host.end(), ':');
  return colons > 1 && host.front() != '[' ? "[" + host + "]" : host;
}

/// Whether `host` includes a port: "edits.example:8443", "[::1]:80".
bool has_port(const std::string& host) {
  const auto colon = host.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  return host.front() != '[' || host[colon - 1] == ']';
}

/// Whether it opens the page, which a link on any other page may do.
bool is_link_to_page(const AccessRequest& request) {
  return request.method == "GET" && request.path == "/" && request.fetch_mode == "navigate";
}

bool is_from_elsewhere(const AccessRules& rules, const AccessRequest& request) {
  const auto site = request.fetch_site;
  if (site.empty() || site == "same-origin" || site == "none") return false;
  return !is_link_to_page(request) && !is_page_origin(rules, request.origin);
}

/// Whether the request needs no token: the page itself, which gets the token from its address, signing in,
/// and health checks.
bool is_open(const AccessRequest& request) {
  const auto path = request.path;
  return path == "/" || path == "/healthz" || path == "/readyz" || starts_with(path, "/assets/") ||
         (path == "/api/v1/session" && request.method == "POST");
}

bool is_unsafe(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

/// The owner of the token in the header Authorization; empty if there is no known token.
std::string owner_of_header(const Sessions& sessions, const AccessRequest& request) {
  const auto given = request.authorization;
  if (lower_case(given.substr(0, kBearer.size())) != kBearer) return {};
  return sessions.owner_of_token(given.substr(kBearer.size()));
}

Access check_token(const Sessions& sessions, const AccessRequest& request) {
  if (!owner_of_header(sessions, request).empty()) return Access::allowed;
  if (sessions.owner_of_session(request.cookie).empty()) return Access::unauthorized;
  return is_unsafe(request.method) && request.mark != "1" ? Access::unmarked : Access::allowed;
}

}  // namespace

std::string owner_of(const AccessRules& rules, const AccessRequest& request) {
  if (!rules.sessions) return {};
  auto owner = owner_of_header(*rules.sessions, request);
  return owner.empty() ? rules.sessions->owner_of_session(request.cookie) : owner;
}

bool is_loopback(std::string_view address) {
  return address == "::1" || starts_with(address, "127.");
}

bool is_page_origin(const AccessRules& rules, std::string_view origin) {
  return holds(rules.page_origins, origin);
}

AccessRules access_rules(const std::string& address, std::uint16_t port, const AccessOptions& options) {
  AccessRules rules;
  rules.page_origins = options.page_origins;
  rules.sessions = options.sessions;
  const auto add = [&](const std::string& host, bool with_https) {
    if (holds(rules.hosts, host)) return;
    rules.hosts.push_back(host);
    rules.origins.push_back("http://" + host);
    if (with_https) rules.origins.push_back("https://" + host);
  };
  const auto add_name = [&](const std::string& name, bool is_proxy) {
    const auto host = lower_case(in_url(name));
    if (has_port(host)) return add(host, is_proxy);
    add(host + ":" + std::to_string(port), false);
    if (is_proxy || port == kHttpPort) add(host, is_proxy);
  };
  add_name(address, false);
  if (is_loopback(address)) {
    for (const char* name : {"127.0.0.1", "::1", "localhost"}) add_name(name, false);
  }
  for (const auto& name : options.host_names) add_name(name, options.behind_proxy);
  return rules;
}

Access check_access(const AccessRules& rules, const AccessRequest& request) {
  if (!holds(rules.hosts, lower_case(request.host))) return Access::forbidden_host;
  if (is_from_elsewhere(rules, request)) return Access::forbidden_origin;
  const bool is_known = holds(rules.origins, request.origin) || is_page_origin(rules, request.origin);
  if (!request.origin.empty() && !is_known) return Access::forbidden_origin;
  if (!rules.sessions || is_open(request)) return Access::allowed;
  // The CORS preflight of a page of another origin carries no token.
  if (request.method == "OPTIONS" && is_page_origin(rules, request.origin)) return Access::allowed;
  return check_token(*rules.sessions, request);
}

}  // namespace forgedit
