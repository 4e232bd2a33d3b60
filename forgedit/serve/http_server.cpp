#include "forgedit/serve/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <optional>
#include <set>
#include <utility>

// After <utility>, which Asio 1.74 needs and does not include.
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "forgedit/serve/access_log.h"
#include "forgedit/serve/http_file.h"
#include "forgedit/serve/http_gate.h"
#include "forgedit/serve/listen_at.h"

namespace forgedit {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

// A refused client that still sends is read for a while, else it gets a reset and no response.
constexpr std::size_t kLingerBytes = std::size_t{1} << 20;
constexpr std::chrono::seconds kLingerTime{2};
constexpr std::size_t kBufferBytes = std::size_t{64} << 10;
constexpr std::size_t kStreamPart = std::size_t{64} << 10;
constexpr std::uint64_t kSlowestBody = 16 << 10;  // bytes per second
constexpr std::chrono::milliseconds kAcceptAgain{100};
constexpr std::chrono::seconds kBusyTime{1};  // for a header, in connections kept for health checks

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

struct HttpServer::State {
  State(HttpOptions all_options, EventRing& ring) : options(std::move(all_options)), events(ring) {}

  void listen(HttpRouter router);
  void accept();
  void wake_streams(bool is_preview);
  void wake_waiting();
  std::size_t streams_of(const std::string& owner) const;
  bool is_busy() const { return counts.connections + options.kept_for_health > options.most_connections; }

  HttpOptions options;
  EventRing& events;
  std::optional<HttpGate> gate;  // set once the port is known
  // Before `io`, because sessions that `io` still holds at its end remove themselves from these.
  std::set<HttpSession*> streams, waiting;
  HttpCounts& counts = *options.counts;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer again{io}, look{io};
  std::chrono::steady_clock::time_point looked;
  std::atomic<bool> wake_is_due{false}, state_has_changed{false};
  bool look_is_due = false;
  asio::thread_pool slow{1};
};

/// One connection: requests one after another, or a stream of events.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  using Parser = http::request_parser<http::string_body>;

  HttpSession(tcp::socket socket, HttpServer::State& server)
      : stream_(std::move(socket)), server_(server), buffer_(kBufferBytes), ping_(server.io) {
    ++server_.counts.connections;
  }
  ~HttpSession() {
    release_body();
    leave_streams();
    server_.waiting.erase(this);
    --server_.counts.connections;
  }

  void read_header() {
    parser_.emplace();
    page_origin_.clear();
    route_ = nullptr;
    request_ = {};
    parser_->header_limit(static_cast<std::uint32_t>(options().most_header_bytes));
    // The route sets the limit once the header is read.
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    const auto usual = requests_ == 0 ? options().header_time : options().idle_time;
    stream_.expires_after(server_.is_busy() ? kBusyTime : usual);
    const auto then = [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_header(error); };
    http::async_read_header(stream_, buffer_, *parser_, then);
  }

  /// Computes the waiting response again after an event, and sends it unless it waits too.
  void look_again() {
    held_ = answer(again_, request_, options().trouble);
    if (held_.wait.count() > 0) return;
    ping_.cancel();
    end_wait();
  }

  const std::string& owner() const { return request_.owner; }
  /// Sends the next events of the ring, if this stream has not had them yet.
  void send_events() {
    if (is_writing_) return;
    if (sending_.empty()) {
      auto place = server_.events.next(after_, kStreamPart, has_previews_);
      after_ = place.after;
      sending_ = std::move(place.text);
    }
    if (sending_.empty()) return;
    is_writing_ = true;
    stream_.expires_after(options().write_time);  // the pending read has no time limit
    asio::async_write(stream_, asio::buffer(sending_),
                      [self = shared_from_this()](ErrorCode error, std::size_t) {
                        self->is_writing_ = false;
                        self->sending_.clear();
                        error ? self->close() : self->send_events();
                      });
  }

 private:
  const HttpOptions& options() const { return server_.options; }

