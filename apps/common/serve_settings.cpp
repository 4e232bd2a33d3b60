#include "apps/common/serve_settings.h"

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

std::string text_of(const ServeSettings& settings) {
  return json_text({{"host", settings.host},
                    {"port", settings.port ? json(*settings.port) : json()},
                    {"host_names", settings.host_names},
                    {"data", settings.data},
                    {"idle_minutes", settings.idle_minutes},
                    {"open", settings.open},
                    {"worker", settings.worker.arguments},
                    {"worker_environment", settings.worker.environment}});
}

}  // namespace

std::string serve_data_folder(const std::string& given) {
  if (!given.empty()) return fs::absolute(given).lexically_normal().string();
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data) return data + std::string("/forgedit");
  if (const char* home = std::getenv("HOME"); home && *home)
    return home + std::string("/.local/share/forgedit");
  throw usage_error("data", "is needed: there is no home folder");
}

void become_server(ServeSettings settings) {
  settings.data = serve_data_folder(settings.data);
  settings.worker = only_worker_command();
  const auto program =
      (fs::path(settings.worker.arguments.front()).parent_path() / "forgedit_server").string();
  const auto text = text_of(settings);
  const std::array<const char*, 3> arguments{program.c_str(), text.c_str(), nullptr};
  // The program does not write to them.
  ::execv(program.c_str(), const_cast<char* const*>(arguments.data()));
  throw failure(program + ": cannot be started: " + std::strerror(errno));
}

ServeSettings read_serve_settings(const std::string& text) {
  try {
    const auto values = json::parse(text);
    ServeSettings settings;
    values.at("host").get_to(settings.host);
    if (!values.at("port").is_null()) settings.port = values["port"].get<std::uint16_t>();
    values.at("host_names").get_to(settings.host_names);
    values.at("data").get_to(settings.data);
    values.at("idle_minutes").get_to(settings.idle_minutes);
    values.at("open").get_to(settings.open);
    values.at("worker").get_to(settings.worker.arguments);
    values.at("worker_environment").get_to(settings.worker.environment);
    return settings;
  } catch (const json::exception&) {
    throw usage_error("is started by `forgedit serve`");
  }
}

}  // namespace forgedit
