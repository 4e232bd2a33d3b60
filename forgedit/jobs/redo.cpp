#include "forgedit/jobs/redo.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/one_line.h"
#include "forgedit/jobs/edit_record.h"
#include "forgedit/jobs/request_json.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/model/picture_grid.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/pipelines/records/settings_json.h"
#include "forgedit/settings/picture_settings.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::int64_t kMostTogether = 1000;

/// Names and versions, which decide no pixel, how the images of a run were batched, and whether it was
/// checked.
constexpr const char* kIgnoredDifferences[] = {"/software",      "/picture/name",     "/model/name",
                                               "/drawing/batch", "/drawing/together", "/drawing/place",
                                               "/drawing/safety"};
/// What may change the last bits.
constexpr const char* kMachineDifferences[] = {"/model/device", "/model/precision", "/model/libtorch"};

template <typename List>
bool is_one_of(const List& list, const std::string& place) {
  return std::any_of(std::begin(list), std::end(list), [&](const char* item) { return place == item; });
}

std::string value_text(const json& flat, const std::string& place) {
  return flat.contains(place) ? one_line(flat[place].dump()) : "nothing";
}

/// The settings of a picture, as its file has them.
json settings_of(const fs::path& picture) {
  try {
    return edit_settings(read_png_text(picture));
  } catch (const SettingsError& error) {
    throw failure(picture.string() + ": " + error.what());
  }
}

/// What a generated picture's file would say.
json settings_now(const EditRun& run, const Candidate& candidate) {
  for (const auto& [keyword, text] : picture_text(run, candidate)) {
    if (keyword == "forgedit") return json::parse(text);
  }
  return {};
}

/// Ends the job where a picture with other settings would come of it.
void check_settings(const json& wanted, const json& now, const std::string& name,
                    const std::function<void(const std::string&)>& warn) {
  const auto before = wanted.flatten(), after = now.flatten();
  auto places = before;
  places.update(after);
  for (const auto& item : places.items()) {
    const auto& place = item.key();
    const bool is_same = before.contains(place) && after.contains(place) && before[place] == after[place];
    if (is_same || is_one_of(kIgnoredDifferences, place)) continue;
    const auto was = value_text(before, place), is = value_text(after, place);
    if (is_one_of(kMachineDifferences, place)) {
      warn(fmt::format("{} was made with {} {}, and is generated again with {}: pixels may differ", name,
                       place.substr(std::string("/model/").size()), was, is));
    } else if (place == "/model/fingerprint") {
      throw usage_error("model", fmt::format("{} was made with another model, {}: give that model, with its "
                                             "LoRA files and clip_skip if it had any",
                                             name, before.value("/model/name", "")));
    } else if (place == "/drawing/mask") {
      throw usage_error("mask", name + " was made with another mask");
    } else {
      throw failure(fmt::format("{} cannot be generated again: its setting {} is {}, and here it would be {}",
                                name, place, was, is));
    }
  }
}

/// Whether the file is the picture that was learned: as the model saw it then.
bool is_original(const fs::path& file, const json& settings) {
  const auto& picture = settings.at("picture");
  const auto frame = frame_from_json("the image's settings: /picture/frame", picture.at("frame"));
  auto image = read_image(file, parse_colour("background", picture.value("background", "white")));
  if (const auto& drawing = settings.at("drawing"); drawing.contains("region")) {
    const auto region = parse_region("region", drawing["region"].get<std::string>());
    if (!is_inside(region, image.width, image.height)) return false;
    const auto photo = edited_photo(std::move(image), region);
    if (photo->content != drawing.value("photo", "")) return false;
    image = cropped(photo->whole, region);
  }
  if (image.width != frame.source_width || image.height != frame.source_height) return false;
  const auto grid = lay_into_grid(image, frame, picture.value("stretched", false));
  const auto& pixels = grid.pixels;
  return content_hash({reinterpret_cast<const char*>(pixels.data()), pixels.size()}) ==
         picture.value("content", "");
}

/// Finds what the picture was made from.
class Search {
 public:
  Search(const RedoRequest& request, const json& settings) : request_(request), settings_(settings) {}

  /// Empty where there is none.
  fs::path saved() const {
    if (!request_.from.empty()) {
      if (is_learned_by(learned_info(request_.from), settings_)) return request_.from;
      throw usage_error("from", request_.from.string() + ": is not the saved edit that " + name() +
                                    " needs: its picture, caption, model or fine-tuning settings differ");
    }
    for (const auto& folder : request_.folders) {
      for (const auto& entry : list_directory(folder.empty() ? "." : folder)) {
        if (is_that(folder / entry)) return folder / entry;
      }
    }
    return {};
  }

  fs::path original() const {
    if (!request_.original.empty()) {
      if (is_original(request_.original, settings_)) return request_.original;
      throw usage_error("image", request_.original.string() + ": is not the picture that " + name() +
                                     " was made from: its pixels differ");
    }
    const auto file = fs::path(settings_.at("picture").value("name", "")).filename();
    for (const auto& folder : request_.folders) {
      std::error_code missing;
      if (file.empty() || !fs::is_regular_file(folder / file, missing)) continue;
      if (is_original_quietly(folder / file)) return folder / file;
    }
    throw usage_error(
        "image",
        fmt::format(
            "give the original picture: neither a saved edit of {} nor {} was found beside the image, "
            "one folder above it or in the current folder",
            name(), file.empty() ? "the original picture" : one_line(file.string())));
  }

 private:
  std::string name() const { return request_.picture.filename().string(); }

