#include "forgedit/serve/job_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/one_line.h"
#include "forgedit/serve/command_line.h"
#include "forgedit/serve/ids.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::size_t kMostTitle = 200;
constexpr double kMsInSecond = 1000;

/// `text`, percent-encoded for a URL.
std::string percent_encoded(const std::string& text) {
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += kHex[byte >> 4];
    result += kHex[byte & 15];
  }
  return result;
}

/// Parses stored JSON; null for an empty text.
json stored(const std::string& text) {
  return text.empty() ? json() : json::parse(text, nullptr, /*allow_exceptions=*/false);
}

json time_or_null(std::int64_t time) {
  return time > 0 ? json(time) : json();
}

std::string url_of(const std::string& job, const std::string& stem) {
  return "api/v1/jobs/" + job + "/pictures/" + percent_encoded(stem) + ".png";
}

std::string thumb_of(const std::string& job, const std::string& stem) {
  return url_of(job, stem) + "?size=thumb";
}

/// The seconds that a job has run in all its runs; null if it has not run.
json seconds_of(const StoredJob& job) {
  const auto now = job.state == JobState::running ? std::max<std::int64_t>(0, now_ms() - job.started) : 0;
  const auto all = job.spent + now;
  return all > 0 ? json(static_cast<double>(all) / kMsInSecond) : json();
}

/// The text, or null if it is empty.
json text_or_null(const std::string& id) {
  return id.empty() ? json() : json(id);
}

}  // namespace

std::string title_of(const json& request) {
  std::string title;
  const auto add = [&](const json& item) {
    const auto& target = item.is_object() ? item.value("target", json()) : item;
    if (target.is_string()) title += (title.empty() ? "" : " · ") + target.get<std::string>();
  };
  for (const char* key : {"target", "targets", "story"}) {
    const auto found = request.find(key);
    if (found == request.end()) continue;
    if (!found->is_array()) add(*found);
    for (std::size_t i = 0; found->is_array() && i < found->size() && title.size() < kMostTitle; ++i) {
      add((*found)[i]);
    }
  }
  return one_line(title, kMostTitle);
}

void add_place(json& job, const std::vector<QueuePlace>& places) {
  job["position"] = job["starts_in"] = nullptr;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i].id != job.at("id").get_ref<const std::string&>()) continue;
    const auto place = place_json(places[i], i + 1);
    for (const char* key : {"position", "starts_in"}) job[key] = place[key];
  }
}

json job_summary(const StoredJob& job, const std::string& progress) {
  json result{{"id", job.id},
              {"kind", job.kind},
              {"name", job.name},
              {"title", job.title},
              {"owner", text_or_null(job.owner)},
              {"parent", text_or_null(job.parent)},
              {"lane", job.lane == JobLane::interactive ? "interactive" : "batch"},
              {"state", job_state_name(job.state)},
              {"cancel_requested", job.cancel != CancelWhen::never},
              {"made", job.made},
              {"started", time_or_null(job.started)},
              {"ended", time_or_null(job.ended)},
              {"seconds", seconds_of(job)},
              {"finished", job.images},
              {"cover", job.cover.empty() ? json() : json(thumb_of(job.id, job.cover))},
              {"picture", text_or_null(job.picture)},
              {"learned", text_or_null(job.learned)},
              {"progress", stored(progress)},
              {"version", job.version}};
  const bool is_cancelled = job.state == JobState::cancelled && !job.error_code.empty();
  if (job.state == JobState::failed || is_cancelled) {
    result["error"] = {{"code", job.error_code}, {"message", job.error}};
  }
  return result;
}

json picture_json(const std::string& job, const StoredPicture& picture) {
  return {{"stem", picture.stem},
          {"entry", stored(picture.entry)},
          {"url", url_of(job, picture.stem)},
          {"thumb", thumb_of(job, picture.stem)},
          {"star", picture.star},
          {"hidden", picture.hidden}};
}

json upload_json(const StoredUpload& upload) {
  auto notes = json::array();
  for (std::string_view rest = upload.notes; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    notes.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto place = "api/v1/pictures/" + upload.id + "/";
  return {{"id", upload.id},
          {"name", upload.name},
          {"width", upload.width},
          {"height", upload.height},
          {"alpha", upload.has_alpha},
          {"bytes", upload.bytes},
          {"notes", std::move(notes)},
          {"content", upload.content},
          {"made", upload.made},
          {"view", place + "view.webp"},
          {"thumb", place + "thumb.webp"}};
}

json learned_json(const StoredLearned& learned) {
  auto result = stored(learned.info);
  if (!result.is_object()) result = json::object();
  result["id"] = learned.id;
  result["name"] = learned.name;
  result["pinned"] = learned.pinned;
  result["picture"] = text_or_null(learned.picture);
  result["job"] = learned.job;
  result["made"] = learned.made;
  result["used"] = learned.used;
  result["bytes"] = learned.bytes;
  result["zip"] = "api/v1/learned/" + learned.id + "/saved.zip";
  return result;
}

json job_json(const StoredJob& job, const JobExtras& extras) {
  auto result = job_summary(job, extras.progress);
  add_place(result, extras.places);
  result["request"] = stored(job.request);
  auto outcome = stored(job.result);
  result["plan"] = json::array();
  if (outcome.is_object() && outcome.contains("cells")) {
    result["plan"] = std::move(outcome["cells"]);
    outcome.erase("cells");
  }
  result["result"] = std::move(outcome);
  auto list = json::array();
  for (const auto& picture : extras.pictures) list.push_back(picture_json(job.id, picture));
  result["pictures"] = std::move(list);
  auto notes = json::array();
  for (const auto& note : extras.notes) notes.push_back({{"text", note.text}, {"warning", note.is_warning}});
  result["notes"] = std::move(notes);
  const auto command = command_line(result["request"], extras.picture_name);
  result["command"] = command.empty() ? json() : json(command);
  return result;
}

}  // namespace forgedit
