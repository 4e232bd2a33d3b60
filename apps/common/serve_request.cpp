#include "apps/common/serve_request.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/common/worker_commands.h"
#include "forgedit/core/error.h"
#include "forgedit/core/json_text.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string text_of(const ServeRequest& request) {
  return json_text({{"host", request.host},
                    {"port", request.port ? json(*request.port) : json()},
                    {"host_names", request.host_names},
                    {"data", request.data},
                    {"idle_minutes", request.idle_minutes},
                    {"disk_gib", request.disk_gib},
                    {"keep_free_gib", request.keep_free_gib},
                    {"open", request.open},
                    {"page_origins", request.page_origins},
                    {"trust_proxy", request.trust_proxy},
                    {"base_path", request.base_path},
                    {"tokens", request.tokens},
                    {"sync_seconds", request.sync_seconds},
                    {"start", request.start},
                    {"worker", request.worker.arguments},
                    {"worker_environment", request.worker.environment}});
}

}  // namespace

std::string serve_data_folder(const std::string& given) {
  if (!given.empty()) return fs::absolute(given).lexically_normal().string();
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data) return data + std::string("/forgedit");
  if (const char* home = std::getenv("HOME"); home && *home)
    return home + std::string("/.local/share/forgedit");
  throw usage_error("data", "is needed: there is no home folder");
}

void become_server(ServeRequest request) {
  request.data = serve_data_folder(request.data);
  request.worker = only_worker_command();
  const auto program =
      (fs::path(request.worker.arguments.front()).parent_path() / "forgedit_server").string();
  const auto text = text_of(request);
  const std::array<const char*, 3> arguments{program.c_str(), text.c_str(), nullptr};
  // The program does not write to them.
  ::execv(program.c_str(), const_cast<char* const*>(arguments.data()));
  throw failure(program + ": cannot be started: " + std::strerror(errno));
}

ServeRequest read_serve_request(const std::string& text) {
  try {
    const auto values = json::parse(text);
    ServeRequest request;
    values.at("host").get_to(request.host);
    if (!values.at("port").is_null()) request.port = values["port"].get<std::uint16_t>();
    values.at("host_names").get_to(request.host_names);
    values.at("data").get_to(request.data);
    values.at("idle_minutes").get_to(request.idle_minutes);
    values.at("disk_gib").get_to(request.disk_gib);
    values.at("keep_free_gib").get_to(request.keep_free_gib);
    values.at("open").get_to(request.open);
    values.at("page_origins").get_to(request.page_origins);
    values.at("trust_proxy").get_to(request.trust_proxy);
    values.at("base_path").get_to(request.base_path);
    values.at("tokens").get_to(request.tokens);
    values.at("sync_seconds").get_to(request.sync_seconds);
    values.at("start").get_to(request.start);
    values.at("worker").get_to(request.worker.arguments);
    values.at("worker_environment").get_to(request.worker.environment);
    return request;
  } catch (const json::exception&) {
    throw usage_error("this program is started by `forgedit serve`");
  }
}

}  // namespace forgedit
