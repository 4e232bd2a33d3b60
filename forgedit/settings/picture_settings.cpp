#include "forgedit/settings/picture_settings.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/json.h"
#include "forgedit/core/shallow_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kKey = "forgedit";
/// The keys that decide what a saved edit is, in its info and in an image's settings.
constexpr const char* kLearnedBy[] = {"source", "learning"};

/// The object under `key`; empty if there is none.
json part(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : json::object();
}

enum class Kind { object, text, number, whole, truth, batch };
struct Expected {
  const char* place;
  Kind kind;
};
/// The values that are read from an image's settings, and their types if they are present.
constexpr Expected kExpected[] = {
    {"/source", Kind::text},
    {"/picture", Kind::object},
    {"/picture/name", Kind::text},
    {"/picture/content", Kind::text},
    {"/picture/background", Kind::text},
    {"/picture/stretched", Kind::truth},
    {"/picture/frame", Kind::object},
    {"/picture/frame/grid_width", Kind::whole},
    {"/picture/frame/grid_height", Kind::whole},
    {"/model", Kind::object},
    {"/model/name", Kind::text},
    {"/model/fingerprint", Kind::text},
    {"/learning", Kind::object},
    {"/learning/method", Kind::text},
    {"/learning/samples", Kind::whole},
    {"/learning/batch", Kind::whole},
    {"/learning/embedding_samples", Kind::whole},
    {"/learning/seed", Kind::whole},
    {"/learning/unet_lr", Kind::number},
    {"/learning/text_lr", Kind::number},
    {"/learning/beta1", Kind::number},
    {"/learning/beta2", Kind::number},
    {"/learning/adam_eps", Kind::number},
    {"/learning/stop_loss", Kind::number},
    {"/learning/stop_after", Kind::whole},
    {"/learning/stop_known", Kind::number},
    {"/learning/lr_decay", Kind::number},
    {"/learning/snr_gamma", Kind::number},
    {"/learning/stratified_timesteps", Kind::truth},
    {"/learning/layers", Kind::text},
    {"/learning/learn", Kind::text},
    {"/learning/lora_rank", Kind::whole},
    {"/learning/lora_alpha", Kind::number},
    {"/learning/fast", Kind::truth},
    {"/drawing", Kind::object},
    {"/drawing/batch", Kind::batch},
    {"/drawing/together", Kind::whole},
    {"/drawing/place", Kind::whole},
    {"/drawing/blend", Kind::number},
    {"/drawing/output_size", Kind::text},
    {"/drawing/mask", Kind::text},
    {"/drawing/region", Kind::text},
    {"/drawing/photo", Kind::text},
    {"/edit", Kind::object},
    {"/edit/kind", Kind::text},
    {"/edit/target", Kind::text},
    {"/edit/strategy", Kind::text},
    {"/edit/interpolation", Kind::text},
    {"/edit/gamma", Kind::number},
    {"/edit/alpha", Kind::number},
    {"/edit/beta", Kind::number},
    {"/edit/sampler", Kind::text},
    {"/edit/steps", Kind::whole},
    {"/edit/guidance", Kind::number},
    {"/edit/start", Kind::number},
    {"/edit/protect", Kind::truth},
    {"/edit/seed", Kind::whole},
};

/// Null if the value has this type, else the name of the type.
const char* other_than(Kind kind, const json& value) {
  switch (kind) {
    case Kind::object:
      return value.is_object() ? nullptr : "an object";
    case Kind::text:
      return value.is_string() ? nullptr : "a text";
    case Kind::number:
      return value.is_number() ? nullptr : "a number";
    case Kind::whole:
      return value.is_number_integer() ? nullptr : "a whole number";
    case Kind::truth:
      return value.is_boolean() ? nullptr : "true or false";
    case Kind::batch:
      return value.is_number_integer() || value == "auto" ? nullptr : "a whole number or \"auto\"";
  }
  return nullptr;
}

[[noreturn]] void refuse(const std::string& place, const char* expected) {
  throw SettingsError("bad_settings", "the image's settings: " + place + ": expected " + expected);
}

/// Checks the types of all values that are read, because anybody may have written the image's settings.
void check_kinds(const json& settings) {
  for (const auto& [place, kind] : kExpected) {
    const json::json_pointer pointer(place);
    if (!settings.contains(pointer)) continue;
    if (const auto* expected = other_than(kind, settings[pointer])) refuse(place, expected);
  }
  // All values of `learning` go into the request.
  const auto learning = part(settings, "learning");
  for (const auto& [key, value] : learning.items()) {
    if (value.is_structured() || value.is_null()) refuse("/learning/" + key, "a single value");
  }
}

