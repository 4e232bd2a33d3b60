#include <nlohmann/json.hpp>

#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/exports.h"
#include "forgedit/serve/job_view.h"
#include "forgedit/serve/learned_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;

HttpResponse all_learned(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {"picture"});
  const auto picture = query_value(request, "picture");
  auto list = json::array();
  std::int64_t bytes = 0;
  for (const auto& learned : api.store.all_learned()) {
    if (!picture.empty() && learned.picture != picture) continue;
    bytes += learned.bytes;
    list.push_back(learned_json(learned));
  }
  return json_response(200, {{"learned", list}, {"bytes", bytes}});
}

HttpResponse learned(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  return json_response(200, learned_json(api.learned(request.parts.at(0))));
}

HttpResponse change_learned(const ApiContext& api, const HttpRequest& request) {
  const auto changes = changes_of(request, {"name", "pinned"});
  const auto before = api.learned(request.parts.at(0));
  api.store.change_learned(before.id, text_of(changes, "name"), boolean_of(changes, "pinned"));
  api.dispatcher.tell_learned(before.id, before.job);
  return json_response(200, learned_json(api.learned(before.id)));
}

HttpResponse forget_learned(const ApiContext& api, const HttpRequest& request) {
  changes_of(request, {});
  const auto found = api.learned(request.parts.at(0));
  if (api.store.is_in_use(found.id)) throw HttpError(409, "in_use", "an unfinished job needs it");
  remove_learned(api.options.data, api.store, found.id);
  api.dispatcher.tell_gone("learned", found.id);
  return no_content();
}

HttpResponse saved_zip(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  const auto found = api.learned(request.parts.at(0));
  const auto name = "learned-" + found.id.substr(0, 10) + ".edit";
  auto response = zip_of_folder(learned_folder(api.options.data, found.id), name);
  save_as(response, name + ".zip");
  return response;
}

}  // namespace

void add_learned_routes(ApiRoutes& routes, const SharedApi& api) {
  routes.push_back({"GET", "/api/v1/learned", 0, bound(api, all_learned)});
  routes.push_back({"GET", "/api/v1/learned/{id}", 0, bound(api, learned)});
  routes.push_back({"PATCH", "/api/v1/learned/{id}", kMostChangeBytes, bound(api, change_learned)});
  routes.push_back({"DELETE", "/api/v1/learned/{id}", 0, bound(api, forget_learned)});
  routes.push_back({"GET", "/api/v1/learned/{id}/saved.zip", 0, bound(api, saved_zip)});
}

}  // namespace forgedit
