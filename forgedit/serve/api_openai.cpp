#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "forgedit/core/base64.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/serve/api_parts.h"
#include "forgedit/serve/job_view.h"
#include "forgedit/serve/openai_form.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr const char* kAnyModel = "forgedit";
constexpr std::size_t kMostFields = 64 << 10;  // bytes of a form, besides its picture
constexpr std::size_t kPngSizes = 16;          // offset of width and height in a PNG file
constexpr std::int64_t kMsInSecond = 1000;

/// The name of the server's model; empty before a worker has reported it.
std::string model_name(const ApiContext& api) {
  return api.model().value("name", "");
}

HttpResponse models(const ApiContext& api, const HttpRequest& request) {
  check_query(request, {});
  auto list = json::array();
  for (const auto& id : {std::string(kAnyModel), model_name(api)}) {
    if (id.empty()) continue;
    list.push_back({{"id", id}, {"object", "model"}, {"created", 0}, {"owned_by", "forgedit"}});
  }
  return json_response(200, {{"object", "list"}, {"data", list}});
}

/// The settings of an image without its sampling steps: equal for two images that differ only in these.
std::string settings_without_steps(json entry) {
  for (const char* key : {"steps", "safety"}) entry.erase(key);
  return entry.dump();
}

/// The stems of a job's edits, the best ones first if they were chosen, then in the order in which they were
/// generated. A candidate is skipped if it was generated again with all steps.
std::vector<std::string> ranked(const StoredJob& job, const std::vector<StoredPicture>& pictures) {
  std::vector<std::string> stems;
  const auto add = [&](const json& stem) {
    if (!stem.is_string()) return;
    const auto name = stem.get<std::string>();
    if (std::find(stems.begin(), stems.end(), name) == stems.end()) stems.push_back(name);
  };
  const auto result = json::parse(job.result, nullptr, /*allow_exceptions=*/false);
  if (result.is_object() && result.contains("choice")) {
    const auto& choice = result["choice"];
    for (const auto& pick : choice.value("best", json::array())) add(pick.value("stem", json()));
    for (const auto& stem : choice.value("front", json::array())) add(stem);
  }
  std::vector<std::pair<std::string, std::string>> edits;  // stem, settings
  std::set<std::string> shown;
  for (const auto& picture : pictures) {
    const auto entry = json::parse(picture.entry, nullptr, /*allow_exceptions=*/false);
    if (!entry.is_object() || entry.value("kind", "edit") != "edit") continue;
    edits.emplace_back(picture.stem, settings_without_steps(entry));
    if (std::find(stems.begin(), stems.end(), picture.stem) != stems.end()) shown.insert(edits.back().second);
  }
  for (const auto& [stem, settings] : edits) {
    if (shown.count(settings) == 0) add(stem);
  }
  return stems;
}

std::string size_of_png(std::string_view file) {
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(file[at + i]);
    return value;
  };
  if (file.size() < kPngSizes + 8) return {};
  return std::to_string(number(kPngSizes)) + "x" + std::to_string(number(kPngSizes + 4));
}

/// The error for a job that ended without images.
HttpError end_of(const StoredJob& job) {
  if (job.state == JobState::cancelled) return {409, "cancelled", "the job " + job.id + " was cancelled"};
  if (job.error_code == "bad_request") return {400, "bad_request", job.error};
  return {500, job.error_code.empty() ? "failure" : job.error_code, job.error};
}

struct Wanted {
  std::string job;
  std::size_t count = 1;
  std::string address;  ///< address of this server if the client wants addresses of images; else empty
};

