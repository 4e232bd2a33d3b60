#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/picture_format.h"
#include "forgedit/io/pictures/png_text.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/job_view.h"
#include "forgedit/serve/settings_of.h"

namespace forgedit {
namespace {

using nlohmann::json;

json gallery_json(const GalleryPicture& found) {
  auto result = picture_json(found.job, found.picture);
  result["job"] = found.job;
  result["picture"] = found.source.empty() ? json() : json(found.source);
  result["made"] = found.made;
  result["kind"] = found.job_kind;
  result["learned"] = found.job_learned.empty() ? json() : json(found.job_learned);
  result["parent"] = found.job_parent.empty() ? json() : json(found.job_parent);
  return result;
}

HttpResponse gallery(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {"star", "picture", "target", "before", "limit"});
  const auto limit = page_size(request);
  GalleryFilter filter;
  filter.star = query_boolean(request, "star");
  filter.picture = query_value(request, "picture");
  filter.target = query_value(request, "target");
  filter.before = query_number(request, "before", 0, 1, INT64_MAX);
  const auto found = api.store.gallery(filter, limit + 1);
  const bool has_more = static_cast<std::int64_t>(found.size()) > limit;
  auto list = json::array();
  for (const auto& picture : found) {
    if (static_cast<std::int64_t>(list.size()) < limit) list.push_back(gallery_json(picture));
  }
  const auto last = has_more ? json(found.at(static_cast<std::size_t>(limit) - 1).seq) : json();
  return json_response(200, {{"next", last}, {"pictures", list}});
}

HttpResponse mark(const ApiContext& api, const HttpRequest& request) {
  const auto changes = changes_of(request, {"star", "hidden"});
  const auto job = api.job(request.parts.at(0));
  const auto& stem = request.parts.at(1);
  const bool is_known =
      api.store.mark_picture(job.id, stem, boolean_of(changes, "star"), boolean_of(changes, "hidden"));
  if (!is_known) throw HttpError(404, "no_such_picture", "the job has no image of this name");
  api.dispatcher.tell(job.id);
  return json_response(200, picture_json(job.id, *api.store.picture(job.id, stem)));
}

/// The saved edits and the model that this server has.
SettingsHere here(const ApiContext& api) {
  return {api.store.all_learned(), api.model().value("name", "")};
}

HttpResponse settings_of(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  if (picture_format(request.body) != PictureFormat::png) {
    throw HttpError(415, "not_a_png", "expected a PNG file");
  }
  PngText texts;
  try {
    texts = parse_png_text(request.body, "the picture");
  } catch (const Error& error) {
    throw HttpError(422, "picture_damaged", error.what());
  }
  return json_response(200, request_to_generate_again(texts, here(api)));
}

}  // namespace

void add_gallery_routes(ApiRoutes& routes, const SharedApi& api) {
  routes.push_back({"GET", "/api/v1/gallery", 0, bound(api, gallery)});
  routes.push_back({"PATCH", "/api/v1/gallery/{job}/{stem}", kMostChangeBytes, bound(api, mark)});
  routes.push_back({"POST", "/api/v1/settings-of", api->options.most_upload, bound(api, settings_of),
                    /*is_slow=*/true});
}

}  // namespace forgedit
