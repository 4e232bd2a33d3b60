#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json_text.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/exports.h"
#include "forgedit/serve/job_view.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::size_t kMostKeyBytes = 200;
constexpr std::int64_t kLongestWait = 25;

/// The value of a request's key, or of its other name `alias`; empty if neither is a text.
std::string reference(const json& request, const char* key, const char* alias) {
  for (const char* name : {key, alias}) {
    if (const auto found = request.find(name); found != request.end() && found->is_string()) return *found;
  }
  return {};
}

JobPlace place_of(const ApiContext& api, const json& request) {
  JobPlace place;
  place.picture = reference(request, "picture", "image");
  place.learned = reference(request, "learned", "from");
  const auto kind = request.value("kind", "edit");
  if (kind == "draw" || kind == "caption") place.lane = JobLane::interactive;
  if (place.picture.empty() && !place.learned.empty()) {
    if (const auto learned = api.store.learned(place.learned)) place.picture = learned->picture;
  }
  return place;
}

/// Throws HttpError 409 if the saved edit was made with another model than the server's.
void check_learned_model(const ApiContext& api, const std::string& learned) {
  const auto found = learned.empty() ? std::nullopt : api.store.learned(learned);
  if (!found) return;
  const auto info = json::parse(found->info, nullptr, /*allow_exceptions=*/false);
  const auto theirs = info.is_object() ? info.value("model", json::object()).value("name", "") : "";
  const auto ours = api.model().value("name", "");
  if (theirs.empty() || ours.empty() || theirs == ours) return;
  throw HttpError(409, "other_model", "was learned on " + theirs + ", and the server has " + ours, "learned");
}

/// Interactive jobs are counted separately: a long queue of others does not block them. If there are several
/// owners, none may fill the queue alone.
void check_queue(const ApiContext& api, JobLane lane, const std::string& owner) {
  const auto refuse = [](std::int64_t most, const char* whose) {
    throw HttpError(429, "queue_full", std::to_string(most) + whose + " jobs are already waiting")
        .with_header("Retry-After", "30");
  };
  const auto& options = api.options;
  if (api.store.count_queued(lane) >= options.most_queued) refuse(options.most_queued, "");
  if (!options.sessions || !options.sessions->has_several_owners()) return;
  if (api.store.count_queued(lane, owner) >= options.most_queued_each) {
    refuse(options.most_queued_each, " of your");
  }
}

HttpResponse created(const ApiContext& api, const StoredJob& job) {
  auto response = json_response(201, api.job_view(job));
  response.headers.emplace_back("Location", "/api/v1/jobs/" + job.id);
  return response;
}

/// The response to a repeated request, if one was sent before with the same idempotency key.
std::optional<HttpResponse> answered_before(const ApiContext& api, const std::string& key,
                                            const std::string& content) {
  if (key.empty()) return std::nullopt;
  if (key.size() > kMostKeyBytes) throw HttpError(400, "bad_request", "the Idempotency-Key is too long");
  const auto known = api.store.known_key(key);
  if (!known) return std::nullopt;
  if (known->content != content)
    throw HttpError(409, "other_request", "this Idempotency-Key was sent with another request");
  return json_response(200, api.job_view(api.job(known->job)));
}

HttpResponse add_job(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  auto body = json_object_of(request);
  const auto key = request.header("idempotency-key"), content = content_hash(json_text(body));
  if (auto before = answered_before(api, key, content)) return std::move(*before);
  const auto name = text_of(body, "name"), parent = text_of(body, "parent");
  if (parent && !api.store.job(*parent)) throw usage_error("parent", "there is no job with this id");
  for (const char* own : {"name", "parent"}) body.erase(own);
  JobPlace place;
  place.parent = parent.value_or("");
  place.owner = request.owner;
  place.name = name.value_or("");
  place.key = key;
  place.content = content;
  const auto job = queue_job(api, body, place);
  return created(api, job);
}

HttpResponse jobs(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {"state", "kind", "picture", "learned", "parent", "before", "limit"});
  const auto state = query_value(request, "state");
  const auto limit = page_size(request);
  JobFilter filter;
  if (!state.empty()) filter.state = parse_job_state(state);
  filter.kind = query_value(request, "kind");
  filter.picture = query_value(request, "picture");
  filter.learned = query_value(request, "learned");
  filter.parent = query_value(request, "parent");
  filter.before = query_value(request, "before");
  const auto found = api.store.jobs(filter, limit + 1);
  const auto places = api.dispatcher.places();
  auto list = json::array();
  for (const auto& job : found) {
    if (static_cast<std::int64_t>(list.size()) == limit) break;
    auto summary = job_summary(job, api.dispatcher.progress_of(job.id));
    add_place(summary, places);
    list.push_back(std::move(summary));
  }
  const bool has_more = static_cast<std::int64_t>(found.size()) > limit;
  return json_response(200, {{"next", has_more ? list.back()["id"] : json()}, {"jobs", list}});
}

