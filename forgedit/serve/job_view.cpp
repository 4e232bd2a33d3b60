#include "forgedit/serve/job_view.h"

#include <nlohmann/json.hpp>

#include "forgedit/serve/command_line.h"

namespace forgedit {
namespace {

using nlohmann::json;

/// `text` as a part of an address.
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

/// An object as it was stored; null for an empty text.
json stored(const std::string& text) {
  return text.empty() ? json() : json::parse(text, nullptr, /*allow_exceptions=*/false);
}

json time_or_null(std::int64_t time) {
  return time > 0 ? json(time) : json();
}

/// An id, or null.
json id_or_null(const std::string& id) {
  return id.empty() ? json() : json(id);
}

}  // namespace

json job_summary(const StoredJob& job, const std::string& progress) {
  json result{{"id", job.id},
              {"kind", job.kind},
              {"name", job.name},
              {"lane", job.lane == JobLane::interactive ? "interactive" : "batch"},
              {"state", job_state_name(job.state)},
              {"cancel_requested", job.cancel != CancelWhen::never},
              {"made", job.made},
              {"started", time_or_null(job.started)},
              {"ended", time_or_null(job.ended)},
              {"picture", id_or_null(job.picture)},
              {"learned", id_or_null(job.learned)},
              {"progress", stored(progress)},
              {"version", job.version}};
  const bool is_cancelled = job.state == JobState::cancelled && !job.error_code.empty();
  if (job.state == JobState::failed || is_cancelled) {
    result["error"] = {{"code", job.error_code}, {"message", job.error}};
  }
  return result;
}

json picture_json(const std::string& job, const StoredPicture& picture) {
  const auto url = "api/v1/jobs/" + job + "/pictures/" + percent_encoded(picture.stem) + ".png";
  return {{"stem", picture.stem},         {"entry", stored(picture.entry)}, {"url", url},
          {"thumb", url + "?size=thumb"}, {"star", picture.star},           {"hidden", picture.hidden}};
}

json upload_json(const StoredUpload& upload) {
  const auto place = "api/v1/pictures/" + upload.id + "/";
  return {{"id", upload.id},
          {"name", upload.name},
          {"width", upload.width},
          {"height", upload.height},
          {"alpha", upload.has_alpha},
          {"bytes", upload.bytes},
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
  result["picture"] = id_or_null(learned.picture);
  result["job"] = learned.job;
  result["made"] = learned.made;
  result["used"] = learned.used;
  result["bytes"] = learned.bytes;
  result["zip"] = "api/v1/learned/" + learned.id + "/saved.zip";
  return result;
}

json job_json(const StoredJob& job, const JobExtras& extras) {
  auto result = job_summary(job, extras.progress);
  result["position"] = extras.position > 0 ? json(extras.position) : json();
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
