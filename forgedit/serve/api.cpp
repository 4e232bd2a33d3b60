#include "forgedit/serve/api.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json_text.h"
#include "forgedit/core/suggest.h"
#include "forgedit/core/text.h"
#include "forgedit/serve/ids.h"
#include "forgedit/serve/job_view.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::int64_t kUsualPage = 50, kMostPage = 200;
constexpr int kMostDepth = 16;
constexpr std::size_t kMostCancel = 1 << 10;

/// All that is asked about the queue.
class Api {
 public:
  Api(ApiOptions options, Store& store, Dispatcher& dispatcher)
      : options_(std::move(options)), store_(store), dispatcher_(dispatcher) {}

  HttpResponse health(const HttpRequest& request) const;
  HttpResponse ready(const HttpRequest& request) const;
  HttpResponse add_picture(const HttpRequest& request);
  HttpResponse picture(const HttpRequest& request) const;
  HttpResponse add_job(const HttpRequest& request);
  HttpResponse jobs(const HttpRequest& request) const;
  HttpResponse job(const HttpRequest& request) const;
  HttpResponse cancel(const HttpRequest& request);
  HttpResponse job_picture(const HttpRequest& request) const;
  HttpResponse job_file(const HttpRequest& request, const char* name, const char* type) const;
  HttpResponse events(const HttpRequest& request) const;

 private:
  StoredJob find_job(const std::string& id) const;

  const ApiOptions options_;
  Store& store_;
  Dispatcher& dispatcher_;
};

/// Throws for a key of the query that is not among `known`.
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

std::int64_t page_size(const HttpRequest& request) {
  const auto text = query_value(request, "limit");
  if (text.empty()) return kUsualPage;
  std::int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error == std::errc() && end == text.data() + text.size() && limit >= 1 && limit <= kMostPage)
    return limit;
  throw usage_error("limit", "expected a number from 1 to " + std::to_string(kMostPage));
}

json json_object_of(const HttpRequest& request) {
  if (request.content_type != "application/json") {
    throw HttpError(415, "not_json", "expected a body of the type application/json");
  }
  // What is nested deeply would be so in the stack of those who read it.
  const auto is_shallow = [](int depth, json::parse_event_t, json&) {
    if (depth > kMostDepth) throw HttpError(400, "bad_json", "the body is nested too deeply");
    return true;
  };
  auto body = json::parse(request.body, is_shallow, /*allow_exceptions=*/false);
  if (body.is_discarded()) throw HttpError(400, "bad_json", "the body is no JSON");
  if (!body.is_object()) throw HttpError(400, "bad_json", "expected a JSON object");
  return body;
}

json upload_json(const StoredUpload& upload) {
  return {{"id", upload.id}, {"bytes", upload.bytes}, {"content", upload.content}, {"made", upload.made}};
}

bool is_over(const StoredJob& job) {
  return job.state != JobState::queued && job.state != JobState::running;
}

HttpResponse Api::health(const HttpRequest& request) const {
  check_query(request, {});
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "ok\n";
  return response;
}

HttpResponse Api::ready(const HttpRequest& request) const {
  check_query(request, {});
  try {
    return json_response(200,
                         {{"queued", store_.count(JobState::queued)}, {"worker", dispatcher_.has_worker()}});
  } catch (const Error&) {
    throw HttpError(503, "store", "the store of jobs cannot be read");
  }
}

HttpResponse Api::add_picture(const HttpRequest& request) {
  check_query(request, {});
  const auto& type = request.content_type;
  if (!starts_with(type, "image/") && type != "application/octet-stream") {
    throw HttpError(415, "not_a_picture", "expected the picture's bytes as the body, of a type image/…");
  }
  const auto kept = keep_upload(options_.data, store_, request.body);
  auto response = json_response(kept.is_new ? 201 : 200, upload_json(kept.upload));
  response.headers.emplace_back("Location", "/api/v1/pictures/" + kept.upload.id);
  return response;
}

HttpResponse Api::picture(const HttpRequest& request) const {
  check_query(request, {});
  const auto upload = store_.upload(request.parts.at(0));
  if (!upload) throw HttpError(404, "no_such_picture", "there is no uploaded picture with this id");
  return json_response(200, upload_json(*upload));
}

HttpResponse Api::add_job(const HttpRequest& request) {
  check_query(request, {});
  const auto body = json_object_of(request);
  options_.check(body);
  if (store_.count(JobState::queued) >= options_.most_queued) {
    HttpResponse response = error_response(
        HttpError(429, "queue_full", std::to_string(options_.most_queued) + " jobs wait already"));
    response.headers.emplace_back("Retry-After", "30");
    return response;
  }
  const auto job = store_.add_job(body.value("kind", "edit"), json_text(body));
  dispatcher_.tell(job.id);
  dispatcher_.wake();
  auto response = json_response(201, job_json(job, "", {}));
  response.headers.emplace_back("Location", "/api/v1/jobs/" + job.id);
  return response;
}

