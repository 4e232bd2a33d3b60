#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/version.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

using nlohmann::json;

HttpResponse health(const ApiContext&, const HttpRequest& request) {
  check_query(request, {});
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "ok\n";
  return response;
}

HttpResponse info(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  const auto told = api.dispatcher.worker_info();
  // The worker reports this, so nothing is known before the first one has started.
  auto result = told.empty() ? json{{"model", nullptr}} : json::parse(told);
  result["speeds"] = Speeds(api.store, told).list();
  result["version"] = software_name();
  result["worker"] = {{"state", api.dispatcher.worker_state()}};
  result["limits"] = {{"upload_bytes", api.options.most_upload},
                      {"upload_pixels", kMostUploadPixels},
                      {"request_bytes", api.options.most_json},
                      {"queued", api.options.most_queued},
                      {"queued_each", api.options.most_queued_each}};
  return json_response(200, result);
}

HttpResponse events(const ApiContext&, const HttpRequest& request) {
  check_query(request, {"previews"});
  HttpResponse response;
  response.events = true;
  response.previews = query_boolean(request, "previews").value_or(false);
  return response;
}

json queue_json(const ApiContext& api) {
  auto queued = json::array();
  for (const auto& place : api.dispatcher.places()) queued.push_back(place_json(place, queued.size() + 1));
  return {{"paused", api.store.is_paused()},
          {"length", queued.size()},
          {"most", api.options.most_queued},
          {"running", api.store.count(JobState::running)},
          {"queued", queued}};
}

HttpResponse queue(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  return json_response(200, queue_json(api));
}

HttpResponse change_queue(const ApiContext& api, const HttpRequest& request) {
  if (const auto paused = boolean_of(changes_of(request, {"paused"}), "paused")) {
    api.store.set_paused(*paused);
    api.dispatcher.tell_queue();
    api.dispatcher.wake();
  }
  return json_response(200, queue_json(api));
}

HttpResponse unload(const ApiContext& api, const HttpRequest& request) {
  changes_of(request, {});
  if (!api.dispatcher.unload()) throw HttpError(409, "running", "a job runs: the model is needed");
  return json_response(202, {{"worker", api.dispatcher.worker_state()}});
}

}  // namespace

void add_server_routes(ApiRoutes& routes, const SharedApi& api) {
  routes.push_back({"GET", "/healthz", 0, bound(api, health)});
  routes.push_back({"GET", "/api/v1/info", 0, bound(api, info)});
  routes.push_back({"GET", "/api/v1/events", 0, bound(api, events)});
  routes.push_back({"GET", "/api/v1/queue", 0, bound(api, queue)});
  routes.push_back({"PATCH", "/api/v1/queue", kMostChangeBytes, bound(api, change_queue)});
  routes.push_back({"POST", "/api/v1/worker/unload", kMostChangeBytes, bound(api, unload)});
}

}  // namespace forgedit
