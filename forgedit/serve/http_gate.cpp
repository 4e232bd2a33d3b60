#include "forgedit/serve/http_gate.h"

#include "forgedit/core/text.h"

namespace forgedit {
namespace {

/// The value of a header; a line break, which no rule allows, if the header is repeated.
std::string_view header(const HttpHead& head, std::string_view name) {
  std::string_view value;
  bool found = false;
  for (const auto& [field, text] : head.fields) {
    if (lower_case(field) != name) continue;
    if (found) return "\n";
    found = true;
    value = text;
  }
  return value;
}

/// The media type of a header in lower case: "image/png" for "Image/PNG; charset=x".
std::string media_type(std::string_view value) {
  return lower_case(trimmed(value.substr(0, value.find(';'))));
}

std::map<std::string, std::string> headers_of(const HttpHead& head) {
  std::map<std::string, std::string> headers;
  for (const auto& [field, text] : head.fields) {
    auto& value = headers[lower_case(field)];
    if (!value.empty()) value += ", ";
    value += text;
  }
  return headers;
}

/// Answers the CORS preflight of a page of another origin.
HttpResponse answer_preflight(const HttpRequest&) {
  HttpResponse response;
  response.status = 204;
  response.headers = {{"Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE"},
                      {"Access-Control-Allow-Headers",
                       "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Forgedit"},
                      {"Access-Control-Max-Age", "600"}};
  return response;
}

const HttpRoute kPreflight{"OPTIONS", "", 0, answer_preflight};

HttpRequest preflight(std::string_view origin) {
  HttpRequest request;
  request.page_origin = std::string(origin);
  return request;
}

}  // namespace

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

bool is_health_check(std::string_view path) {
  return path == "/healthz" || path == "/readyz";
}

/// Returns the owner of the request. Throws HttpError if a limit or an access rule is broken.
std::string HttpGate::check(const HttpHead& head, std::string_view path) const {
  if (head.fields.size() > limits_.most_headers)
    throw HttpError(431, "headers_too_large", "the request has too many headers");
  if (head.target.size() > limits_.most_target)
    throw HttpError(414, "address_too_long", "the address is too long");
  if (head.target.empty() || head.target.front() != '/')
    throw HttpError(400, "bad_request", "expected an address with a path");
  const AccessRequest asks{head.method,
                           path,
                           header(head, "host"),
                           header(head, "origin"),
                           header(head, "sec-fetch-site"),
                           header(head, "sec-fetch-mode"),
                           header(head, "authorization"),
                           header(head, "cookie"),
                           header(head, "x-forgedit")};
  switch (check_access(rules_, asks)) {
    case Access::forbidden_host:
      throw HttpError(403, "forbidden_host", "the server does not answer to this name");
    case Access::forbidden_origin:
      throw HttpError(403, "forbidden_origin", "pages of other origins may not use this server");
    case Access::unauthorized:
      throw HttpError(401, "unauthorized",
                      "expected the header Authorization: Bearer with a token of the server")
          .with_header("WWW-Authenticate", "Bearer");
    case Access::unmarked:
      throw HttpError(403, "forbidden_form", "expected the header X-Forgedit: 1 with a session cookie");
    case Access::allowed:
      break;
  }
  return owner_of(rules_, asks);
}

std::string_view HttpGate::below_base(std::string_view path) const {
  const auto& base = limits_.base_path;
  if (base.empty() || is_health_check(path)) return path;
  if (starts_with(path, base) && path.size() > base.size() && path[base.size()] == '/')
    return path.substr(base.size());
  return {};
}

std::string HttpGate::page_origin(const HttpHead& head) const {
  const auto origin = header(head, "origin");
  return is_page_origin(rules_, origin) ? std::string(origin) : std::string();
}

HttpGate::Passed HttpGate::pass(const HttpHead& head) const {
  const auto whole_path = path_of(head.target), path = below_base(whole_path);
  const bool is_base = !limits_.base_path.empty() && whole_path == limits_.base_path;
  auto owner = check(head, is_base ? "/" : path);
  if (is_base) {
    const auto page = limits_.base_path + "/";
    throw HttpError(308, "moved", "the page is at " + page).with_header("Location", page);
  }
  if (path.empty()) throw HttpError(404, "not_found", "there is nothing at this address");
  const auto origin = header(head, "origin");
  const bool is_page = is_page_origin(rules_, origin);
  if (is_page && head.method == "OPTIONS") return {&kPreflight, preflight(origin)};
  auto match = router_.find(head.method == "HEAD" ? "GET" : head.method, path);
  if (!match.route && match.allow.empty())
    throw HttpError(404, "not_found", "there is nothing at this address");
  if (!match.route) {
    throw HttpError(405, "method_not_allowed", "expected one of the methods " + match.allow)
        .with_header("Allow", match.allow);
  }
  Passed passed{match.route, {}};
  auto& request = passed.request;
  request.method = std::string(head.method);
  request.path = std::string(path);
  request.owner = std::move(owner);
  request.parts = std::move(match.parts);
  if (is_page) request.page_origin = std::string(origin);
  if (whole_path.size() < head.target.size())
    request.query = parse_query(head.target.substr(whole_path.size() + 1));
  request.content_type = media_type(header(head, "content-type"));
  request.headers = headers_of(head);
  return passed;
}

}  // namespace forgedit
