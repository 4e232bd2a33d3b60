#include "forgedit/serve/command_line.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "forgedit/core/json_text.h"
#include "forgedit/core/shell_word.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr const char* kSavedEdit = "learned.edit";

/// Keys that have no option of the same name, or are handled elsewhere.
constexpr std::array<std::string_view, 14> kElsewhere{"to",      "kind",     "version", "picture",   "image",
                                                      "learned", "from",     "target",  "targets",   "story",
                                                      "auto",    "metadata", "name",    "draw_batch"};

std::string text_of_value(const json& value) {
  return value.is_string() ? value.get<std::string>() : json_text(value);
}

/// A value or a list as an option takes it: separated by commas.
std::string joined(const json& value) {
  if (!value.is_array()) return text_of_value(value);
  std::string text;
  for (const auto& item : value) text += (text.empty() ? "" : ",") + text_of_value(item);
  return text;
}

// This is the only place in the library that names options, because the user copies the command.
std::string option_name(std::string key) {
  if (key == "seed") key = "seeds";
  if (key == "guidance") key = "guidance_scale";
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

std::string add_option(const std::string& key, const json& value) {
  if (value == false || value.is_null()) return {};
  const auto name = " " + option_name(key);
  if (value == true) return name;
  const auto text = joined(value);
  return name + (starts_with(text, "-") ? "=" : " ") + shell_word(text);
}

std::string auto_options(const json& value) {
  if (value == false || value.is_null()) return {};
  std::string text = " --auto";
  if (!value.is_object()) return text;
  for (const char* key : {"pictures", "seconds", "steps"}) {
    if (value.contains(key)) text += std::string(" --auto-") + key + " " + text_of_value(value[key]);
  }
  return text;
}

std::vector<std::string> targets_of(const json& request) {
  std::vector<std::string> targets;
  for (const char* key : {"target", "targets"}) {
    const auto found = request.find(key);
    if (found == request.end() || found->is_null()) continue;
    if (!found->is_array()) return {text_of_value(*found)};
    for (const auto& target : *found) targets.push_back(text_of_value(target));
  }
  return targets;
}

/// The shell command that writes a story to the standard input of `forgedit`.
std::string story_source(const json& story) {
  std::string text = "printf '%s\\n'";
  for (const auto& line : story) text += " " + shell_word(text_of_value(line));
  return text + " | ";
}

std::string options_of(const json& request) {
  std::string text;
  for (const auto& [key, value] : request.items()) {
    if (std::find(kElsewhere.begin(), kElsewhere.end(), key) == kElsewhere.end()) {
      text += add_option(key, value);
    }
  }
  if (request.contains("auto")) text += auto_options(request["auto"]);
  if (request.value("metadata", json(true)) == false) text += " --no-metadata";
  return text;
}

/// Appends words and options to a command. If a word begins like an option, all words come last, after "--".
std::string put_together(const std::string& command, const std::vector<std::string>& words,
                         const std::string& options) {
  std::string text;
  const bool is_plain =
      std::none_of(words.begin(), words.end(), [](const auto& word) { return starts_with(word, "-"); });
  for (const auto& word : words) text += " " + shell_word(word);
  return is_plain ? command + text + options : command + options + " --" + text;
}

std::string edit_command(const json& request, const std::string& picture) {
  const bool is_learned = request.contains("learned") || request.contains("from");
  std::vector<std::string> words;
  if (!is_learned) words.push_back(picture);
  const auto story = request.value("story", json());
  if (story.is_null()) {
    for (auto& target : targets_of(request)) words.push_back(std::move(target));
  }
  auto options = options_of(request);
  if (is_learned) options = std::string(" --from ") + kSavedEdit + options;
  if (!story.is_null()) options += " --targets -";
  options += " --draw-batch " + text_of_value(request.value("draw_batch", json(1)));
  return (story.is_null() ? "" : story_source(story)) + put_together("forgedit edit", words, options);
}

std::string learn_command(json request, const std::string& picture) {
  std::string seed;
  if (request.contains("seed")) seed = " --seed " + text_of_value(request["seed"]);
  const auto targets = targets_of(request);
  if (!targets.empty()) seed += " --target " + shell_word(targets.front());
  request.erase("seed");
  return put_together("forgedit learn", {picture}, options_of(request) + seed + " --save " + kSavedEdit);
}

std::string export_command(const json& request) {
  const auto to = text_of_value(request.value("to", json("diffusers")));
  const auto* out = to == "diffusers" ? "model" : to == "lora" ? "lora.safetensors" : "model.safetensors";
  return put_together("forgedit export", {kSavedEdit},
                      options_of(request) + " --to " + shell_word(to) + " --out " + out);
}

}  // namespace

std::string command_line(const json& request, const std::string& picture_name) {
  if (!request.is_object()) return {};
  const auto picture = picture_name.empty() ? std::string("picture.png") : picture_name;
  const auto kind = request.value("kind", "edit");
  if (kind == "edit" || kind == "draw") return edit_command(request, picture);
  if (kind == "learn") return learn_command(request, picture);
  if (kind == "caption") return put_together("forgedit caption", {picture}, options_of(request));
  if (kind == "export") return export_command(request);
  return {};
}

}  // namespace forgedit
