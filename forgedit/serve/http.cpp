#include "forgedit/serve/http.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json_text.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {

using nlohmann::json;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> result;
  for (;;) {
    const auto slash = path.find('/');
    result.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return result;
    path.remove_prefix(slash + 1);
  }
}

/// Whether a segment of a path matches its pattern. The value of {…} is decoded and appended to `parts`.
bool matches(std::string_view pattern, std::string_view segment, std::vector<std::string>& parts) {
  if (!starts_with(pattern, "{")) return pattern == segment;
  const auto ending = pattern.substr(pattern.find('}') + 1);
  if (segment.size() <= ending.size() || segment.substr(segment.size() - ending.size()) != ending)
    return false;
  parts.push_back(percent_decoded(segment.substr(0, segment.size() - ending.size())));
  return true;
}

bool matches_path(std::string_view pattern, std::string_view path, std::vector<std::string>& parts) {
  const auto wanted = segments(pattern), given = segments(path);
  if (wanted.size() != given.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!matches(wanted[i], given[i], parts)) return false;
  }
  return true;
}

/// Whether the header If-None-Match contains this tag.
bool has_tag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const auto end = list.find(',');
    auto one = trimmed(list.substr(0, end));
    if (starts_with(one, "W/")) one.remove_prefix(2);
    if (one == tag) return true;
    list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
  }
  return false;
}

/// Turns a response into 304 if the client already has it.
HttpResponse unless_known(HttpResponse response, const HttpRequest& request) {
  const auto is_tag = [](const auto& header) { return header.first == "ETag"; };
  const auto tag = std::find_if(response.headers.begin(), response.headers.end(), is_tag);
  if (response.status != 200 || tag == response.headers.end()) return response;
  if (!has_tag(request.header("if-none-match"), tag->second)) return response;
  response.status = 304;
  response.body.clear();
  response.file.clear();
  return response;
}

}  // namespace

const std::vector<std::pair<std::string, std::string>> kSafetyHeaders{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src "
     "'self'; "
     "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
};

std::string HttpRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

HttpResponse json_response(int status, const json& body) {
  HttpResponse response;
  response.status = status;
  response.body = json_text(body) + "\n";
  return response;
}

HttpError HttpError::with_header(std::string name, std::string value) && {
  headers_.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

HttpResponse error_response(const HttpError& error) {
  json body{{"code", error.code()},
            {"message", error.what()},
            {"type", error.status() < 500 ? "invalid_request_error" : "server_error"}};
  if (!error.param().empty()) body["param"] = error.param();
  auto response = json_response(error.status(), {{"error", body}});
  response.headers = error.headers();
  return response;
}

HttpError too_large(std::size_t most_body) {
  return {413, "too_large", "expected a body of at most " + std::to_string(most_body) + " bytes"};
}

void allow_page(HttpResponse& response, const std::string& page_origin) {
  if (page_origin.empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", page_origin);
  response.headers.emplace_back("Access-Control-Expose-Headers", "Location, Retry-After, X-Forgedit-Job");
  response.headers.emplace_back("Vary", "Origin");
  // Without this the other headers would not be enough for the page to read it.
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "cross-origin");
}

std::string event_stream_head(const std::string& page_origin) {
  std::string head =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
      "X-Accel-Buffering: no\r\nConnection: close\r\n";
  HttpResponse stream;
  allow_page(stream, page_origin);
  auto headers = stream.headers;
  for (const auto& [name, value] : kSafetyHeaders) {
    const auto is_same = [&name = name](const auto& header) { return header.first == name; };
    if (std::none_of(headers.begin(), headers.end(), is_same)) headers.emplace_back(name, value);
  }
  for (const auto& [name, value] : headers) head.append(name + ": " + value + "\r\n");
  return head + "\r\n";
}

HttpRouter::Match HttpRouter::find(std::string_view method, std::string_view path) const {
  Match result;
  for (const auto& route : routes_) {
    std::vector<std::string> parts;
    if (!matches_path(route.pattern, path, parts)) continue;
    if (route.method == method) return {&route, std::move(parts), {}};
    result.allow += (result.allow.empty() ? "" : ", ") + route.method;
  }
  return result;
}

namespace {

HttpResponse answered(const HttpRoute& route, const HttpRequest& request,
                      const std::function<void(const std::string&)>& trouble) {
  try {
    return unless_known(route.answer(request), request);
  } catch (const HttpError& error) {
    return error_response(error);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::usage) {
      return error_response(HttpError(400, "bad_request", error.what(), error.field()));
    }
    if (trouble) trouble(error.what());
  } catch (const std::exception& error) {
    if (trouble) trouble(error.what());
  }
  return error_response(HttpError(500, "internal", "the server failed; its log says why"));
}

}  // namespace

HttpResponse answer(const HttpRoute& route, const HttpRequest& request,
                    const std::function<void(const std::string&)>& trouble) {
  auto response = answered(route, request, trouble);
  allow_page(response, request.page_origin);
  return response;
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (auto& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) throw HttpError(400, "bad_request", "the address has a malformed % in it");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (c == '\0') throw HttpError(400, "bad_request", "the address has a byte 0 in it");
    result += c;
  }
  return result;
}

std::map<std::string, std::string> parse_query(std::string_view query) {
  std::map<std::string, std::string> result;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto key = percent_decoded(pair.substr(0, equals), true);
    auto value =
        equals == std::string_view::npos ? std::string() : percent_decoded(pair.substr(equals + 1), true);
    if (!result.emplace(key, std::move(value)).second) {
      throw HttpError(400, "bad_request", "is in the address twice", key);
    }
  }
  return result;
}

}  // namespace forgedit
