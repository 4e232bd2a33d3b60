#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// A request that passed the access rules.
struct HttpRequest {
  std::string method;
  std::string path;                            ///< not decoded, without the base path and the query
  std::vector<std::string> parts;              ///< the values of {…} in the route, decoded
  std::map<std::string, std::string> query;    ///< decoded
  std::string content_type;                    ///< lower case, without parameters
  std::map<std::string, std::string> headers;  ///< by their names in lower case
  std::string body;
  std::string page_origin;  ///< origin of the page that sent it, if that is another page with access
  std::string owner;        ///< owner of its token or session; empty if no token is needed
  std::string client;       ///< IP address of the client

  /// The value of a header, by its name in lower case; empty if it is missing.
  std::string header(const std::string& name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::filesystem::path file;  ///< sent instead of `body`; symbolic links are not followed
  std::vector<std::pair<std::string, std::string>> headers;
  bool events = false;    ///< the connection becomes a stream of events
  bool previews = false;  ///< the stream also has previews
  /// If not zero, the response is held for this time. After each event `again` (null: the route) is called,
  /// and a response without `wait` is sent at once. If the client disconnects before, `left` is called.
  std::chrono::milliseconds wait{0};
  std::function<HttpResponse()> again;
  std::function<void()> left;
  /// For a body that is made while it is sent: returns its next part, and an empty text after the last one.
  std::function<std::string()> next_part;
  std::uint64_t parts_bytes = 0;  ///< total size of all parts
};

/// An error response; thrown by the function that answers a request.
class HttpError : public std::runtime_error {
 public:
  HttpError(int status, std::string code, const std::string& message, std::string param = {})
      : std::runtime_error(message), status_(status), code_(std::move(code)), param_(std::move(param)) {}
  int status() const { return status_; }
  const std::string& code() const { return code_; }
  const std::string& param() const { return param_; }
  /// Adds a header to the response.
  HttpError with_header(std::string name, std::string value) &&;
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }

 private:
  int status_;
  std::string code_, param_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

HttpResponse json_response(int status, const nlohmann::json& body);
/// {"error": {"code", "message", "type", "param"}}, which clients of OpenAI understand too, with the error's
/// headers.
HttpResponse error_response(const HttpError& error);

HttpError too_large(std::size_t most_body);

/// Security headers of every response.
extern const std::vector<std::pair<std::string, std::string>> kSafetyHeaders;
/// Adds headers that let a page of another origin read the response. Does nothing if `page_origin` is empty.
void allow_page(HttpResponse& response, const std::string& page_origin);
/// The status line and headers of a stream of events. `page_origin` is used as in allow_page.
std::string event_stream_head(const std::string& page_origin);

/// A row of the routing table. In `pattern` a segment may be {name}, or {name} with an ending (".png").
struct HttpRoute {
  std::string method;
  std::string pattern;
  std::size_t most_body = 0;  ///< maximum size of the body in bytes; 0: no body is accepted
  std::function<HttpResponse(const HttpRequest&)> answer;
  bool is_slow = false;  ///< answered in the thread for slow requests, one after another
};

class HttpRouter {
 public:
  explicit HttpRouter(std::vector<HttpRoute> routes) : routes_(std::move(routes)) {}

  struct Match {
    const HttpRoute* route = nullptr;  ///< null: no route has this path and method
    std::vector<std::string> parts;
    std::string allow;  ///< if `route` is null: the methods of this path; empty: unknown path
  };
  Match find(std::string_view method, std::string_view path) const;

 private:
  std::vector<HttpRoute> routes_;
};

/// Runs the route's function. An HttpError or usage Error becomes an error response. A response whose ETag
/// the client already has becomes 304. Any other exception becomes a response 500 without details, and its
/// message goes to `trouble`.
HttpResponse answer(const HttpRoute& route, const HttpRequest& request,
                    const std::function<void(const std::string&)>& trouble);

/// `text` with ASCII capital letters in lower case.
std::string lower_case(std::string_view text);
/// `text` with %XX decoded. Throws HttpError 400 if a %XX is malformed or the result contains a byte 0.
std::string percent_decoded(std::string_view text, bool plus_is_blank = false);
/// The keys and values of a query. Throws HttpError 400 if it is malformed or a key is repeated.
std::map<std::string, std::string> parse_query(std::string_view query);

}  // namespace forgedit