HttpResponse job(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {"wait", "version"});
  const auto seconds = query_number(request, "wait", 0, 0, kLongestWait);
  const auto version = query_number(request, "version", 0, 0, INT64_MAX);
  const auto found = api.job(request.parts.at(0));
  auto response = json_response(200, api.job_view(found));
  if (found.version <= version && !is_over(found)) response.wait = std::chrono::seconds(seconds);
  return response;
}

HttpResponse cancel(const ApiContext& api, const HttpRequest& request) {
  const auto when = text_of(changes_of(request, {"when"}), "when").value_or("now");
  if (when != "now" && when != "picture") throw usage_error("when", "expected now or picture");
  const auto before = api.job(request.parts.at(0));
  cancel_job(api, before.id, when == "now" ? CancelWhen::now : CancelWhen::picture);
  return json_response(is_over(before) ? 200 : 202, api.job_view(api.job(before.id)));
}

HttpResponse retry(const ApiContext& api, const HttpRequest& request) {
  changes_of(request, {});
  const auto before = api.job(request.parts.at(0));
  if (is_over(before)) check_queue(api, before.lane, before.owner);
  api.check_disk();
  if (!api.store.retry(before.id)) {
    throw HttpError(409, "not_over", "expected a job that has failed or was cancelled");
  }
  api.dispatcher.tell(before.id);
  api.dispatcher.tell_queue();
  api.dispatcher.wake();
  return created(api, api.job(before.id));
}

HttpResponse change_job(const ApiContext& api, const HttpRequest& request) {
  const auto changes = changes_of(request, {"name", "before"});
  const auto name = text_of(changes, "name"), before = text_of(changes, "before");
  const auto job = api.job(request.parts.at(0));
  if (before && !api.store.move_before(job.id, *before)) {
    throw HttpError(409, "not_queued", "expected two jobs that wait", "before");
  }
  if (name) api.store.set_name(job.id, *name);
  api.dispatcher.tell(job.id);
  if (before) api.dispatcher.tell_queue();
  return json_response(200, api.job_view(api.job(job.id)));
}

HttpResponse remove_job(const ApiContext& api, const HttpRequest& request) {
  changes_of(request, {});
  const auto job = api.job(request.parts.at(0));
  if (!api.store.remove_job(job.id)) throw HttpError(409, "running", "the job runs: cancel it first");
  remove_tree(job_folder(api.options.data, job.id));
  remove_tree(export_folder(api.options.data, job.id));
  api.dispatcher.tell_gone("job", job.id);
  api.dispatcher.tell_queue();
  return no_content();
}

}  // namespace

StoredJob queue_job(const ApiContext& api, const json& request, const JobPlace& given) {
  const auto work = api.options.check(request);
  auto place = place_of(api, request);
  check_queue(api, place.lane, given.owner);
  api.check_disk();
  check_learned_model(api, place.learned);
  place.name = given.name;
  place.key = given.key;
  place.content = given.content;
  place.owner = given.owner;
  place.parent = given.parent;
  place.title = title_of(request);
  place.work = work_text(work);
  const auto job = api.store.add_job(request.value("kind", "edit"), json_text(request), place);
  if (job.kind == "draw") {
    for (const auto& older : api.store.supersede(job.id)) api.dispatcher.tell(older);
  }
  api.dispatcher.tell(job.id);
  api.dispatcher.tell_queue();
  api.dispatcher.wake();
  return job;
}

void cancel_job(const ApiContext& api, const std::string& id, CancelWhen when) {
  api.store.request_cancel(id, when);
  api.dispatcher.tell(id);
  api.dispatcher.tell_queue();
  api.dispatcher.wake();
}

void add_job_routes(ApiRoutes& routes, const SharedApi& api) {
  routes.push_back({"POST", "/api/v1/jobs", api->options.most_json, bound(api, add_job)});
  routes.push_back({"GET", "/api/v1/jobs", 0, bound(api, jobs)});
  routes.push_back({"GET", "/api/v1/jobs/{id}", 0, bound(api, job)});
  routes.push_back({"PATCH", "/api/v1/jobs/{id}", kMostChangeBytes, bound(api, change_job)});
  routes.push_back({"DELETE", "/api/v1/jobs/{id}", 0, bound(api, remove_job)});
  routes.push_back({"POST", "/api/v1/jobs/{id}/cancel", kMostChangeBytes, bound(api, cancel)});
  routes.push_back({"POST", "/api/v1/jobs/{id}/retry", kMostChangeBytes, bound(api, retry)});
}

}  // namespace forgedit
