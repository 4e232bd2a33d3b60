#include "apps/common/serve_listener.h"

#include <unistd.h>

#include <cerrno>

#include "apps/common/exit_codes.h"
#include "forgedit/core/base64.h"
#include "forgedit/core/json.h"
#include "forgedit/core/json_text.h"
#include "forgedit/io/pictures/encode_webp.h"
#include "forgedit/serve/learned_folder.h"
#include "forgedit/settings/picture_settings.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kRecord = "edit.json";
constexpr int kPreviewQuality = 80;

std::string stem_of(const json& file) {
  return fs::path(file.get<std::string>()).stem().string();
}

}  // namespace

ParentLines::ParentLines() : output_(::dup(STDOUT_FILENO)) {
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

void ParentLines::send(const json& line) const {
  const auto text = json_text(line) + "\n";
  for (std::size_t done = 0; done < text.size();) {
    const auto count = ::write(output_, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) ::_exit(kFailure);
    done += static_cast<std::size_t>(count);
  }
}

ServeListener::ServeListener(const ParentLines& lines, const std::string& id, const ClientWords& words,
                             ServedStop& stop)
    : JsonEvents([&lines, id](json event) {
        event["job"] = id;
        lines.send(event);
      }),
      words_(words),
      stop_(stop) {}

void ServeListener::add_result(const char* key, json value) {
  result_[key] = std::move(value);
  send("result", {{"result", result_}});
}

void ServeListener::note(const std::string& text) {
  JsonEvents::note(words_(text));
}

void ServeListener::warning(const std::string& text) {
  JsonEvents::warning(words_(text));
}

void ServeListener::plan(const JobPlan& plan) {
  result_["planned"] = plan.pictures;
  result_["seconds"] = plan.seconds < 0 ? json() : json(plan.seconds);
  add_result("plan", plan.text);
}

void ServeListener::planned(const json& cells) {
  for (const auto& cell : cells) cells_[cell.at("stem")] = cell;
  add_result("cells", cells);
}

void ServeListener::captioned(const fs::path&, const std::string& text) {
  add_result("caption", text);
}

void ServeListener::scored(const json& picture) {
  auto scores = result_.value("scores", json::array());
  scores.push_back(picture);
  add_result("scores", scores);
}

void ServeListener::learned(const fs::path& folder, const std::vector<double>& losses) {
  result_["losses"] = losses;
  if (!folder.empty()) {
    const auto id = folder.filename().string();
    result_["learned"] = id;
    learned_place_ = folder;
    send("learned", {{"id", id}, {"bytes", bytes_below(folder)}, {"info", learned_info(folder)}});
  }
  send("result", {{"result", result_}});
  stop_if_wanted();
}

/// Merges the choices for all prompts into one list with the stems of the images, as the page shows it.
void ServeListener::choice(const json& best) {
  json told{{"best", json::array()}, {"front", json::array()}, {"points", json::array()}};
  for (const auto& target : best.at("targets")) {
    told["edit"] = target.at("edit");
    told["kept"] = target.at("kept");
    for (const auto& pick : target.at("best")) {
      told["best"].push_back({{"stem", stem_of(pick.at("file"))},
                              {"target", target.at("target")},
                              {"reason", pick.at("reason")}});
    }
    for (const auto& file : target.at("front")) told["front"].push_back(stem_of(file));
  }
  for (const auto& [stem, scores] : best.at("points").items()) {
    auto point = scores;
    point["stem"] = stem;
    const auto cell = cells_.find(stem);
    if (cell != cells_.end()) point["target"] = cell->second.value("target", "");
    told["points"].push_back(std::move(point));
  }
  send("choice", {{"choice", told}});
  add_result("choice", std::move(told));
}

void ServeListener::picture(const std::string& stem, const fs::path&, const json& entry) {
  told_.insert(stem);
  send("picture", {{"stem", stem}, {"entry", entry}});
  stop_if_wanted();
}

void ServeListener::preview(const std::string& stem, std::int64_t step, const Image& small) {
  const auto cell = cells_.find(stem);
  const auto steps = cell == cells_.end() ? json() : cell->second.value("steps", json());
  send("preview", {{"stem", stem},
                   {"step", step},
                   {"of", steps},
                   {"image", "data:image/webp;base64," + base64(encode_webp(small, kPreviewQuality))}});
}

void ServeListener::stage_ended(const std::string& stage, std::int64_t steps, double seconds) {
  send("took", {{"stage", stage}, {"steps", steps}, {"seconds", seconds}});
}

void ServeListener::stop_if_wanted() {
  if (stop_.at_picture) stop_.now.stop();
}

void ServeListener::tell_untold(const fs::path& folder) {
  std::error_code missing;
  if (!fs::is_regular_file(folder / kRecord, missing)) return;
  const auto record = read_json_object(folder / kRecord);
  for (const auto& entry : record.value("pictures", json::array())) {
    const auto stem = fs::path(entry.value("file", "")).stem().string();
    if (!stem.empty() && told_.count(stem) == 0) picture(stem, {}, entry);
  }
}

}  // namespace forgedit
