#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "forgedit/serve/access.h"
#include "forgedit/serve/events.h"
#include "forgedit/serve/http.h"
#include "forgedit/serve/metrics.h"

namespace forgedit {

class HttpSession;

struct HttpOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;        ///< 0: any free port
  std::uint16_t more_ports = 0;  ///< number of following ports that are tried if `port` is in use
  AccessOptions access;
  std::string base_path;  ///< see HttpGate

  std::size_t most_header_bytes = 16 << 10, most_headers = 100, most_target = 2 << 10;
  std::size_t most_connections = 640, kept_for_health = 8, most_streams = 256,
              most_streams_each = 32,  ///< per owner
      most_waiting = 256;              ///< responses that wait for a change
  std::size_t most_requests = 1000;    ///< per connection
  /// The total size of the bodies that are being received.
  std::size_t most_bodies_bytes = std::size_t{128} << 20;
  std::chrono::seconds header_time{10}, idle_time{30}, body_time{120}, write_time{30};
  std::chrono::milliseconds ping_every{15'000};
  std::chrono::milliseconds between_looks{100};  ///< minimum time between two checks of waiting responses

  SharedHttpCounts counts = std::make_shared<HttpCounts>();
  std::function<void(const std::string&)> trouble;  ///< receives messages of internal errors
  std::function<void(const std::string&)> log;      ///< see AccessLog; may be null
};

/// An HTTP/1.1 server with one thread for all connections, which all have limits on size and time. Every
/// request is checked against the access rules first. Routes that are not slow answer in that thread, so they
/// must not take long.
class HttpServer {
 public:
  /// Listens. Throws a failure with the field "port" if the port is in use, or "host" if the address is not
  /// one of this machine.
  HttpServer(HttpOptions options, HttpRouter router, EventRing& events);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  /// Serves in the calling thread until `stop`.
  void run();
  /// Ends `run`. Any thread may call it.
  void stop();

 private:
  friend HttpSession;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace forgedit