  void on_header(ErrorCode error) {
    log_.begin();
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return refuse(HttpError(431, "headers_too_large", "the headers of the request are too large"));
    }
    if (error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return refuse(HttpError(400, "bad_request", "this is not an HTTP request: " + error.message()));
    }
    if (error) return close();
    check_header();
  }

  /// Makes all checks that need no body.
  void check_header() {
    ++requests_;
    const auto& head = parser_->get();
    HttpHead given{view(head.method_string()), view(head.target()), {}};
    for (const auto& field : head) given.fields.emplace_back(view(field.name_string()), view(field.value()));
    page_origin_ = server_.gate->page_origin(given);
    try {
      auto passed = server_.gate->pass(given);
      if (server_.is_busy() && !is_health_check(passed.request.path))
        throw HttpError(503, "too_many_connections", "too many connections");
      route_ = passed.route;
      request_ = std::move(passed.request);
      ErrorCode gone;
      request_.client = stream_.socket().remote_endpoint(gone).address().to_string();
    } catch (const HttpError& wrong) {
      return refuse(wrong);
    }
    read_body();
  }

  void read_body() {
    const auto length = parser_->content_length();
    const std::uint64_t most = route_->most_body;
    if (!length && !parser_->chunked()) return respond();
    if (length.value_or(0) > most || (parser_->chunked() && most == 0)) return refuse(too_large(most));
    const auto bytes = static_cast<std::size_t>(length.value_or(most));
    if (server_.counts.body_bytes + bytes > options().most_bodies_bytes) {
      return refuse(HttpError(503, "busy", "too many uploads at once").with_header("Retry-After", "2"));
    }
    body_bytes_ = bytes;
    server_.counts.body_bytes += bytes;
    parser_->body_limit(most);
    const auto seconds = std::chrono::seconds(10 + static_cast<std::int64_t>(bytes / kSlowestBody));
    stream_.expires_after(std::min(seconds, options().body_time));
    if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_rest();
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue),
                      [self = shared_from_this()](ErrorCode error, std::size_t) {
                        if (error) return self->close();
                        self->read_rest();
                      });
  }

  void read_rest() {
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](ErrorCode error, std::size_t) {
      if (error == http::error::body_limit) return self->refuse(too_large(self->route_->most_body));
      if (error == beast::error::timeout || error == http::error::partial_message) return self->close();
      if (error)
        return self->refuse(HttpError(400, "bad_request", "the body is malformed: " + error.message()));
      self->request_.body = std::move(self->parser_->get().body());
      self->respond();
    });
  }

  void release_body() {
    server_.counts.body_bytes -= body_bytes_;
    body_bytes_ = 0;
  }

  void respond() {
    if (!route_->is_slow) return take(answer(*route_, request_, options().trouble));
    asio::post(server_.slow, [self = shared_from_this()]() mutable {
      auto& io = self->server_.io;
      auto response = answer(*self->route_, self->request_, self->options().trouble);
      // The session must be released in the server's thread, so this thread keeps no reference.
      asio::post(io, [mine = std::move(self), response = std::move(response)]() mutable {
        mine->take(std::move(response));
      });
    });
  }

  void take(HttpResponse response) {
    request_.body = {};
    release_body();
    if (response.events && !is_head()) return begin_stream(response.previews);
    if (response.wait.count() > 0 && !is_head()) return begin_wait(std::move(response));
    send(std::move(response), keeps_alive());
  }

  bool is_head() const { return parser_->get().method() == http::verb::head; }
  bool keeps_alive() const { return parser_->get().keep_alive() && requests_ < options().most_requests; }

  void begin_wait(HttpResponse response) {
    if (server_.waiting.size() >= options().most_waiting) {
      if (response.left) response.left();
      return refuse(HttpError(429, "too_many_waiting", "too many requests are waiting for their response")
                        .with_header("Retry-After", "10"));
    }
    server_.waiting.insert(this);
    ping_.expires_after(response.wait);
    again_ = *route_;
    if (response.again)
      again_.answer = [again = std::move(response.again)](const HttpRequest&) { return again(); };
    left_ = std::move(response.left);
    held_ = std::move(response);
    ping_.async_wait([self = shared_from_this()](ErrorCode error) {
      if (!error) self->end_wait();
    });
    watch_for_end();
    look_again();  // an event may have come in between
  }

  /// Notices if the client disconnects while its response waits. Other bytes from it are its next request.
  void watch_for_end() {
    stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](ErrorCode error) {
      if (error || self->server_.waiting.count(self.get()) == 0) return;
      char next = 0;
      if (::recv(self->stream_.socket().native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return;
      self->server_.waiting.erase(self.get());
      if (const auto left = std::exchange(self->left_, {})) left();
      self->close();
    });
  }

  void end_wait() {
    if (server_.waiting.erase(this) == 0) return;
    ErrorCode ignored;
    stream_.socket().cancel(ignored);
    send(std::exchange(held_, {}), keeps_alive());
  }

  /// Sends an error and closes the connection, because the rest of the request was not read.
  void refuse(const HttpError& error) {
    release_body();
    auto response = error_response(error);
    allow_page(response, page_origin_);
    send(std::move(response), false);
  }

  template <typename Body>
  void set_headers(http::response<Body>& message, const HttpResponse& response, bool keep) {
    ++server_.counts.answers[response.status];
    log_.add(route_, request_, response.status);
    message.version(11);
    message.result(static_cast<unsigned>(response.status));
    message.set(http::field::content_type, response.content_type);
    message.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : kSafetyHeaders) message.set(name, value);
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(keep);
  }

  void send(HttpResponse response, bool keep) {
    if (!response.file.empty() && !open_file(response)) {
      response = error_response(HttpError(410, "file_gone", "the file was deleted"));
    }
    if (is_head() && !response.next_part) response.parts_bytes = response.body.size();
    if (is_head()) response.next_part = [] { return std::string(); };  // only the headers are sent
    if (response.next_part) return send_parts(std::move(response), keep);
    const auto message = std::make_shared<http::response<http::string_body>>();
    set_headers(*message, response, keep);
    message->body() = std::move(response.body);
    message->prepare_payload();
    stream_.expires_after(options().write_time);
    http::async_write(stream_, *message,
                      [self = shared_from_this(), message, keep](ErrorCode error, std::size_t) {
                        if (error) return self->close();
                        keep ? self->read_header() : self->linger();
                      });
  }

  void send_parts(HttpResponse response, bool keep) {
    const auto message = std::make_shared<http::response<http::empty_body>>();
    set_headers(*message, response, keep);
    message->content_length(response.parts_bytes);
    next_part_ = std::move(response.next_part);
    const auto writer = std::make_shared<http::response_serializer<http::empty_body>>(*message);
    stream_.expires_after(options().write_time);
    http::async_write_header(
        stream_, *writer, [self = shared_from_this(), message, writer, keep](ErrorCode error, std::size_t) {
          if (error) return self->close();
          self->send_next_part(keep);
        });
  }

  void send_next_part(bool keep) {
    try {
      sending_ = next_part_();
    } catch (const std::exception& error) {
      // The headers have announced more bytes, so only closing the connection shows the error.
      if (options().trouble) options().trouble(error.what());
      return close();
    }
    if (sending_.empty()) {
      next_part_ = {};
      return keep ? read_header() : linger();
    }
    stream_.expires_after(options().write_time);
    asio::async_write(stream_, asio::buffer(sending_),
                      [self = shared_from_this(), keep](ErrorCode error, std::size_t) {
                        if (error) return self->close();
                        self->send_next_part(keep);
                      });
  }

  void linger() {
    ErrorCode ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLingerTime);
    throw_away(0);
  }

  void throw_away(std::size_t done) {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kBufferBytes),
                            [self = shared_from_this(), done](ErrorCode error, std::size_t bytes) {
                              if (error || done + bytes > kLingerBytes) return self->close();
                              self->throw_away(done + bytes);
                            });
  }

  void leave_streams() { server_.counts.streams -= server_.streams.erase(this); }

  void close() {
    ErrorCode ignored;
    ping_.cancel();
    leave_streams();
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.close();
  }

  void begin_stream(bool previews) {
    has_previews_ = previews;
    if (server_.streams.size() >= options().most_streams ||
        server_.streams_of(request_.owner) >= options().most_streams_each) {
      return refuse(HttpError(429, "too_many_streams", "too many streams of events are open")
                        .with_header("Retry-After", "10"));
    }
    server_.streams.insert(this);
    ++server_.counts.streams;
    log_.add(route_, request_, 200);
    auto place = server_.events.begin(request_.header("last-event-id"));
    after_ = place.after;
    sending_ = event_stream_head(page_origin_) + place.text;
    // A client of a stream sends nothing more, so a read ends only when it disconnects.
    stream_.expires_never();
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(1),
                            [self = shared_from_this()](ErrorCode, std::size_t) { self->close(); });
    send_events();
    wait_for_ping();
  }

  void wait_for_ping() {
    ping_.expires_after(options().ping_every);
    ping_.async_wait([self = shared_from_this()](ErrorCode error) {
      if (error || self->server_.streams.count(self.get()) == 0) return;
      if (!self->is_writing_) self->sending_ = ":\n\n";
      self->send_events();
      self->wait_for_ping();
    });
  }

  beast::tcp_stream stream_;
  HttpServer::State& server_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  const HttpRoute* route_ = nullptr;
  HttpRequest request_;
  std::string page_origin_;
  std::size_t requests_ = 0, body_bytes_ = 0;
  AccessLog log_{options().log};
  HttpResponse held_;                       // the latest response of a request that waits
  HttpRoute again_;                         // the route that computes it again
  std::function<void()> left_;              // called if the client disconnects
  std::function<std::string()> next_part_;  // gives the next part of the body that is being sent
  // For a stream of events:
  asio::steady_timer ping_;
  std::uint64_t after_ = 0;
  std::string sending_;
  bool is_writing_ = false, has_previews_ = false;
};

