#include "forgedit/serve/settings_of.h"

#include <nlohmann/json.hpp>

#include "forgedit/serve/http.h"
#include "forgedit/settings/picture_settings.h"

namespace forgedit {
namespace {

using nlohmann::json;

json settings_in(const PngText& texts) {
  try {
    return edit_settings(texts);
  } catch (const SettingsError& error) {
    throw HttpError(422, error.code(), error.what());
  }
}

}  // namespace

json request_to_generate_again(const PngText& texts, const SettingsHere& here) {
  const auto settings = settings_in(texts);
  const auto part = [&](const char* key) { return settings.value(key, json::object()); };
  json learned_here, picture_here;
  const auto content = part("picture").value("content", json());
  for (const auto& learned : here.learned) {
    const auto info = json::parse(learned.info, nullptr, /*allow_exceptions=*/false);
    if (!info.is_object() || info.value("content", json()) != content) continue;
    if (picture_here.is_null() && !learned.picture.empty()) picture_here = learned.picture;
    if (learned_here.is_null() && is_learned_by(info, settings)) learned_here = learned.id;
  }
  json request;
  if (learned_here.is_null()) {
    request = request_to_learn_again(settings);
    if (!picture_here.is_null()) request["picture"] = picture_here;
  } else {
    request = request_to_draw_again(settings);
    request["learned"] = learned_here;
  }
  auto unknown = json::array();
  const auto model = part("model").value("name", "");
  if (model != here.model) unknown.push_back("model " + model);
  if (learned_here.is_null() && picture_here.is_null()) {
    unknown.push_back("picture " + part("picture").value("name", ""));
  }
  if (part("drawing").contains("mask")) unknown.push_back("the mask");
  if (!learned_here.is_null() && part("drawing").contains("region"))
    unknown.push_back("the picture around the region");
  return {{"request", request},           {"model_here", model == here.model},
          {"learned_here", learned_here}, {"picture_here", picture_here},
          {"settings", settings},         {"unknown", unknown}};
}

}  // namespace forgedit
