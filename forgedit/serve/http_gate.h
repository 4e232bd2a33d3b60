#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "forgedit/serve/access.h"
#include "forgedit/serve/http.h"

namespace forgedit {

/// A request without its body, as it came.
struct HttpHead {
  std::string_view method, target;
  std::vector<std::pair<std::string_view, std::string_view>> fields;
};

/// What a request has to pass before its body is read: limits, the rules of access, the routing table.
class HttpGate {
 public:
  struct Limits {
    std::size_t most_headers = 100, most_target = 2 << 10;
    std::string base_path;  ///< "/edits": what stands in front of all paths but those of health checks
  };
  HttpGate(AccessRules rules, HttpRouter router, Limits limits)
      : rules_(std::move(rules)), router_(std::move(router)), limits_(std::move(limits)) {}

  struct Passed {
    const HttpRoute* route = nullptr;
    HttpRequest request;  ///< without a body
  };
  /// Throws HttpError for a request that does not.
  Passed pass(const HttpHead& head) const;
  /// The origin of the page that asks, where it is another one that may ask; else empty.
  std::string page_origin(const HttpHead& head) const;

 private:
  std::string check(const HttpHead& head, std::string_view path) const;
  std::string_view below_base(std::string_view path) const;

  AccessRules rules_;
  HttpRouter router_;
  Limits limits_;
};

/// The path of a target: all before the query.
std::string_view path_of(std::string_view target);
/// Whether a request may come although all other connections are taken.
bool is_health_check(std::string_view path);

}  // namespace forgedit