HttpResponse Api::jobs(const HttpRequest& request) const {
  check_query(request, {"state", "before", "limit"});
  const auto state = query_value(request, "state");
  const auto limit = page_size(request);
  const auto found = store_.jobs(state.empty() ? std::nullopt : std::optional(parse_job_state(state)),
                                 query_value(request, "before"), limit + 1);
  auto list = json::array();
  for (const auto& job : found) {
    if (static_cast<std::int64_t>(list.size()) == limit) break;
    list.push_back(job_summary(job, dispatcher_.progress_of(job.id)));
  }
  const bool has_more = static_cast<std::int64_t>(found.size()) > limit;
  return json_response(200, {{"next", has_more ? list.back()["id"] : json()}, {"jobs", list}});
}

StoredJob Api::find_job(const std::string& id) const {
  auto job = store_.job(id);
  if (!job) throw HttpError(404, "job_unknown", "there is no job with this id");
  return std::move(*job);
}

HttpResponse Api::job(const HttpRequest& request) const {
  check_query(request, {});
  const auto found = find_job(request.parts.at(0));
  return json_response(200, job_json(found, dispatcher_.progress_of(found.id), store_.pictures(found.id)));
}

HttpResponse Api::cancel(const HttpRequest& request) {
  check_query(request, {});
  if (!request.body.empty() && !json_object_of(request).empty()) {
    throw HttpError(400, "bad_request", "expected no body, or an empty JSON object");
  }
  const auto before = find_job(request.parts.at(0));
  const auto after = store_.request_cancel(before.id);
  dispatcher_.tell(before.id);
  dispatcher_.wake();
  return json_response(is_over(before) ? 200 : 202, job_summary(*after, dispatcher_.progress_of(before.id)));
}

HttpResponse Api::job_picture(const HttpRequest& request) const {
  check_query(request, {});
  const auto found = find_job(request.parts.at(0));
  const auto& stem = request.parts.at(1);
  // The name of the file is the record's, which has this one.
  const bool is_there = store_.has_picture(found.id, stem) && stem.find('/') == std::string::npos;
  if (!is_there) throw HttpError(404, "no_such_picture", "the job has no picture of this name");
  HttpResponse response;
  response.content_type = "image/png";
  response.file = job_folder(options_.data, found.id) / (stem + ".png");
  return response;
}

HttpResponse Api::job_file(const HttpRequest& request, const char* name, const char* type) const {
  check_query(request, {});
  const auto found = find_job(request.parts.at(0));
  HttpResponse response;
  response.content_type = type;
  response.file = job_folder(options_.data, found.id) / name;
  std::error_code missing;
  if (fs::is_regular_file(response.file, missing)) return response;
  if (is_over(found)) throw HttpError(404, "not_found", std::string("the job has no ") + name);
  throw HttpError(409, "not_yet", std::string("the job has no ") + name + " yet");
}

HttpResponse Api::events(const HttpRequest& request) const {
  check_query(request, {});
  HttpResponse response;
  response.events = true;
  return response;
}

}  // namespace

std::vector<HttpRoute> api_routes(const ApiOptions& options, Store& store, Dispatcher& dispatcher) {
  const auto api = std::make_shared<Api>(options, store, dispatcher);
  const auto calls = [api](auto method) {
    return [api, method](const HttpRequest& request) { return ((*api).*method)(request); };
  };
  const auto file = [api](const char* name, const char* type) {
    return [=](const HttpRequest& request) { return api->job_file(request, name, type); };
  };
  return {
      {"GET", "/healthz", 0, calls(&Api::health)},
      {"GET", "/readyz", 0, calls(&Api::ready)},
      {"POST", "/api/v1/pictures", options.most_upload, calls(&Api::add_picture)},
      {"GET", "/api/v1/pictures/{id}", 0, calls(&Api::picture)},
      {"POST", "/api/v1/jobs", options.most_json, calls(&Api::add_job)},
      {"GET", "/api/v1/jobs", 0, calls(&Api::jobs)},
      {"GET", "/api/v1/jobs/{id}", 0, calls(&Api::job)},
      {"POST", "/api/v1/jobs/{id}/cancel", kMostCancel, calls(&Api::cancel)},
      {"GET", "/api/v1/jobs/{id}/pictures/{stem}.png", 0, calls(&Api::job_picture)},
      {"GET", "/api/v1/jobs/{id}/sheet.png", 0, file("sheet.png", "image/png")},
      {"GET", "/api/v1/jobs/{id}/chart.png", 0, file("chart.png", "image/png")},
      {"GET", "/api/v1/jobs/{id}/edit.json", 0, file("edit.json", "application/json")},
      {"GET", "/api/v1/events", 0, calls(&Api::events)},
  };
}

}  // namespace forgedit
