#include "forgedit/serve/api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/shallow_json.h"
#include "forgedit/core/suggest.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/job_view.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::int64_t kUsualPage = 50, kMostPage = 200;

}  // namespace

StoredJob ApiContext::job(const std::string& id) const {
  auto found = store.job(id);
  if (!found) throw HttpError(404, "job_unknown", "there is no job with this id");
  return std::move(*found);
}

StoredUpload ApiContext::upload(const std::string& id) const {
  auto found = store.upload(id);
  if (!found) throw HttpError(404, "no_such_picture", "there is no uploaded picture with this id");
  return std::move(*found);
}

StoredLearned ApiContext::learned(const std::string& id) const {
  auto found = store.learned(id);
  if (!found) throw HttpError(404, "no_such_learned", "there is no saved edit with this id");
  return std::move(*found);
}

void ApiContext::check_disk() const {
  std::error_code error;
  const auto space = fs::space(options.data, error);
  if (error || space.available >= options.keep_free) return;
  throw HttpError(507, "disk_full",
                  std::to_string(space.available >> 20) + " MiB are free, and " +
                      std::to_string(options.keep_free >> 20) + " MiB are kept free");
}

json ApiContext::model() const {
  const auto told = dispatcher.worker_info();
  auto model = told.empty() ? json() : json::parse(told).value("model", json());
  return model.is_object() ? model : json::object();
}

json ApiContext::job_view(const StoredJob& job) const {
  const auto upload = store.upload(job.picture);
  JobExtras extras;
  extras.progress = dispatcher.progress_of(job.id, /*with_losses=*/true);
  if (job.state == JobState::queued) extras.places = dispatcher.places();
  extras.pictures = store.pictures(job.id);
  extras.notes = store.notes(job.id);
  extras.picture_name = upload ? upload->name : "";
  return job_json(job, extras);
}

bool is_over(const StoredJob& job) {
  return job.state != JobState::queued && job.state != JobState::running;
}

void check_query(const HttpRequest& request, const std::vector<std::string>& known) {
  for (const auto& [key, value] : request.query) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw usage_error(key, "unknown key" + did_you_mean(key, known));
  }
}

std::string query_value(const HttpRequest& request, const std::string& key) {
  const auto found = request.query.find(key);
  return found == request.query.end() ? std::string() : found->second;
}

std::int64_t query_number(const HttpRequest& request, const std::string& key, std::int64_t usual,
                          std::int64_t low, std::int64_t high) {
  const auto text = query_value(request, key);
  if (text.empty()) return usual;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= low && number <= high)
    return number;
  throw usage_error(key, "expected a number from " + std::to_string(low) + " to " + std::to_string(high));
}

std::int64_t page_size(const HttpRequest& request) {
  return query_number(request, "limit", kUsualPage, 1, kMostPage);
}

std::optional<bool> query_boolean(const HttpRequest& request, const std::string& key) {
  const auto text = query_value(request, key);
  if (text.empty()) return std::nullopt;
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  throw usage_error(key, "expected true or false");
}

json json_object_of(const HttpRequest& request) {
  if (request.content_type != "application/json") {
    throw HttpError(415, "not_json", "expected a body of the type application/json");
  }
  auto body = parse_shallow_json(request.body);
  if (body.is_discarded())
    throw HttpError(400, "bad_json", "the body is not valid JSON, or is nested too deeply");
  if (!body.is_object()) throw HttpError(400, "bad_json", "expected a JSON object");
  return body;
}

json changes_of(const HttpRequest& request, const std::vector<std::string>& known) {
  check_query(request, {});
  auto body = request.body.empty() ? json::object() : json_object_of(request);
  for (const auto& [key, value] : body.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw usage_error(key, "unknown key" + did_you_mean(key, known));
  }
  return body;
}

std::optional<std::string> text_of(const json& changes, const char* key) {
  const auto found = changes.find(key);
  if (found == changes.end() || found->is_null()) return std::nullopt;
  if (!found->is_string() || found->get_ref<const std::string&>().size() > kMostNameBytes) {
    throw usage_error(key, "expected a text of at most " + std::to_string(kMostNameBytes) + " bytes");
  }
  return found->get<std::string>();
}

std::optional<bool> boolean_of(const json& changes, const char* key) {
  const auto found = changes.find(key);
  if (found == changes.end() || found->is_null()) return std::nullopt;
  if (!found->is_boolean()) throw usage_error(key, "expected true or false");
  return found->get<bool>();
}

HttpResponse no_content() {
  HttpResponse response;
  response.status = 204;
  return response;
}

HttpResponse file_response(const fs::path& file, const char* type) {
  HttpResponse response;
  response.content_type = type;
  response.file = file;
  return response;
}

void save_as(HttpResponse& response, const std::string& name) {
  std::string plain;
  for (const char c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '_' || c == '.';
    plain += is_plain ? c : '-';
  }
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + plain + "\"");
}

bool is_there(const fs::path& file) {
  std::error_code missing;
  return fs::is_regular_file(file, missing);
}

std::vector<HttpRoute> api_routes(const ApiOptions& options, Store& store, Dispatcher& dispatcher) {
  const SharedApi api = std::make_shared<ApiContext>(ApiContext{options, store, dispatcher});
  ApiRoutes routes;
  add_server_routes(routes, api);
  add_picture_routes(routes, api);
  add_job_routes(routes, api);
  add_result_routes(routes, api);
  add_learned_routes(routes, api);
  add_gallery_routes(routes, api);
  add_openai_routes(routes, api);
  add_metrics_routes(routes, api);
  add_session_routes(routes, api);
  return routes;
}

}  // namespace forgedit
