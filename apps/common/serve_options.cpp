#include "apps/common/serve_options.h"

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

std::string text_of(const ServeOptions& options) {
  return json_text({{"host", options.host},
                    {"port", options.port ? json(*options.port) : json()},
                    {"host_names", options.host_names},
                    {"data", options.data},
                    {"idle_minutes", options.idle_minutes},
                    {"disk_gib", options.disk_gib},
                    {"keep_free_gib", options.keep_free_gib},
                    {"open", options.open},
                    {"page_origins", options.page_origins},
                    {"trust_proxy", options.trust_proxy},
                    {"base_path", options.base_path},
                    {"tokens", options.tokens},
                    {"sync_seconds", options.sync_seconds},
                    {"most_queued", options.most_queued},
                    {"most_queued_each", options.most_queued_each},
                    {"job_hours", options.job_hours},
                    {"access_log", options.access_log},
                    {"start", options.start},
                    {"worker", options.worker.arguments},
                    {"worker_environment", options.worker.environment}});
}

}  // namespace

std::string serve_data_folder(const std::string& given) {
  if (!given.empty()) return fs::absolute(given).lexically_normal().string();
  if (const char* data = std::getenv("XDG_DATA_HOME"); data && *data) return data + std::string("/forgedit");
  if (const char* home = std::getenv("HOME"); home && *home)
    return home + std::string("/.local/share/forgedit");
  throw usage_error("data", "give a folder: there is no home folder");
}

void become_server(ServeOptions options) {
  options.data = serve_data_folder(options.data);
  options.worker = only_worker_command();
  const auto program =
      (fs::path(options.worker.arguments.front()).parent_path() / "forgedit_server").string();
  const auto text = text_of(options);
  const std::array<const char*, 3> arguments{program.c_str(), text.c_str(), nullptr};
  // execv does not write to the arguments.
  ::execv(program.c_str(), const_cast<char* const*>(arguments.data()));
  throw failure(program + ": cannot be started: " + std::strerror(errno));
}

ServeOptions read_serve_options(const std::string& text) {
  try {
    const auto values = json::parse(text);
    ServeOptions options;
    values.at("host").get_to(options.host);
    if (!values.at("port").is_null()) options.port = values["port"].get<std::uint16_t>();
    values.at("host_names").get_to(options.host_names);
    values.at("data").get_to(options.data);
    values.at("idle_minutes").get_to(options.idle_minutes);
    values.at("disk_gib").get_to(options.disk_gib);
    values.at("keep_free_gib").get_to(options.keep_free_gib);
    values.at("open").get_to(options.open);
    values.at("page_origins").get_to(options.page_origins);
    values.at("trust_proxy").get_to(options.trust_proxy);
    values.at("base_path").get_to(options.base_path);
    values.at("tokens").get_to(options.tokens);
    values.at("sync_seconds").get_to(options.sync_seconds);
    values.at("most_queued").get_to(options.most_queued);
    values.at("most_queued_each").get_to(options.most_queued_each);
    values.at("job_hours").get_to(options.job_hours);
    values.at("access_log").get_to(options.access_log);
    values.at("start").get_to(options.start);
    values.at("worker").get_to(options.worker.arguments);
    values.at("worker_environment").get_to(options.worker.environment);
    return options;
  } catch (const json::exception&) {
    throw usage_error("this program is started by `forgedit serve`");
  }
}

}  // namespace forgedit
