#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "forgedit/core/error.h"
#include "forgedit/serve/api_parts.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr JobState kStates[] = {JobState::queued, JobState::running, JobState::done, JobState::failed,
                                JobState::cancelled};

/// Writes Prometheus' text format, one metric after another.
class MetricsText {
 public:
  void begin(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  void add(std::uint64_t value, const std::string& label = {}) {
    text_ += name_ + label + " " + std::to_string(value) + "\n";
  }
  void gauge(const char* name, const char* help, std::uint64_t value) {
    begin(name, "gauge", help);
    add(value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t free_bytes(const ApiContext& api) {
  std::error_code error;
  const auto space = std::filesystem::space(api.options.data, error);
  return error ? 0 : space.available;
}

void add_http(MetricsText& text, const HttpCounts& counts) {
  text.begin("forgedit_http_answers_total", "counter", "Responses to HTTP requests.");
  for (const auto& [status, count] : counts.answers) {
    text.add(count, "{status=\"" + std::to_string(status) + "\"}");
  }
  text.gauge("forgedit_http_connections", "Open connections.", counts.connections);
  text.gauge("forgedit_http_event_streams", "Open streams of events.", counts.streams);
  text.gauge("forgedit_http_body_bytes", "Bytes of bodies that are being received.", counts.body_bytes);
}

HttpResponse metrics(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  MetricsText text;
  text.begin("forgedit_jobs", "gauge", "Jobs by their state.");
  for (const auto state : kStates) {
    text.add(static_cast<std::uint64_t>(api.store.count(state)),
             std::string("{state=\"") + job_state_name(state) + "\"}");
  }
  text.gauge("forgedit_queue_paused", "Whether the queue is paused.", api.store.is_paused() ? 1 : 0);
  text.gauge("forgedit_worker_up", "Whether there is a worker process.", api.dispatcher.has_worker() ? 1 : 0);
  text.gauge("forgedit_worker_busy", "Whether the worker runs a job.",
             api.dispatcher.worker_state() == "busy" ? 1 : 0);
  text.gauge("forgedit_disk_free_bytes", "Free bytes of the disk with the data folder.", free_bytes(api));
  if (api.options.counts) add_http(text, *api.options.counts);
  text.gauge("process_resident_memory_bytes", "Resident memory of the server process.", resident_bytes());
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = text.take();
  return response;
}

bool can_read_store(const ApiContext& api) {
  try {
    api.store.count(JobState::queued);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool has_disk(const ApiContext& api) {
  try {
    api.check_disk();
    return true;
  } catch (const HttpError&) {
    return false;
  }
}

/// The server is ready if the database can be read and the disk has room. It needs no worker, which is
/// started when there is a job.
HttpResponse ready(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  const bool db = can_read_store(api), disk = has_disk(api);
  return json_response(db && disk ? 200 : 503,
                       {{"db", db}, {"disk", disk}, {"worker", api.dispatcher.worker_state()}});
}

}  // namespace

void add_metrics_routes(ApiRoutes& routes, const SharedApi& api) {
  routes.push_back({"GET", "/readyz", 0, bound(api, ready)});
  routes.push_back({"GET", "/metrics", 0, bound(api, metrics)});
}

}  // namespace forgedit
