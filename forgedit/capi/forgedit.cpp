#include "forgedit/capi/forgedit.h"

#include <dlfcn.h>
#include <spdlog/fmt/fmt.h>

#include <atomic>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "forgedit/capi/engine_options.h"
#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/json_text.h"
#include "forgedit/core/stop.h"
#include "forgedit/core/version.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/job_error.h"
#include "forgedit/jobs/json_events.h"
#include "forgedit/jobs/request_json.h"
#include "forgedit/pipelines/records/saved_edit.h"

struct forgedit_engine {
  explicit forgedit_engine(forgedit::EngineSettings settings)
      : engine(std::move(settings.places), std::move(settings.engine)) {}

  forgedit::Engine engine;
  forgedit::StopFlag stop;
  std::atomic<bool> busy{false};
  std::string error;
};

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

thread_local std::string open_error;

/// The folder share/forgedit of the prefix that this library is installed in; empty if that is unknown.
fs::path installed_assets() {
  Dl_info here{};
  if (::dladdr(reinterpret_cast<const void*>(&forgedit_open), &here) == 0 || !here.dli_fname) return {};
  std::error_code error;
  const auto library = fs::canonical(here.dli_fname, error);
  return (library.parent_path() / FORGEDIT_ASSETS_FROM_LIBRARY).lexically_normal();
}

json parsed(const char* what, const char* text) {
  if (!text) throw usage_error(std::string(what) + ": expected JSON, got NULL");
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    throw usage_error(fmt::format("{}: not valid JSON: error at byte {}", what, error.byte));
  } catch (const json::out_of_range& error) {
    throw usage_error(fmt::format("{}: not valid JSON: {}", what, json_mistake(error)));
  }
}

/// Rules for requests in which pictures and saved edits are paths, and which name where results go.
RequestRules rules() {
  RequestRules rules;
  rules.picture = [](const std::string& path) {
    std::error_code error;
    if (!fs::exists(path, error)) throw usage_error(path + ": no such file");
    return fs::path(path);
  };
  rules.learned = [](const std::string& path) {
    if (!is_saved_edit(path)) throw usage_error(path + ": not a saved edit: expected learned.json in it");
    return fs::path(path);
  };
  rules.names_results = true;
  return rules;
}

std::string line_of(const JobError& error) {
  return error.field.empty() ? error.message : error.field + ": " + error.message;
}

void check_api_version(int wanted) {
  if (wanted >= FORGEDIT_API_OLDEST && wanted <= FORGEDIT_API_VERSION) return;
  throw failure(fmt::format(
      "the program was built for version {} of forgedit's API, but the library ({}) has version {}: {}",
      wanted, software_name(), FORGEDIT_API_VERSION,
      wanted > FORGEDIT_API_VERSION ? "install a newer forgedit" : "rebuild the program"));
}

forgedit_engine* open(int api_version, const char* options) {
  check_api_version(api_version);
  auto engine = std::make_unique<forgedit_engine>(
      read_engine_settings(options ? parsed("options", options) : json::object(), installed_assets()));
  JobListener nobody;
  engine->engine.facts(StopFlag(), nobody);  // throws if the model or the device does not exist
  return engine.release();
}

int run(forgedit_engine& engine, const char* request, forgedit_callback callback, void* user_data) {
  JsonEvents events([&](const json& event) {
    if (callback) callback(json_text(event).c_str(), user_data);
  });
  try {
    events.started();
    engine.engine.run(request_from_json(parsed("request", request), rules()), engine.stop, events);
    events.done();
    return FORGEDIT_OK;
  } catch (const Cancelled& cancelled) {
    engine.error = std::string("stopped: ") + (*cancelled.what() ? cancelled.what() : "nothing was saved");
    events.cancelled(cancelled.what());
    return FORGEDIT_STOPPED;
  } catch (const std::exception& error) {
    const auto told = job_error(error);
    engine.error = line_of(told);
    events.failed(told);
    return told.kind == ErrorKind::usage ? FORGEDIT_USAGE : FORGEDIT_FAILURE;
  }
}

}  // namespace
}  // namespace forgedit

const char* forgedit_version(void) {
  return forgedit::software_name();
}

int forgedit_api_version(void) {
  return FORGEDIT_API_VERSION;
}

forgedit_engine* forgedit_open(int api_version, const char* options) {
  try {
    forgedit::open_error.clear();
    return forgedit::open(api_version, options);
  } catch (const std::exception& error) {
    try {
      forgedit::open_error = forgedit::line_of(forgedit::job_error(error));
    } catch (...) {
      // Out of memory, even for the message.
    }
  } catch (...) {
  }
  return nullptr;
}

void forgedit_close(forgedit_engine* engine) {
  delete engine;
}

int forgedit_run(forgedit_engine* engine, const char* request, forgedit_callback callback, void* user_data) {
  if (!engine) return FORGEDIT_USAGE;
  if (engine->busy.exchange(true)) return FORGEDIT_BUSY;
  engine->stop.clear();
  int status = FORGEDIT_FAILURE;
  try {
    engine->error.clear();
    status = forgedit::run(*engine, request, callback, user_data);
  } catch (...) {
    // Out of memory, even for the message.
  }
  engine->busy = false;
  return status;
}

void forgedit_stop(forgedit_engine* engine) {
  if (engine) engine->stop.stop();
}

const char* forgedit_last_error(const forgedit_engine* engine) {
  return engine ? engine->error.c_str() : forgedit::open_error.c_str();
}
