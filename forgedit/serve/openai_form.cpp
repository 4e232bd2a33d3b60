#include "forgedit/serve/openai_form.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "forgedit/core/json_text.h"
#include "forgedit/core/suggest.h"
#include "forgedit/core/text.h"
#include "forgedit/serve/http.h"
#include "forgedit/serve/multipart.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostCount = 10, kMostAutoPictures = 200;
// The default number of candidates from which the best are chosen: at least 8, and 4 for each image to
// return.
constexpr std::int64_t kLeastAutoPictures = 8, kAutoPicturesEach = 4;
constexpr std::size_t kMostNumberBytes = 32;

[[noreturn]] void reject(const std::string& field, const std::string& what) {
  throw HttpError(400, "bad_request", what, field);
}

/// The text fields of a form by their names.
class Fields {
 public:
  void add(const FormPart& part) {
    if (!texts_.emplace(part.name, part.content).second) reject(part.name, "is in the form twice");
  }
  std::string text(const std::string& name) {
    const auto found = texts_.find(name);
    if (found == texts_.end()) return {};
    auto text = std::string(found->second);
    texts_.erase(found);
    return text;
  }
  std::int64_t whole(const std::string& name, std::int64_t usual, std::int64_t low, std::int64_t high) {
    const auto value = text(name);
    if (value.empty()) return usual;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size() && number >= low && number <= high)
      return number;
    reject(name, "expected a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  /// Throws HttpError unless the field is missing or has one of the `known` values, which have no effect.
  void only(const std::string& name, const std::vector<std::string>& known, const std::string& why) {
    const auto value = text(name);
    if (value.empty() || std::find(known.begin(), known.end(), value) != known.end()) return;
    reject(name, why);
  }
  bool has(const std::string& name) const { return texts_.count(name) > 0; }
  /// Throws HttpError if a field was not read.
  void finish() const {
    if (texts_.empty()) return;
    const auto& name = texts_.begin()->first;
    reject(name, "unknown field" + did_you_mean(name, {"image", "prompt", "model", "n", "size",
                                                       "response_format", "output_format", "source", "forget",
                                                       "gamma", "seed", "auto_pictures", "method"}));
  }

 private:
  std::map<std::string, std::string_view> texts_;
};

void take_picture(const FormPart& part, OpenAiEdit& edit) {
  if (!edit.picture.empty()) reject("image", "expected one picture, got several");
  if (part.content.empty()) reject("image", "is empty");
  edit.picture = part.content;
  edit.picture_name = part.file_name.value_or("");
}

/// Rejects fields whose functions are not supported, instead of ignoring them.
void refuse_what_is_missing(Fields& fields) {
  fields.only("stream", {"false"}, "is not supported: use api/v1/events for progress");
  fields.only("partial_images", {"0"}, "is not supported: use api/v1/events for previews");
  fields.only("output_format", {"png"}, "expected png: other formats are not supported");
  fields.only("background", {"auto", "opaque"}, "expected auto: images are opaque");
  fields.only("quality", {"auto"}, "expected auto: there is only one quality");
  fields.text("user");  // has no effect
}

void read_settings(Fields& fields, OpenAiEdit& edit) {
  json request{{"kind", "edit"}};
  request["target"] = fields.text("prompt");
  if (is_blank(request["target"].get<std::string>())) reject("prompt", "give the prompt of the edit");
  for (const char* name : {"source", "method", "forget"}) {
    if (auto text = fields.text(name); !text.empty()) request[name] = std::move(text);
  }
  if (const auto size = fields.text("size"); !size.empty() && size != "auto") request["size"] = size;
  request["seeds"] = fields.whole("seed", 0, 0, INT64_MAX);
  const auto gamma = fields.text("gamma");
  if (gamma.empty()) {
    const auto usual = std::max<std::int64_t>(kLeastAutoPictures, kAutoPicturesEach * edit.count);
    request["auto"] = {{"pictures", fields.whole("auto_pictures", usual, edit.count, kMostAutoPictures)}};
    edit.request = json_text(request);
    return;
  }
  if (fields.has("auto_pictures")) reject("auto_pictures", "cannot be combined with gamma");
  const auto number = json::parse(gamma.substr(0, kMostNumberBytes), nullptr, /*allow_exceptions=*/false);
  if (!number.is_number()) reject("gamma", "expected one number");
  request["gamma"] = number;
  request["repeat"] = edit.count;
  edit.request = json_text(request);
}

}  // namespace

OpenAiEdit read_openai_edit(std::string_view content_type, std::string_view body) {
  OpenAiEdit edit;
  Fields fields;
  for (const auto& part : read_multipart(content_type, body)) {
    if (part.name == "image" || part.name == "image[]") {
      take_picture(part, edit);
    } else if (part.name == "mask") {
      if (!edit.mask.empty()) reject("mask", "expected one mask, got several");
      if (part.content.empty()) reject("mask", "is empty");
      edit.mask = part.content;
    } else {
      fields.add(part);
    }
  }
  if (edit.picture.empty()) reject("image", "give the picture to edit");
  edit.model = fields.text("model");
  edit.count = static_cast<int>(fields.whole("n", 1, 1, kMostCount));
  const auto format = fields.text("response_format");
  if (!format.empty() && format != "b64_json" && format != "url")
    reject("response_format", "expected url or b64_json");
  edit.as_address = format == "url";
  refuse_what_is_missing(fields);
  read_settings(fields, edit);
  fields.finish();
  return edit;
}

std::string openai_field(const std::string& key) {
  if (key == "target" || key == "targets") return "prompt";
  if (key == "seeds") return "seed";
  if (key == "repeat") return "n";
  if (starts_with(key, "auto")) return "auto_pictures";
  return key == "picture" ? "image" : key;
}

}  // namespace forgedit
