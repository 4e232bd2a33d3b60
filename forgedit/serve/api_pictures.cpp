#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/text.h"
#include "forgedit/io/pictures/frame.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/job_view.h"
#include "forgedit/serve/multipart.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

using nlohmann::json;

/// The JSON of a picture with its "frame", its place in what the model sees; null before the model is known.
json described(const ApiContext& api, const StoredUpload& upload) {
  auto result = upload_json(upload);
  result["frame"] = nullptr;
  const auto model = api.model();
  const auto size = model.value("size", json()), multiple = model.value("multiple", json());
  if (!size.is_number() || !multiple.is_number() || upload.width == 0) return result;
  try {
    const auto side = size.get<std::int64_t>();
    const auto frame = fit_frame(static_cast<int>(upload.width), static_cast<int>(upload.height), side * side,
                                 multiple.get<int>());
    result["frame"] = {
        {"width", frame.width}, {"height", frame.height},         {"left", frame.left},
        {"top", frame.top},     {"grid_width", frame.grid_width}, {"grid_height", frame.grid_height}};
  } catch (const Error& error) {
    result["problem"] = error.what();
  }
  return result;
}

struct SentFile {
  std::string_view bytes;
  std::string name;
};

/// The picture from the body, or from the only file of a form.
SentFile sent_file(const HttpRequest& request) {
  const auto& type = request.content_type;
  if (starts_with(type, "image/") || type == "application/octet-stream") return {request.body, {}};
  if (type != "multipart/form-data") {
    throw HttpError(415, "not_a_picture",
                    "expected the picture's bytes as the body, of a type image/…, or a form with one file");
  }
  const auto parts = read_multipart(request.header("content-type"), request.body);
  if (parts.size() != 1 || !parts[0].file_name)
    throw HttpError(400, "bad_form", "expected a form with one file and nothing else");
  return {parts[0].content, *parts[0].file_name};
}

HttpResponse add_picture(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {"name"});
  const auto file = sent_file(request);
  const auto name = request.query.count("name") > 0 ? query_value(request, "name") : file.name;
  if (name.size() > kMostNameBytes) throw usage_error("name", "expected at most 200 bytes");
  api.check_disk();
  const auto kept = keep_upload(api.options.data, api.store, file.bytes, name);
  auto response = json_response(kept.is_new ? 201 : 200, described(api, kept.upload));
  response.headers.emplace_back("Location", "/api/v1/pictures/" + kept.upload.id);
  return response;
}

HttpResponse pictures(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {"before", "limit"});
  const auto limit = page_size(request);
  const auto found = api.store.uploads(query_value(request, "before"), limit + 1);
  auto list = json::array();
  for (const auto& upload : found) {
    if (static_cast<std::int64_t>(list.size()) < limit) list.push_back(described(api, upload));
  }
  const bool has_more = static_cast<std::int64_t>(found.size()) > limit;
  return json_response(200, {{"next", has_more ? list.back()["id"] : json()}, {"pictures", list}});
}

HttpResponse picture(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  return json_response(200, described(api, api.upload(request.parts.at(0))));
}

HttpResponse remove_picture(const ApiContext& api, const HttpRequest& request) {
  changes_of(request, {});
  const auto upload = api.upload(request.parts.at(0));
  if (api.store.is_in_use(upload.id)) throw HttpError(409, "in_use", "an unfinished job needs it");
  api.store.remove_upload(upload.id);
  remove_tree(upload_folder(api.options.data, upload.id));
  api.dispatcher.tell_gone("picture", upload.id);
  return no_content();
}

/// The response with one of the small copies. The uploaded file itself is never sent.
HttpResponse copy_of(const ApiContext& api, const HttpRequest& request, const char* name) {
  check_query(request, {});
  const auto upload = api.upload(request.parts.at(0));
  auto response = file_response(upload_folder(api.options.data, upload.id) / name, "image/webp");
  response.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
  return response;
}

HttpResponse view(const ApiContext& api, const HttpRequest& request) {
  return copy_of(api, request, kViewFile);
}

HttpResponse thumb(const ApiContext& api, const HttpRequest& request) {
  return copy_of(api, request, kThumbFile);
}

}  // namespace

void add_picture_routes(ApiRoutes& routes, const SharedApi& api) {
  routes.push_back({"POST", "/api/v1/pictures", api->options.most_upload, bound(api, add_picture),
                    /*is_slow=*/true});
  routes.push_back({"GET", "/api/v1/pictures", 0, bound(api, pictures)});
  routes.push_back({"GET", "/api/v1/pictures/{id}", 0, bound(api, picture)});
  routes.push_back({"DELETE", "/api/v1/pictures/{id}", 0, bound(api, remove_picture)});
  routes.push_back({"GET", "/api/v1/pictures/{id}/view.webp", 0, bound(api, view)});
  routes.push_back({"GET", "/api/v1/pictures/{id}/thumb.webp", 0, bound(api, thumb)});
}

}  // namespace forgedit
