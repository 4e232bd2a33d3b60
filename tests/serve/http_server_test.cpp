#include "forgedit/serve/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using namespace std::chrono_literals;
using testing::contains;

constexpr std::size_t kBody = 1000;

/// One connection to the server, spoken by hand.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void say(const std::string& text) const {
    for (std::size_t done = 0; done < text.size();) {
      const auto count = ::send(socket_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (count <= 0) return;  // the server has heard enough
      done += static_cast<std::size_t>(count);
    }
  }
  /// Reads until `part` has come, the connection ends, or 5 s are over.
  std::string hear(const std::string& part = "\n\n\n") {
    std::string text;
    char buffer[4096];
    while (!contains(text, part)) {
      struct pollfd place {
        socket_, POLLIN, 0
      };
      if (::poll(&place, 1, 5'000) <= 0) break;
      const auto count = ::recv(socket_, buffer, sizeof buffer, 0);
      if (count <= 0) {
        ended_ = true;
        break;
      }
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
  /// Reads so many bytes, or less where the connection ends.
  std::string read(std::size_t bytes) const {
    std::string text(bytes, '\0');
    std::size_t done = 0;
    while (done < bytes) {
      const auto count = ::recv(socket_, &text[done], bytes - done, 0);
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
  }
  bool ended() const { return ended_; }

 private:
  int socket_;
  bool ended_ = false;
};

class HttpServerTest : public testing::TemporaryFolder {
 protected:
  HttpServerTest() : ring_("boot") {
    options_.ping_every = 100ms;
    options_.trouble = [](const std::string& what) { ADD_FAILURE() << what; };
  }
  ~HttpServerTest() override {
    if (server_) server_->stop();
    if (thread_.joinable()) thread_.join();
  }

  void start() {
    const auto echo = [](const HttpRequest& request) {
      HttpResponse response;
      response.body = "body=" + request.body + ";";
      return response;
    };
    const auto file = [this](const HttpRequest& request) {
      HttpResponse response;
      response.file = folder_ / request.parts.at(0);
      return response;
    };
    const auto events = [](const HttpRequest&) {
      HttpResponse response;
      response.events = true;
      return response;
    };
    const auto wait = [this](const HttpRequest&) {
      HttpResponse response;
      response.body = "state=" + std::to_string(state_) + ";";
      if (state_ == 0) response.wait = 300ms;
      return response;
    };
    const auto held = [this](const HttpRequest& request) {
      HttpResponse response;
      response.wait = 10s;
      response.again = [this, body = request.body] {
        ++looks_;
        HttpResponse now;
        now.body = "held=" + body + ";";
        if (state_ == 0) now.wait = 10s;
        return now;
      };
      response.left = [this] { ++left_; };
      return response;
    };
    const auto slow = [](const HttpRequest& request) {
      std::this_thread::sleep_for(200ms);
      HttpResponse response;
      response.body = "slow=" + request.body + ";";
      return response;
    };
    const auto parts = [](const HttpRequest&) {
      HttpResponse response;
      response.next_part = [left = std::vector<std::string>{"", "!;", "two", "one"}]() mutable {
        auto part = left.back();
        left.pop_back();
        return part;
      };
      response.parts_bytes = 8;
      return response;
    };
    HttpRouter router({{"GET", "/wait", 0, wait},
                       {"POST", "/held", kBody, held},
                       {"POST", "/slow", kBody, slow, /*is_slow=*/true},
                       {"GET", "/parts", 0, parts},
                       {"GET", "/healthz", 0, echo},
                       {"GET", "/echo", 0, echo},
                       {"POST", "/echo", kBody, echo},
                       {"GET", "/file/{name}", 0, file},
                       {"GET", "/events", 0, events}});
    server_ = std::make_unique<HttpServer>(options_, std::move(router), ring_);
    thread_ = std::thread([this] { server_->run(); });
  }
  std::string head(const std::string& line, const std::string& more = {}) const {
    return line + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server_->port()) + "\r\n" + more + "\r\n";
  }
  /// The status line of what the server answers, after which the connection ends.
  std::string refused(const std::string& request) const {
    Client client(server_->port());
    client.say(request);
    const auto text = client.hear();
    EXPECT_TRUE(client.ended()) << text;
    return text.substr(0, text.find('\r'));
  }

  HttpOptions options_;
  EventRing ring_;
  std::atomic<int> state_{0}, left_{0}, looks_{0};
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

TEST_F(HttpServerTest, AConnectionTakesOneRequestAfterAnother) {
  start();
  Client client(server_->port());
  client.say(head("GET /echo?x=1"));
  auto text = client.hear("body=;");
  EXPECT_TRUE(contains(text, "HTTP/1.1 200 OK\r\n")) << text;
  EXPECT_TRUE(contains(text, "Content-Security-Policy: default-src 'none'; script-src 'self'")) << text;
  EXPECT_TRUE(contains(text, "X-Content-Type-Options: nosniff")) << text;
  EXPECT_FALSE(contains(text, "Access-Control")) << text;
  client.say(head("POST /echo", "Content-Length: 3\r\n") + "abc" +
             head("POST /echo", "Transfer-Encoding: chunked\r\n") + "2\r\nde\r\n0\r\n\r\n");
  text = client.hear("body=de;");
  EXPECT_TRUE(contains(text, "body=abc;")) << text;
  EXPECT_TRUE(contains(text, "body=de;")) << text;
  client.say(head("POST /echo", "Content-Length: 1\r\nExpect: 100-continue\r\n"));
  EXPECT_TRUE(contains(client.hear("\r\n\r\n"), "HTTP/1.1 100 Continue"));
  client.say("x");
  EXPECT_TRUE(contains(client.hear("body=x;"), "body=x;"));
}

TEST_F(HttpServerTest, AnAnswerMayWaitForAnEvent) {
  start();
  Client client(server_->port());
  client.say(head("GET /wait"));
  EXPECT_TRUE(contains(client.hear("state=0;"), "state=0;")) << "when the time is over";
  client.say(head("GET /wait"));
  ::usleep(50'000);
  ring_.publish("job", "{}");
  state_ = 1;
  ring_.publish("job", "{}");
  EXPECT_TRUE(contains(client.hear("state=1;"), "state=1;"));
  client.say(head("GET /wait"));
  EXPECT_TRUE(contains(client.hear("state=1;"), "state=1;")) << "at once, on the same connection";
}

TEST_F(HttpServerTest, ASlowAnswerHoldsNobodyUp) {
  start();
  Client slow(server_->port()), quick(server_->port());
  slow.say(head("POST /slow", "Content-Length: 1\r\n") + "a");
  const auto begin = std::chrono::steady_clock::now();
  quick.say(head("GET /echo"));
  EXPECT_TRUE(contains(quick.hear("body=;"), "body=;"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 150ms);
  EXPECT_TRUE(contains(slow.hear("slow=a;"), "slow=a;"));
  slow.say(head("GET /echo"));
  EXPECT_TRUE(contains(slow.hear("body=;"), "body=;"));
}

TEST_F(HttpServerTest, ABodyMayBeMadeWhileItIsSent) {
  start();
  Client client(server_->port());
  client.say(head("GET /parts"));
  const auto text = client.hear("onetwo!;");
  EXPECT_TRUE(contains(text, "Content-Length: 8\r\n")) << text;
  EXPECT_TRUE(contains(text, "\r\n\r\nonetwo!;")) << text;
  client.say(head("GET /echo"));
  EXPECT_TRUE(contains(client.hear("body=;"), "body=;"));
}

TEST_F(HttpServerTest, WhatIsTooMuchIsRefused) {
  start();
  EXPECT_EQ(refused(head("POST /echo", "Content-Length: 1001\r\n")), "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(refused(head("POST /echo", "Content-Length: 99999999999999\r\n")),
            "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(
      refused(head("POST /echo", "Transfer-Encoding: chunked\r\n") + "7d0\r\n" + std::string(2000, 'x')),
      "HTTP/1.1 413 Payload Too Large");
  std::string chunks;
  for (int i = 0; i < 20; ++i) chunks += "64\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_EQ(refused(head("POST /echo", "Transfer-Encoding: chunked\r\n") + chunks),
            "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(refused(head("GET /echo", "Content-Length: 1\r\n") + "x"), "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(refused(head("GET /echo", "X: " + std::string(20'000, 'x') + "\r\n")),
            "HTTP/1.1 431 Request Header Fields Too Large");
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X: 1\r\n";
  EXPECT_EQ(refused(head("GET /echo", many)), "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(refused(head("GET /" + std::string(3'000, 'x'))), "HTTP/1.1 414 URI Too Long");
}

TEST_F(HttpServerTest, WhatIsWrongIsRefused) {
  start();
  EXPECT_EQ(refused(std::string("\x00\xff\r\n\r\n", 6)), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(refused(head("POST /echo", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") +
                    "1\r\nx\r\n0\r\n\r\n"),
            "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(refused(head("GET http://127.0.0.1/echo")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(refused(head("GET /echo?a=%")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(refused(head("GET /nothing")), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(refused(head("DELETE /echo")), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_EQ(refused("GET /echo HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "HTTP/1.1 403 Forbidden");
  EXPECT_EQ(refused("GET /echo HTTP/1.1\r\n\r\n"), "HTTP/1.1 403 Forbidden");
  EXPECT_EQ(refused(head("GET /echo", "Host: evil.example\r\n")), "HTTP/1.1 403 Forbidden") << "two of them";
  EXPECT_EQ(refused(head("POST /echo", "Origin: null\r\n")), "HTTP/1.1 403 Forbidden");
}

TEST_F(HttpServerTest, AnAllowedPageCanReadAllAnswers) {
  options_.access.page_origins = {"https://app.example"};
  start();
  const std::string page = "Origin: https://app.example\r\n";
  for (const auto& request : {head("GET /nothing", page), head("GET /events", page), head("GET /echo", page),
                              head("POST /echo", page + "Content-Length: 1001\r\n")}) {
    Client client(server_->port());
    client.say(request);
    const auto text = client.hear("\r\n\r\n");
    EXPECT_TRUE(contains(text, "Access-Control-Allow-Origin: https://app.example\r\n")) << text;
    EXPECT_TRUE(contains(text, "Access-Control-Expose-Headers: Location, Retry-After, X-Forgedit-Job"))
        << text;
    EXPECT_TRUE(contains(text, "Cross-Origin-Resource-Policy: cross-origin")) << text;
    EXPECT_FALSE(contains(text, "Cross-Origin-Resource-Policy: same-origin")) << text;
  }
}

TEST_F(HttpServerTest, SlowAndSilentClientsAreLeft) {
  options_.header_time = 1s;
  options_.idle_time = 1s;
  options_.body_time = 1s;
  start();
  Client silent(server_->port()), slow(server_->port()), idle(server_->port()), body(server_->port());
  slow.say("GET /echo HTTP/1.1\r\nHost: 127");
  idle.say(head("GET /echo"));
  body.say(head("POST /echo", "Content-Length: 10\r\n") + "x");
  idle.hear("body=;");
  for (auto* client : {&silent, &slow, &idle, &body}) {
    client->hear();
    EXPECT_TRUE(client->ended());
  }
}

TEST_F(HttpServerTest, ConnectionsAreCountedAndSomeAreKeptForHealth) {
  options_.most_connections = 6;
  options_.kept_for_health = 2;
  start();
  std::vector<std::unique_ptr<Client>> open;
  for (int i = 0; i < 4; ++i) {
    open.push_back(std::make_unique<Client>(server_->port()));
    open.back()->say(head("GET /echo"));
    EXPECT_TRUE(contains(open.back()->hear("body=;"), "200 OK"));
  }
  EXPECT_EQ(refused(head("GET /echo")), "HTTP/1.1 503 Service Unavailable");
  Client health(server_->port());
  health.say(head("GET /healthz"));
  EXPECT_TRUE(contains(health.hear("body=;"), "200 OK"));
  open.clear();
  ::usleep(100'000);
  Client again(server_->port());
  again.say(head("GET /echo"));
  EXPECT_TRUE(contains(again.hear("body=;"), "200 OK"));
}

TEST_F(HttpServerTest, FilesAreSentAndLinksAreNot) {
  write_file_atomically(folder_ / "a.png", "picture;");
  std::filesystem::create_symlink("/etc/passwd", folder_ / "link");
  start();
  Client client(server_->port());
  client.say(head("GET /file/a.png"));
  const auto text = client.hear("picture;");
  EXPECT_TRUE(contains(text, "Content-Length: 8")) << text;
  client.say(head("GET /file/link"));
  EXPECT_TRUE(contains(client.hear("}"), "410 Gone"));
  client.say(head("GET /file/gone"));
  EXPECT_TRUE(contains(client.hear("}"), "410 Gone"));
}

// The time is for a part: a client that goes on reading gets all.
TEST_F(HttpServerTest, ASlowReaderGetsTheWholeFile) {
  const std::string whole(std::size_t{24} << 20, 'x');
  write_file_atomically(folder_ / "large", whole);
  options_.write_time = 1s;
  start();
  Client client(server_->port());
  client.say(head("GET /file/large"));
  auto text = client.hear("\r\n\r\n");
  // Longer than the time, with every pause shorter than it.
  for (int i = 0; i < 10; ++i) {
    ::usleep(250'000);
    text += client.read(std::size_t{2} << 20);
  }
  text += client.read(whole.size() + text.find("\r\n\r\n") + 4 - text.size());
  EXPECT_EQ(text.size() - text.find("\r\n\r\n") - 4, whole.size());
}

TEST_F(HttpServerTest, HeadIsGetWithoutItsBody) {
  write_file_atomically(folder_ / "a.png", "picture;");
  start();
  for (const auto* path : {"/echo", "/file/a.png", "/events", "/nothing", "/wait", "/parts"}) {
    Client client(server_->port());
    client.say(head(std::string("HEAD ") + path, "Connection: close\r\n"));
    const auto text = client.hear();
    EXPECT_TRUE(client.ended()) << path;
    EXPECT_EQ(text.find("\r\n\r\n") + 4, text.size()) << text;
    EXPECT_TRUE(contains(text, contains(path, "nothing") ? " 404 " : " 200 ")) << text;
  }
  Client client(server_->port());
  client.say(head("HEAD /file/a.png") + head("GET /echo"));
  const auto text = client.hear("body=;");
  EXPECT_TRUE(contains(text, "Content-Length: 8\r\n")) << text;
  EXPECT_FALSE(contains(text, "picture;")) << text;
}

TEST_F(HttpServerTest, ThePageIsFoundWithoutTheLastSlash) {
  options_.base_path = "/edits";
  start();
  Client client(server_->port());
  client.say(head("GET /edits"));
  const auto text = client.hear();
  EXPECT_TRUE(contains(text, "HTTP/1.1 308 ")) << text;
  EXPECT_TRUE(contains(text, "Location: /edits/\r\n")) << text;
}

TEST_F(HttpServerTest, StreamsSendEventsAndGoOnWhereTheyWere) {
  options_.most_streams = 2;
  start();
  auto first = std::make_unique<Client>(server_->port());
  first->say(head("GET /events"));
  EXPECT_TRUE(contains(first->hear("hello"), "Content-Type: text/event-stream"));
  ring_.publish("job", "{\"n\":1}");
  EXPECT_TRUE(contains(first->hear("}\n\n"), "id: boot-1\nevent: job\ndata: {\"n\":1}"));
  EXPECT_TRUE(contains(first->hear(":\n\n"), ":\n\n")) << "signs of life";
  Client second(server_->port());
  second.say(head("GET /events", "Last-Event-ID: boot-0\r\n"));
  const auto missed = second.hear("{\"n\":1}");
  EXPECT_TRUE(contains(missed, "{\"n\":1}")) << missed;
  EXPECT_FALSE(contains(missed, "resync")) << missed;
  EXPECT_EQ(refused(head("GET /events")), "HTTP/1.1 429 Too Many Requests");
  first.reset();
  ::usleep(100'000);
  Client third(server_->port());
  third.say(head("GET /events", "Last-Event-ID: other-7\r\n"));
  EXPECT_TRUE(contains(third.hear("resync"), "event: resync"));
}

TEST_F(HttpServerTest, EachAnswerIsALineOfTheLog) {
  std::vector<std::string> lines;
  options_.log = [&](const std::string& line) { lines.push_back(line); };
  start();
  Client client(server_->port());
  client.say(head("GET /echo?token=secret"));
  client.hear(";");
  client.say(head("GET /file/a-red-square.png"));
  client.hear("}");
  refused(head("GET /nothing/secret"));
  server_->stop();
  thread_.join();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].substr(0, 14), "GET /echo 200 ");
  EXPECT_EQ(lines[1].substr(0, 21), "GET /file/{name} 410 ") << "names of pictures are made of prompts";
  EXPECT_EQ(lines[2].substr(0, 8), "- - 404 ");
}

// A client that does not read must not hold up others, nor gather what it does not read.
TEST_F(HttpServerTest, AStreamThatIsNotReadHoldsUpNobody) {
  start();
  Client deaf(server_->port()), other(server_->port());
  deaf.say(head("GET /events"));
  deaf.hear("hello");
  for (int i = 0; i < 200; ++i) ring_.publish("job", std::string(100'000, 'x'));
  other.say(head("GET /echo"));
  EXPECT_TRUE(contains(other.hear("body=;"), "200 OK"));
}

TEST_F(HttpServerTest, WhatIsHeldBackIsBoundedAndLookedAtRarely) {
  options_.most_waiting = 1;
  options_.between_looks = 200ms;
  start();
  Client first(server_->port());
  first.say(head("POST /held", "Content-Length: 1\r\n") + "a");
  ::usleep(50'000);
  EXPECT_EQ(refused(head("POST /held", "Content-Length: 1\r\n") + "b"), "HTTP/1.1 429 Too Many Requests");
  EXPECT_EQ(left_, 1) << "nobody waits for it";
  const auto before = looks_.load();
  for (int i = 0; i < 20; ++i) {
    ring_.publish_preview("preview", "{}");
    ::usleep(1'000);
  }
  EXPECT_EQ(looks_, before) << "a preview changes no answer";
  for (int i = 0; i < 50; ++i) {
    ring_.publish("job", "{}");
    ::usleep(1'000);
  }
  ::usleep(300'000);
  EXPECT_GT(looks_, before);
  EXPECT_LT(looks_, before + 4);
}

// Work for a client that is no longer there may end.
TEST_F(HttpServerTest, AClientThatLeavesWhileItWaitsIsNoticed) {
  start();
  auto gone = std::make_unique<Client>(server_->port());
  gone->say(head("POST /held", "Content-Length: 1\r\n") + "a");
  Client stays(server_->port());
  stays.say(head("POST /held", "Content-Length: 1\r\n") + "b");
  // The next request is no end.
  stays.say(head("GET /echo"));
  ::usleep(100'000);
  EXPECT_EQ(left_, 0);
  gone.reset();
  for (int i = 0; i < 50 && left_ == 0; ++i) ::usleep(20'000);
  EXPECT_EQ(left_, 1);
  state_ = 1;
  ring_.publish("job", "{}");
  const auto text = stays.hear("body=;");
  EXPECT_TRUE(contains(text, "held=b;")) << text;
  EXPECT_TRUE(contains(text, "body=;")) << text;
  EXPECT_EQ(left_, 1);
}

TEST_F(HttpServerTest, APortThatIsTakenIsNamed) {
  start();
  auto options = options_;
  options.port = server_->port();
  EventRing ring("other");
  EXPECT_EQ(testing::field_of([&] { const HttpServer server(options, HttpRouter({}), ring); }), "port");
  options.more_ports = 20;
  EXPECT_GT(HttpServer(options, HttpRouter({}), ring).port(), server_->port()) << "the next one that is free";
  options.address = "localhost";
  EXPECT_EQ(testing::field_of([&] { const HttpServer server(options, HttpRouter({}), ring); }), "host");
}

}  // namespace
}  // namespace forgedit