HttpResponse pictures_of(const ApiContext& api, const StoredJob& job, const Wanted& wanted) {
  const auto pictures = api.store.pictures(job.id);
  auto stems = ranked(job, pictures);
  if (stems.size() > wanted.count) stems.resize(wanted.count);
  auto data = json::array();
  std::string size;
  for (const auto& stem : stems) {
    const auto file = read_file(job_folder(api.options.data, job.id) / (stem + ".png"));
    if (size.empty()) size = size_of_png(file);
    if (wanted.address.empty()) {
      data.push_back({{"b64_json", base64(file)}});
    } else {
      const std::string place = picture_json(job.id, {stem, "{}"}).at("url");
      data.push_back({{"url", wanted.address + place}});
    }
  }
  auto response = json_response(
      200, {{"created", job.ended / kMsInSecond}, {"data", data}, {"output_format", "png"}, {"size", size}});
  response.headers.emplace_back("X-Forgedit-Job", job.id);
  return response;
}

/// The response with the images. While the job runs, a response 504 that waits: it is sent if the job takes
/// too long.
HttpResponse look_at_job(const ApiContext& api, const Wanted& wanted) {
  const auto job = api.job(wanted.job);
  if (job.state == JobState::done) return pictures_of(api, job, wanted);
  if (is_over(job)) throw end_of(job);
  auto response = error_response(HttpError(
      504, "timeout", "the job " + job.id + " is still running: its state is at api/v1/jobs/" + job.id));
  response.headers.emplace_back("X-Forgedit-Job", job.id);
  response.wait = api.options.sync_time;
  return response;
}

void check_model_name(const ApiContext& api, const std::string& model) {
  const auto own = model_name(api);
  if (model.empty() || model == kAnyModel || model == own) return;
  throw HttpError(404, "model_not_found",
                  "there is no such model: expected " + (own.empty() ? kAnyModel : own), "model");
}

/// Stores the mask and returns its id. Throws HttpError 400 unless it has the picture's size; the job reports
/// all other errors of a mask.
std::string keep_mask(const ApiContext& api, std::string_view file, const StoredUpload& picture) {
  const auto mask = keep_upload(api.options.data, api.store, file, "mask").upload;
  if (mask.width == picture.width && mask.height == picture.height) return mask.id;
  const auto size = [](const StoredUpload& upload) {
    return std::to_string(upload.width) + "x" + std::to_string(upload.height);
  };
  throw HttpError(400, "bad_request", "is " + size(mask) + ", expected the picture's size, " + size(picture),
                  "mask");
}

StoredJob start_edit(const ApiContext& api, const OpenAiEdit& edit, const std::string& owner) {
  check_model_name(api, edit.model);
  api.check_disk();
  auto asked = json::parse(edit.request);
  const auto picture =
      keep_upload(api.options.data, api.store, edit.picture, edit.picture_name.substr(0, kMostNameBytes))
          .upload;
  asked["picture"] = picture.id;
  if (!edit.mask.empty()) asked["mask"] = keep_mask(api, edit.mask, picture);
  try {
    JobPlace place;
    place.owner = owner;
    return queue_job(api, asked, place);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
    throw HttpError(400, "bad_request", error.what(), openai_field(error.field()));
  }
}

HttpResponse edit_image(const SharedApi& api, const HttpRequest& request) {
  check_query(request, {});
  const auto edit = read_openai_edit(request.header("content-type"), request.body);
  Wanted wanted;
  wanted.count = static_cast<std::size_t>(edit.count);
  const bool is_secure = api->options.behind_proxy && request.header("x-forwarded-proto") == "https";
  if (edit.as_address) {
    wanted.address =
        (is_secure ? "https://" : "http://") + request.header("host") + api->options.base_path + "/";
  }
  wanted.job = start_edit(*api, edit, request.owner).id;
  auto response = look_at_job(*api, wanted);
  response.again = [api, wanted] { return look_at_job(*api, wanted); };
  // The client has gone, so nobody needs the images.
  response.left = [api, job = wanted.job] { cancel_job(*api, job, CancelWhen::now); };
  return response;
}

}  // namespace

void add_openai_routes(ApiRoutes& routes, const SharedApi& api) {
  routes.push_back({"GET", "/v1/models", 0, bound(api, models)});
  routes.push_back({"POST", "/v1/images/edits", api->options.most_upload + kMostFields,
                    [api](const HttpRequest& request) { return edit_image(api, request); },
                    /*is_slow=*/true});
}

}  // namespace forgedit
