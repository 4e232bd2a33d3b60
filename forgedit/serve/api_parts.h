#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/api.h"

namespace forgedit {

// Most bytes of what clients send: an image's name, and the JSON of a small change.
constexpr std::size_t kMostNameBytes = 200, kMostChangeBytes = 1 << 10;

/// What all answers are made of.
struct ApiContext {
  ApiOptions options;
  Store& store;
  Dispatcher& dispatcher;

  /// Throw HttpError 404 where there is none.
  StoredJob job(const std::string& id) const;
  StoredUpload upload(const std::string& id) const;
  StoredLearned learned(const std::string& id) const;
  /// Throws HttpError 507 where the disk has too little free for something new.
  void check_disk() const;
  /// All of a job, as clients see it.
  nlohmann::json job_view(const StoredJob& job) const;
  /// What the worker said of the model; empty where that is not known.
  nlohmann::json model() const;
};

using ApiRoutes = std::vector<HttpRoute>;
using SharedApi = std::shared_ptr<const ApiContext>;

// The parts of the table.
void add_server_routes(ApiRoutes& routes, const SharedApi& api);
void add_picture_routes(ApiRoutes& routes, const SharedApi& api);
void add_job_routes(ApiRoutes& routes, const SharedApi& api);
void add_result_routes(ApiRoutes& routes, const SharedApi& api);
void add_learned_routes(ApiRoutes& routes, const SharedApi& api);
void add_gallery_routes(ApiRoutes& routes, const SharedApi& api);
void add_openai_routes(ApiRoutes& routes, const SharedApi& api);
void add_metrics_routes(ApiRoutes& routes, const SharedApi& api);
void add_session_routes(ApiRoutes& routes, const SharedApi& api);

/// Binds a function of (api, request) to a row.
template <typename Answer>
auto bound(const SharedApi& api, Answer answer) {
  return [api, answer](const HttpRequest& request) { return answer(*api, request); };
}

bool is_over(const StoredJob& job);

/// Checks a request and puts it into the queue, with what `given` has that does not follow from the request
/// (name, parent, owner, the client's key). Throws a usage Error for what cannot become a job, HttpError 429
/// where the queue is full, 507 where the disk is.
StoredJob queue_job(const ApiContext& api, const nlohmann::json& request, const JobPlace& given);
/// Asks for a job's end, and tells all of it.
void cancel_job(const ApiContext& api, const std::string& id, CancelWhen when);

/// Throws a usage Error for a key of the query that is not among `known`.
void check_query(const HttpRequest& request, const std::vector<std::string>& known);
/// Empty where it is not there.
std::string query_value(const HttpRequest& request, const std::string& key);
/// A whole number of the query. Throws a usage Error for another value.
std::int64_t query_number(const HttpRequest& request, const std::string& key, std::int64_t usual,
                          std::int64_t low, std::int64_t high);
/// The key "limit" of pages.
std::int64_t page_size(const HttpRequest& request);
/// true or false, or nothing.
std::optional<bool> query_boolean(const HttpRequest& request, const std::string& key);

/// The body as a JSON object. Throws HttpError for anything else.
nlohmann::json json_object_of(const HttpRequest& request);
/// The same of a body that may be missing, with no other keys than `known`.
nlohmann::json changes_of(const HttpRequest& request, const std::vector<std::string>& known);
/// A text of at most 200 bytes, or true or false, of such an object. Throw a usage Error for another value.
std::optional<std::string> text_of(const nlohmann::json& changes, const char* key);
std::optional<bool> boolean_of(const nlohmann::json& changes, const char* key);

/// An answer without a body: 204.
HttpResponse no_content();
/// A file of ours that never changes under its address.
HttpResponse file_response(const std::filesystem::path& file, const char* type);
/// Has browsers save the answer under `name`, of which only plain ASCII letters are kept.
void save_as(HttpResponse& response, const std::string& name);
/// Whether there is a regular file.
bool is_there(const std::filesystem::path& file);

}  // namespace forgedit
