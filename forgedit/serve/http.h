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

/// A request that passed the rules of access.
struct HttpRequest {
  std::string method;
  std::string path;                            ///< as it came, without the query
  std::vector<std::string> parts;              ///< the values of {…} in the route, decoded
  std::map<std::string, std::string> query;    ///< decoded
  std::string content_type;                    ///< lower case, without parameters
  std::map<std::string, std::string> headers;  ///< by their names in lower case
  std::string body;
  std::string page_origin;  ///< of a page of another origin that may ask
  std::string owner;        ///< whose token or session it has; empty where nobody needs one
  std::string client;       ///< the address that it comes from

  /// The value of a header, by its name in lower case; empty where there is none.
  std::string header(const std::string& name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::filesystem::path file;  ///< sent in the place of `body`; no link is followed
  std::vector<std::pair<std::string, std::string>> headers;
  bool events = false;    ///< the connection becomes a stream of events
  bool previews = false;  ///< and has previews too
  /// Not zero: `again` (nothing: the route) is asked after each event for so long, and this is sent at the
  /// end of it. Where the client does not wait for it, `left` is called.
  std::chrono::milliseconds wait{0};
  std::function<HttpResponse()> again;
  std::function<void()> left;
  /// A body that is made while it is sent: each call gives its next part, and an empty one after the last.
  std::function<std::string()> next_part;
  std::uint64_t parts_bytes = 0;  ///< of all parts together
};

/// An error response; thrown by the function that answers a request.
class HttpError : public std::runtime_error {
 public:
  HttpError(int status, std::string code, const std::string& message, std::string param = {})
      : std::runtime_error(message), status_(status), code_(std::move(code)), param_(std::move(param)) {}
  int status() const { return status_; }
  const std::string& code() const { return code_; }
  const std::string& param() const { return param_; }
  /// Also sends this header.
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

/// What every answer has: no page may do more with it than is meant.
extern const std::vector<std::pair<std::string, std::string>> kSafetyHeaders;
/// Lets a page of another origin (empty: none asks) read the answer.
void allow_page(HttpResponse& response, const std::string& page_origin);
/// The status line and headers of a stream of events, for a page of another origin where one asks.
std::string event_stream_head(const std::string& page_origin);

/// A row of the routing table. In `pattern` a segment may be {name}, or {name} with an ending (".png").
struct HttpRoute {
  std::string method;
  std::string pattern;
  std::size_t most_body = 0;  ///< bytes; 0: none is taken
  std::function<HttpResponse(const HttpRequest&)> answer;
  bool is_slow = false;  ///< answered by a thread for such requests, one after another
};

class HttpRouter {
 public:
  explicit HttpRouter(std::vector<HttpRoute> routes) : routes_(std::move(routes)) {}

  struct Match {
    const HttpRoute* route = nullptr;  ///< null: none has this method
    std::vector<std::string> parts;
    std::string allow;  ///< then: the methods that this path has; empty: there is no such path
  };
  Match find(std::string_view method, std::string_view path) const;

 private:
  std::vector<HttpRoute> routes_;
};

/// Runs the route's answer; what it throws becomes an answer too. An answer whose ETag the client has
/// already becomes 304. An exception that is no Error of ours goes
/// to `trouble`, and the client learns nothing of it.
HttpResponse answer(const HttpRoute& route, const HttpRequest& request,
                    const std::function<void(const std::string&)>& trouble);

/// With ASCII's capital letters in lower case.
std::string lower_case(std::string_view text);
/// %XX decoded. Throws HttpError 400 where that is malformed, or gives a byte 0.
std::string percent_decoded(std::string_view text, bool plus_is_blank = false);
/// The query of a target. Throws HttpError 400 where it is malformed, or a key stands there twice.
std::map<std::string, std::string> parse_query(std::string_view query);

}  // namespace forgedit