void HttpServer::State::listen(HttpRouter router) {
  const int socket = listen_at(options.address, options.port, options.more_ports);
  acceptor.assign(asio::ip::make_address(options.address).is_v6() ? tcp::v6() : tcp::v4(), socket);
  gate.emplace(access_rules(options.address, acceptor.local_endpoint().port(), options.access),
               std::move(router),
               HttpGate::Limits{options.most_headers, options.most_target, options.base_path});
}

/// The number of streams of an owner; 0 without an owner, because then no tokens are required.
std::size_t HttpServer::State::streams_of(const std::string& owner) const {
  const auto count =
      std::count_if(streams.begin(), streams.end(), [&](auto* one) { return one->owner() == owner; });
  return owner.empty() ? 0 : static_cast<std::size_t>(count);
}

void HttpServer::State::accept() {
  acceptor.async_accept([this](ErrorCode error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {  // for example, no file descriptor is free
      again.expires_after(kAcceptAgain);
      return again.async_wait([this](ErrorCode stopped) { stopped ? void() : accept(); });
    }
    if (counts.connections < options.most_connections) {
      ErrorCode ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<HttpSession>(std::move(socket), *this)->read_header();
    }
    accept();
  });
}

void HttpServer::State::wake_streams(bool is_preview) {
  if (!is_preview) state_has_changed = true;
  if (wake_is_due.exchange(true)) return;
  asio::post(io, [this] {
    wake_is_due = false;
    for (auto* session : streams) session->send_events();
    if (state_has_changed.exchange(false)) wake_waiting();
  });
}

/// Asks waiting sessions to compute their response again. This is costly, so it is not done for every event.
void HttpServer::State::wake_waiting() {
  if (waiting.empty() || std::exchange(look_is_due, true)) return;
  look.expires_at(looked + options.between_looks);
  look.async_wait([this](ErrorCode stopped) {
    if (stopped) return;
    look_is_due = false;
    looked = std::chrono::steady_clock::now();
    const auto asked = waiting;  // a copy, because answered sessions leave the set
    for (auto* session : asked) session->look_again();
  });
}

HttpServer::HttpServer(HttpOptions options, HttpRouter router, EventRing& events)
    : state_(std::make_shared<State>(std::move(options), events)) {
  state_->listen(std::move(router));
  state_->accept();
  state_->events.on_publish([state = std::weak_ptr<State>(state_)](bool is_preview) {
    if (const auto there = state.lock()) there->wake_streams(is_preview);
  });
}

HttpServer::~HttpServer() {
  state_->events.on_publish({});
  stop();
}

std::uint16_t HttpServer::port() const {
  return state_->acceptor.local_endpoint().port();
}

void HttpServer::run() {
  state_->io.run();
}

void HttpServer::stop() {
  state_->io.stop();
}

}  // namespace forgedit
