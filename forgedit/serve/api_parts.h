#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/api.h"

namespace forgedit {

// Size limits in bytes: of a name that a client sends, and of the JSON body of a small change.
constexpr std::size_t kMostNameBytes = 200, kMostChangeBytes = 1 << 10;

/// What the functions that answer requests work with.
struct ApiContext {
  ApiOptions options;
  Store& store;
  Dispatcher& dispatcher;

  /// These throw HttpError 404 if the id is unknown.
  StoredJob job(const std::string& id) const;
  StoredUpload upload(const std::string& id) const;
  StoredLearned learned(const std::string& id) const;
  /// Throws HttpError 507 if too little disk space is free (ApiOptions::keep_free).
  void check_disk() const;
  /// The full JSON of a job for clients.
  nlohmann::json job_view(const StoredJob& job) const;
  /// What the worker has reported about the model; an empty object before that.
  nlohmann::json model() const;
};

using ApiRoutes = std::vector<HttpRoute>;
using SharedApi = std::shared_ptr<const ApiContext>;

// Each function adds its part of the routing table.
void add_server_routes(ApiRoutes& routes, const SharedApi& api);
void add_picture_routes(ApiRoutes& routes, const SharedApi& api);
void add_job_routes(ApiRoutes& routes, const SharedApi& api);
void add_result_routes(ApiRoutes& routes, const SharedApi& api);
void add_learned_routes(ApiRoutes& routes, const SharedApi& api);
void add_gallery_routes(ApiRoutes& routes, const SharedApi& api);
void add_openai_routes(ApiRoutes& routes, const SharedApi& api);
void add_metrics_routes(ApiRoutes& routes, const SharedApi& api);
void add_session_routes(ApiRoutes& routes, const SharedApi& api);

/// Turns a function of (api, request) into the `answer` of a route.
template <typename Answer>
auto bound(const SharedApi& api, Answer answer) {
  return [api, answer](const HttpRequest& request) { return answer(*api, request); };
}

bool is_over(const StoredJob& job);

/// Checks a request and queues it. `given` has the job's name, parent, owner and idempotency key. Throws a
/// usage Error if the request cannot become a job, HttpError 429 if the queue is full, 507 if the disk is
/// full, and 409 if the saved edit is of another model.
StoredJob queue_job(const ApiContext& api, const nlohmann::json& request, const JobPlace& given);
/// Requests a job's cancellation and publishes its state.
void cancel_job(const ApiContext& api, const std::string& id, CancelWhen when);

/// Throws a usage Error for a key of the query that is not among `known`.
void check_query(const HttpRequest& request, const std::vector<std::string>& known);
/// The value of a key of the query; empty if it is missing.
std::string query_value(const HttpRequest& request, const std::string& key);
/// The whole number of a key of the query; `usual` if it is missing. Throws a usage Error if the value is not
/// a whole number from `low` to `high`.
std::int64_t query_number(const HttpRequest& request, const std::string& key, std::int64_t usual,
                          std::int64_t low, std::int64_t high);
/// The maximum number of entries in a response: the key "limit" of the query.
std::int64_t page_size(const HttpRequest& request);
/// The truth value of a key of the query; nothing if it is missing. Throws a usage Error for another value.
std::optional<bool> query_boolean(const HttpRequest& request, const std::string& key);

/// The body as a JSON object. Throws HttpError if it is not one.
nlohmann::json json_object_of(const HttpRequest& request);
/// The same for a body that may be missing. Throws a usage Error if it has other keys than `known`, or if the
/// request has a query.
nlohmann::json changes_of(const HttpRequest& request, const std::vector<std::string>& known);
/// The text (at most 200 bytes) or truth value of a key of such an object; nothing if it is missing. They
/// throw a usage Error for another value.
std::optional<std::string> text_of(const nlohmann::json& changes, const char* key);
std::optional<bool> boolean_of(const nlohmann::json& changes, const char* key);

/// The response 204, without a body.
HttpResponse no_content();
/// A response with the contents of a file of the server.
HttpResponse file_response(const std::filesystem::path& file, const char* type);
/// Makes browsers save the response as the file `name`, in which other characters than ASCII letters, digits,
/// "-", "_" and "." become "-".
void save_as(HttpResponse& response, const std::string& name);
/// Whether `file` exists and is a regular file.
bool is_there(const std::filesystem::path& file);

}  // namespace forgedit
