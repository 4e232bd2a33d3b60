#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/pictures/png_text.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/exports.h"
#include "forgedit/serve/thumbnails.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kSheetName = "sheet.png";
constexpr const char* kChartName = "chart.png";
constexpr const char* kReportName = "report.html";
constexpr const char* kRecordName = "edit.json";

/// Lets browsers cache the response for ever: the bytes of an address never change.
void keep_for_ever(HttpResponse& response) {
  response.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
}

HttpResponse whole_picture(const fs::path& file, bool with_metadata) {
  if (with_metadata) return file_response(file, "image/png");
  if (!is_there(file)) throw HttpError(410, "file_gone", "the file was deleted");
  HttpResponse response;
  response.content_type = "image/png";
  response.body = without_png_text(read_file(file), file.filename().string());
  return response;
}

HttpResponse job_picture(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {"metadata", "size"});
  const auto metadata = query_value(request, "metadata"), size = query_value(request, "size");
  if (!metadata.empty() && metadata != "none") throw usage_error("metadata", "expected none");
  if (!size.empty() && size != "thumb") throw usage_error("size", "expected thumb");
  const auto found = api.job(request.parts.at(0));
  const auto& stem = request.parts.at(1);
  // The stem must be in the store, so it is a name that the job gave and no path of the client.
  const bool is_known = api.store.has_picture(found.id, stem) && stem.find('/') == std::string::npos;
  if (!is_known) throw HttpError(404, "no_such_picture", "the job has no image of this name");
  const auto small = thumbnail_of(api.options.data, found.id, stem);
  const bool is_small = size == "thumb" && is_there(small);
  auto response =
      is_small ? file_response(small, "image/webp")
               : whole_picture(job_folder(api.options.data, found.id) / (stem + ".png"), metadata.empty());
  // The image without metadata gets another name than the one with its settings.
  if (!metadata.empty()) save_as(response, stem + "-plain.png");
  keep_for_ever(response);
  return response;
}

HttpResponse job_file(const ApiContext& api, const HttpRequest& request, const char* name, const char* type) {
  check_query(request, {});
  const auto found = api.job(request.parts.at(0));
  auto response = file_response(job_folder(api.options.data, found.id) / name, type);
  if (is_there(response.file)) return response;
  if (is_over(found)) throw HttpError(404, "not_found", std::string("the job has no ") + name);
  throw HttpError(409, "not_yet", std::string("the job has no ") + name + " yet");
}

HttpResponse all_files(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  const auto found = api.job(request.parts.at(0));
  const auto folder = job_folder(api.options.data, found.id);
  const auto prefix = "forgedit-" + found.id.substr(0, 10);
  std::vector<ZipInput> files;
  const auto add = [&](const std::string& name) {
    if (is_there(folder / name)) files.push_back({prefix + "/" + name, folder / name});
  };
  for (const auto& picture : api.store.pictures(found.id)) add(picture.stem + ".png");
  for (const char* name : {kSheetName, kReportName, kChartName, kRecordName}) add(name);
  if (files.empty()) {
    throw HttpError(is_over(found) ? 404 : 409, is_over(found) ? "not_found" : "not_yet",
                    "the job has no files");
  }
  auto response = zip_of(files);
  save_as(response, prefix + ".zip");
  return response;
}

HttpResponse export_file(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  const auto found = api.job(request.parts.at(0));
  const auto& name = request.parts.at(1);
  const auto result = found.result.empty() ? json::object() : json::parse(found.result);
  for (const auto& file : result.value("files", json::array())) {
    if (file.value("name", "") != name) continue;
    const auto place = export_folder(api.options.data, found.id);
    const auto inside = file.value("inside", "");
    auto response = inside.empty() ? file_response(place / name, "application/octet-stream")
                                   : zip_of_folder(place / inside, inside);
    save_as(response, name);
    return response;
  }
  if (found.kind == "export" && !is_over(found))
    throw HttpError(409, "not_yet", "the export is not finished");
  throw HttpError(404, "not_found", "the export has no file of this name");
}

}  // namespace

void add_result_routes(ApiRoutes& routes, const SharedApi& api) {
  const auto file = [&api](const char* name, const char* type) {
    return bound(api, [name, type](const ApiContext& context, const HttpRequest& request) {
      return job_file(context, request, name, type);
    });
  };
  routes.push_back({"GET", "/api/v1/jobs/{id}/pictures/{stem}.png", 0, bound(api, job_picture)});
  routes.push_back({"GET", "/api/v1/jobs/{id}/sheet.png", 0, file(kSheetName, "image/png")});
  routes.push_back({"GET", "/api/v1/jobs/{id}/chart.png", 0, file(kChartName, "image/png")});
  routes.push_back({"GET", "/api/v1/jobs/{id}/edit.json", 0, file(kRecordName, "application/json")});
  routes.push_back({"GET", "/api/v1/jobs/{id}/all.zip", 0, bound(api, all_files)});
  routes.push_back({"GET", "/api/v1/exports/{id}/{name}", 0, bound(api, export_file)});
}

}  // namespace forgedit