  // What is damaged, or something else by the same name, is passed over where nobody named it.
  bool is_that(const fs::path& folder) const {
    try {
      return is_saved_edit(folder) && is_learned_by(learned_info(folder), settings_);
    } catch (const Error&) {
      return false;
    }
  }
  bool is_original_quietly(const fs::path& file) const {
    try {
      return is_original(file, settings_);
    } catch (const Error&) {
      return false;
    }
  }

  const RedoRequest& request_;
  const json& settings_;
};

void check_parts(const json& settings) {
  for (const char* key : {"picture", "model", "learning", "drawing"}) {
    if (!settings.contains(key)) throw failure("the image's settings: /" + std::string(key) + ": missing");
  }
  if (!settings["picture"].contains("frame")) throw failure("the image's settings: /picture/frame: missing");
  frame_from_json("the image's settings: /picture/frame", settings["picture"]["frame"]);
  const auto& drawing = settings["drawing"];
  if (drawing.contains("region")) parse_region("region", drawing["region"].get<std::string>());
}

void check_mask(const RedoRequest& request, const json& settings) {
  const bool has_one = settings.at("drawing").contains("mask");
  if (has_one && request.mask.empty()) {
    throw usage_error("mask", "give the mask: " + request.picture.string() +
                                  " was made with a mask, which it does not contain");
  }
  if (!has_one && !request.mask.empty()) {
    throw usage_error("mask", request.picture.string() + " was made without a mask");
  }
}

/// Whether a saved edit is not enough: it has the picture at the model's size only, and nothing around a
/// region.
bool needs_original(const json& settings) {
  const auto& drawing = settings["drawing"];
  const bool keeps_pixels = drawing.contains("mask") || settings["edit"].value("protect", false);
  return drawing.contains("region") || (keeps_pixels && drawing.value("output_size", "") == "source");
}

/// The job, from what was saved or from the original.
EditJob job_of(const json& settings, const fs::path& saved, const fs::path& original) {
  auto request = request_to_learn_again(settings);
  request["seeds"] = settings["edit"]["seed"];
  if (saved.empty()) {
    request["picture"] = original.string();
  } else {
    auto sweep = request_to_draw_again(settings);
    sweep.erase("seed");
    sweep["kind"] = "edit";
    sweep["learned"] = saved.string();
    sweep["seeds"] = request["seeds"];
    if (request.contains("output_size")) sweep["output_size"] = request["output_size"];
    request = std::move(sweep);
  }
  const auto path = [](const std::string& reference) { return fs::path(reference); };
  return std::get<EditJob>(request_from_json(request, {path, path}));
}

}  // namespace

Redo plan_redo(const RedoRequest& request, const std::function<void(const std::string&)>& warn) {
  const auto settings = settings_of(request.picture);
  const auto name = request.picture.filename().string();
  Redo redo;
  fs::path saved;
  try {
    check_parts(settings);
    check_mask(request, settings);
    const Search search(request, settings);
    saved = search.saved();
    const bool from_original = saved.empty() || needs_original(settings);
    const auto original = from_original ? search.original() : fs::path();
    redo.job = job_of(settings, from_original ? fs::path() : saved, original);
    if (saved.empty()) {
      redo.plan = "there is no saved edit of it: fine-tuning again on " + original.string();
      redo.job.learn.save = request.save;
    } else if (!request.save.empty()) {
      throw usage_error("save", "the saved edit of " + name + " is already in " + saved.string());
    } else {
      redo.plan = "using the saved edit in " + saved.string();
      if (from_original) redo.job.learn.save = saved;
    }
  } catch (const Error& error) {
    // Keys of requests are settings of the picture here, and options only where they are the user's.
    const auto& field = error.field();
    const bool is_option =
        field.empty() || field == "mask" || field == "from" || field == "image" || field == "save";
    throw Error(error.kind(),
                is_option ? error.what() : name + ": its setting " + field + ": " + error.what(),
                is_option ? field : "");
  }
  redo.job.mask = request.mask;
  redo.job.keep_learning = false;
  redo.model = settings["model"].value("name", "");
  redo.precision = settings["model"].value("precision", "");
  auto& only = redo.job.only.emplace();
  only.learning_seed = settings["learning"].value("seed", std::uint64_t{0});
  const auto together = settings["drawing"].value("together", std::int64_t{0});
  if (together == 0) {
    warn(name +
         " does not record how many images were generated together, because an older version wrote it: its "
         "last bits may differ");
  }
  only.together = std::clamp(together, std::int64_t{1}, kMostTogether);
  only.place =
      std::clamp(settings["drawing"].value("place", std::int64_t{0}), std::int64_t{0}, only.together - 1);
  redo.job.drawing.batch = only.together;
  only.is_it = [settings, name, warn](const EditRun& run, const Candidate& candidate) {
    const auto now = settings_now(run, candidate);
    if (now["edit"]["kind"] != "edit") return false;
    check_settings(settings, now, name, warn);
    return true;
  };
  return redo;
}

std::string pixel_difference(const Image& one, const Image& other) {
  if (one.width != other.width || one.height != other.height) {
    return fmt::format("{}x{} pixels, not {}x{}", one.width, one.height, other.width, other.height);
  }
  std::size_t differ = 0;
  int most = 0;
  for (std::size_t i = 0; i + 2 < one.pixels.size(); i += 3) {
    int largest = 0;
    for (std::size_t c = i; c < i + 3; ++c) {
      largest = std::max(largest, std::abs(int{one.pixels[c]} - int{other.pixels[c]}));
    }
    differ += largest > 0 ? 1 : 0;
    most = std::max(most, largest);
  }
  if (differ == 0) return {};
  return fmt::format("{} of {} pixels differ, by at most {} of 255", differ, one.pixels.size() / 3, most);
}

}  // namespace forgedit
