#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "forgedit/serve/access.h"
#include "forgedit/serve/http.h"

namespace forgedit {

/// A request without its body, as it was received.
struct HttpHead {
  std::string_view method, target;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
};

/// Checks a request before its body is read: limits, access rules, routing table.
class HttpGate {
 public:
  struct Limits {
    std::size_t most_headers = 100, most_target = 2 << 10;
    std::string base_path;  ///< prefix of all paths except health checks, for example "/edits"
  };
  HttpGate(AccessRules rules, HttpRouter router, Limits limits)
      : rules_(std::move(rules)), router_(std::move(router)), limits_(std::move(limits)) {}

  struct Passed {
    const HttpRoute* route = nullptr;
    HttpRequest request;  ///< without a body
  };
  /// Throws HttpError if a check fails.
  Passed pass(const HttpHead& head) const;
  /// The origin of the page that sent the request, if that is another page with access; else empty.
  std::string page_origin(const HttpHead& head) const;

 private:
  std::string check(const HttpHead& head, std::string_view path) const;
  std::string_view below_base(std::string_view path) const;

  AccessRules rules_;
  HttpRouter router_;
  Limits limits_;
};

/// The path of a target: the part before the query.
std::string_view path_of(std::string_view target);
/// Whether it is the path of a health check, which is answered even if all other connections are taken.
bool is_health_check(std::string_view path);

}  // namespace forgedit
