#include "apps/server/serve_program.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/common/interrupt.h"
#include "apps/common/job_work.h"
#include "apps/common/served_request.h"
#include "apps/common/streams.h"
#include "apps/common/web_files.h"
#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/folder_lock.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/text.h"
#include "forgedit/serve/access.h"
#include "forgedit/serve/api.h"
#include "forgedit/serve/http_server.h"
#include "forgedit/serve/ids.h"
#include "forgedit/serve/learned_folder.h"
#include "forgedit/serve/orphans.h"
#include "forgedit/serve/page.h"
#include "forgedit/serve/sessions.h"
#include "forgedit/work/spawn.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kBetweenLooks{50};
constexpr std::size_t kTokenBytes = 32;
constexpr const char* kOnlyOwner = "owner";  // owner of the token that the server makes
constexpr double kGiB = 1U << 30;
constexpr std::size_t kMostTokenFile = 64 << 10;
constexpr std::uint16_t kMorePorts = 100;  // further ports to try if the user gave none

/// The server's own token, from its file or new. Off loopback, requests without a token are refused.
std::string own_token(const fs::path& data) {
  const auto file = data / "token";
  if (std::error_code missing; !fs::exists(file, missing)) {
    write_file_atomically(file, random_hex(kTokenBytes) + "\n");
  }
  return read_tokens(read_file(file, kMostTokenFile), file.string()).front().token;
}

/// The tokens that may sign in; null if none is required. `token` becomes the one to show to the user, if
/// any.
std::shared_ptr<Sessions> sessions_of(const ServeOptions& request, const fs::path& data, std::string& token) {
  std::vector<OwnedToken> tokens;
  if (!request.tokens.empty()) {
    tokens = with_field(
        "tokens", [&] { return read_tokens(read_file(request.tokens, kMostTokenFile), request.tokens); });
  } else if (!is_loopback(request.host)) {
    token = own_token(data);
    tokens = {{kOnlyOwner, token}};
  }
  if (tokens.empty()) return nullptr;
  return std::make_shared<Sessions>(std::move(tokens),
                                    "forgedit_" + content_hash(data.string()).substr(0, 8));
}

void check_request(const ServeOptions& request) {
  for (const auto& origin : request.page_origins) {
    const bool is_origin = starts_with(origin, "https://") || starts_with(origin, "http://");
    if (!is_origin || std::count(origin.begin(), origin.end(), '/') != 2)
      throw usage_error("allow_origin",
                        "expected an origin such as https://app.example, got '" + origin + "'");
  }
  const auto& base = request.base_path;
  if (!base.empty() &&
      (base.front() != '/' || base.back() == '/' || base.find_first_of(" ?#;,\"\\") != std::string::npos)) {
    throw usage_error("base_path", "expected a path such as /edits, got '" + base + "'");
  }
  if ((request.host == "0.0.0.0" || request.host == "::") && request.host_names.empty()) {
    throw usage_error("allow_host",
                      "give the name or address that clients use: the server listens on " + request.host);
  }
}

void report(const std::string& what) {
  std::fputs(("forgedit serve: " + one_line(what, kMostMessage) + "\n").c_str(), stderr);
}

/// Prints a line with the time, because the program that stores standard error may not add it.
void log_access(const std::string& line) {
  const auto now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ ", &utc);
  std::fputs((text + line + "\n").c_str(), stderr);
}

std::string address_of(const ServeOptions& request, std::uint16_t port, const std::string& token) {
  const bool is_v6 = request.host.find(':') != std::string::npos;
  return "http://" + (is_v6 ? "[" + request.host + "]" : request.host) + ":" + std::to_string(port) +
         request.base_path + "/" + (token.empty() ? "" : "#token=" + token);
}

/// Opens the address in the user's browser. If that fails, the user still has the printed address.
void open_in_browser(const std::string& address) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // This program prints only the address, so the browser's output is discarded.
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0);
  }
  pid_t process = 0;
  if (spawn({"xdg-open", address}, {}, actions, process) != 0) {
    report("xdg-open cannot be started: open the address yourself");
  } else {
    std::thread([process] { ::waitpid(process, nullptr, 0); }).detach();
  }
  ::posix_spawn_file_actions_destroy(&actions);
}

Dispatcher::Options worker_options(const ServeOptions& request, const fs::path& data) {
  Dispatcher::Options options;
  options.worker = request.worker;
  options.idle = std::chrono::milliseconds(static_cast<std::int64_t>(60'000 * request.idle_minutes));
  options.trouble = report;
  options.asks_worker_first = true;
  options.data = data;
  options.most_time = std::chrono::milliseconds(static_cast<std::int64_t>(3'600'000 * request.job_hours));
  options.most_learned = static_cast<std::int64_t>(request.disk_gib * kGiB);
  return options;
}

void run_server(const ServeOptions& request, const fs::path& data) {
  check_request(request);
  ::umask(S_IRWXG | S_IRWXO);
  for (const char* name : {"pictures", "jobs", "learned", "exports"}) make_directory(data / name);
  const FolderLock lock(data / "lock", data.string() + " is used by another server");
  std::string token;
  const auto sessions = sessions_of(request, data, token);
  Store store(data / "forgedit.db");
  store.put_all_back();
  if (!request.start.empty()) store.set_paused(request.start == "paused");
  match_learned(data, store);
  remove_orphans(data, store);
  EventRing events(random_hex(4));

  Dispatcher dispatcher(worker_options(request, data), store, events);
  ApiOptions api;
  api.data = data;
  api.sync_time = std::chrono::seconds(request.sync_seconds);
  api.base_path = request.base_path;
  api.behind_proxy = request.trust_proxy;
  api.sessions = sessions;
  api.keep_free = static_cast<std::uint64_t>(request.keep_free_gib * kGiB);
  // No job has this id. It stands for the id that the job will get.
  api.check = [data, id = new_id()](const nlohmann::json& asked) {
    return work_of(served_request(asked, data, id));
  };
  api.most_queued = request.most_queued;
  api.most_queued_each = request.most_queued_each;
  HttpOptions http;
  http.address = request.host;
  http.port = request.port.value_or(kServePort);
  if (!request.port) http.more_ports = kMorePorts;
  http.access = {request.host_names, request.page_origins, request.trust_proxy, sessions};
  http.base_path = request.base_path;
  http.counts = api.counts = std::make_shared<HttpCounts>();
  http.trouble = report;
  if (request.access_log) http.log = log_access;
  auto routes = api_routes(api, store, dispatcher);
  for (auto& route : page_routes(web_files())) routes.push_back(std::move(route));
  HttpServer server(http, HttpRouter(std::move(routes)), events);
  const auto address = address_of(request, server.port(), token);
  print(address + "\n");
  flush_stdout();
  if (request.open) open_in_browser(address);

  std::thread serving([&] { server.run(); });
  while (!program_stop().stopped()) std::this_thread::sleep_for(kBetweenLooks);
  allow_last_writes();
  server.stop();
  serving.join();
  dispatcher.stop();
}

}  // namespace

void serve(const ServeOptions& request) {
  run_server(request, request.data);
}

}  // namespace forgedit