json settings_in(const PngText& texts) {
  for (const auto& [key, text] : texts) {
    if (key != kKey) continue;
    auto settings = parse_shallow_json(text);
    if (settings.is_object() && settings.contains("edit")) return settings;
  }
  throw SettingsError("no_settings", "the image contains no settings of forgedit");
}

void copy(const json& from, json& to, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (from.contains(key)) to[key] = from[key];
  }
}

/// Adds the settings of this one image.
void add_edit(const json& settings, json& request) {
  const auto edit = part(settings, "edit");
  copy(edit, request,
       {"target", "interpolation", "gamma", "alpha", "beta", "sampler", "steps", "guidance", "negative",
        "start", "protect"});
  if (edit.contains("strategy")) request["forget"] = edit["strategy"];
  copy(part(settings, "drawing"), request, {"blend"});
}

/// Adds the settings of fine-tuning.
void add_learning(const json& settings, json& request) {
  auto learning = part(settings, "learning");
  const auto edit = part(settings, "edit");
  request["seeds"] = json::array({learning.value("seed", json(0))});
  if (request["seeds"][0] != edit["seed"]) request["seeds"].push_back(edit["seed"]);
  learning.erase("seed");
  if (learning.value("embedding_samples", json(0)) == 0) learning.erase("embedding_samples");
  // Records omit what is off, but a request without these keys would use the model's defaults.
  for (const char* key : {"stop_known", "lr_decay", "snr_gamma"}) learning.emplace(key, 0);
  learning.emplace("stratified_timesteps", false);
  const bool has_source = learning.value("method", "") != "imagic";
  learning.update(request);  // keys of the edit take precedence
  request = std::move(learning);
  if (has_source) copy(settings, request, {"source"});
  const auto picture = part(settings, "picture");
  copy(picture, request, {"background"});
  if (picture.value("stretched", json(false)) == true) {
    const auto frame = part(picture, "frame");
    request["size"] =
        std::to_string(frame.value("grid_width", 0)) + "x" + std::to_string(frame.value("grid_height", 0));
  }
  const auto output = part(settings, "drawing").value("output_size", json("model"));
  if (output != "model") request["output_size"] = output;
  copy(part(settings, "drawing"), request, {"region"});
}

}  // namespace

json edit_settings(const PngText& texts) {
  auto settings = settings_in(texts);
  check_kinds(settings);
  if (!settings["edit"].contains("seed")) refuse("/edit/seed", "a whole number");
  if (settings["edit"].value("kind", "") != "edit") {
    throw SettingsError("no_edit", "the image is not an edit, so it cannot be generated by itself");
  }
  return settings;
}

json learned_info(const fs::path& folder) {
  const auto record = read_json_object(folder / "learned.json");
  const auto seen = read_image(folder / "original.png");
  try {
    const auto& model = record.at("base_model");
    return {
        {"source", record.at("source")},
        {"method", record.at("learning").value("method", "vanilla")},
        {"losses", record.value("losses", json::array())},
        {"learning", record.at("learning")},
        {"width", record.at("frame").at("width")},
        {"height", record.at("frame").at("height")},
        {"model",
         {{"name", model.value("name", "")},
          {"fingerprint", model.value("fingerprint", "")},
          {"precision", record.value("precision", "")}}},
        {"content", content_hash({reinterpret_cast<const char*>(seen.pixels.data()), seen.pixels.size()})}};
  } catch (const json::exception& error) {
    throw failure((folder / "learned.json").string() + ": " + error.what());
  }
}

bool is_learned_by(const json& info, const json& settings) {
  for (const char* key : kLearnedBy) {
    if (info.value(key, json()) != settings.value(key, json())) return false;
  }
  return info.value("content", json()) == part(settings, "picture").value("content", json()) &&
         part(info, "model").value("fingerprint", json()) ==
             part(settings, "model").value("fingerprint", json());
}

json request_to_draw_again(const json& settings) {
  json request{{"kind", "draw"}, {"seed", part(settings, "edit")["seed"]}};
  add_edit(settings, request);
  return request;
}

json request_to_learn_again(const json& settings) {
  json request{{"kind", "edit"}};
  add_edit(settings, request);
  add_learning(settings, request);
  return request;
}

}  // namespace forgedit
