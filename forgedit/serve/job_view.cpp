#include "forgedit/serve/job_view.h"

#include <nlohmann/json.hpp>

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

}  // namespace

json job_summary(const StoredJob& job, const std::string& progress) {
  json result{{"id", job.id},
              {"kind", job.kind},
              {"state", job_state_name(job.state)},
              {"cancel_requested", job.cancel_requested},
              {"made", job.made},
              {"started", time_or_null(job.started)},
              {"ended", time_or_null(job.ended)},
              {"progress", stored(progress)},
              {"version", job.version}};
  if (job.state == JobState::failed) result["error"] = {{"code", job.error_code}, {"message", job.error}};
  return result;
}

json picture_json(const std::string& job, const StoredPicture& picture) {
  return {{"stem", picture.stem},
          {"entry", stored(picture.entry)},
          {"url", "api/v1/jobs/" + job + "/pictures/" + percent_encoded(picture.stem) + ".png"}};
}

json job_json(const StoredJob& job, const std::string& progress, const std::vector<StoredPicture>& pictures) {
  auto result = job_summary(job, progress);
  result["request"] = stored(job.request);
  result["result"] = stored(job.result);
  auto list = json::array();
  for (const auto& picture : pictures) list.push_back(picture_json(job.id, picture));
  result["pictures"] = std::move(list);
  return result;
}

}  // namespace forgedit
