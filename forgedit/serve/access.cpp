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

/// An address as it stands in a URL.
std::string in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

/// The page asks with a token that it gets from its address, and health checks have none.
bool is_open(std::string_view path) {
  return path == "/" || path == "/healthz" || path == "/readyz" || starts_with(path, "/assets/");
}

bool is_from_elsewhere(const AccessRequest& request) {
  const auto site = request.fetch_site;
  if (site.empty() || site == "same-origin" || site == "none") return false;
  // A link on another page may open this one.
  return !(request.method == "GET" && request.path == "/" && request.fetch_mode == "navigate");
}

bool has_token(const AccessRules& rules, std::string_view authorization) {
  if (rules.token.empty()) return true;
  if (lower_case(authorization.substr(0, kBearer.size())) != kBearer) return false;
  return is_same_secret(authorization.substr(kBearer.size()), rules.token);
}

}  // namespace

bool is_loopback(std::string_view address) {
  return address == "::1" || starts_with(address, "127.");
}

AccessRules access_rules(const std::string& address, std::uint16_t port,
                         const std::vector<std::string>& names, const std::string& token) {
  std::vector<std::string> hosts{address};
  if (is_loopback(address)) hosts.insert(hosts.end(), {"127.0.0.1", "::1", "localhost"});
  hosts.insert(hosts.end(), names.begin(), names.end());
  AccessRules rules;
  rules.token = token;
  const auto add = [](std::vector<std::string>& list, const std::string& word) {
    if (!holds(list, word)) list.push_back(word);
  };
  for (const auto& host : hosts) {
    const auto name = lower_case(in_url(host));
    const auto with_port = name + ":" + std::to_string(port);
    add(rules.hosts, with_port);
    add(rules.origins, "http://" + with_port);
    if (port != kHttpPort) continue;
    add(rules.hosts, name);
    add(rules.origins, "http://" + name);
  }
  return rules;
}

bool is_same_secret(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto other = expected.empty() ? '\0' : expected[i % expected.size()];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other);
  }
  return difference == 0;
}

Access check_access(const AccessRules& rules, const AccessRequest& request) {
  if (!holds(rules.hosts, lower_case(request.host))) return Access::forbidden_host;
  if (is_from_elsewhere(request)) return Access::forbidden_origin;
  if (!request.origin.empty() && !holds(rules.origins, request.origin)) return Access::forbidden_origin;
  if (is_open(request.path)) return Access::allowed;
  return has_token(rules, request.authorization) ? Access::allowed : Access::unauthorized;
}

}  // namespace forgedit
