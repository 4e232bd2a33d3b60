#include "forgedit/batch/batch_list.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "forgedit/batch/list_lines.h"
#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/jobs/edit_job.h"
#include "forgedit/jobs/edit_record.h"
#include "forgedit/jobs/request_json.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/pipelines/choice/auto_search.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxId = 100;
constexpr std::size_t kIdDigits = 12;  // digits of the hash in an id that the line does not give
/// A unit with more images is split: two workers then share it, but its picture is fine-tuned twice.
constexpr std::size_t kMostImagesOfUnit = 300;
/// The number of bytes at each end of a picture's file that stamp_of reads.
constexpr std::streamsize kStampEnd = 1 << 16;

/// Identifies a picture's file by its size and both ends. It does not read the whole file, because every
/// worker checks lists of thousands of pictures over the network.
std::string stamp_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string ends(2 * kStampEnd, '\0');
  in.read(ends.data(), kStampEnd);
  auto count = in.gcount();
  in.clear();
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::streamoff>(in.tellg());
  in.seekg(std::max<std::streamoff>(size - kStampEnd, 0));
  in.read(ends.data() + count, kStampEnd);
  count += in.gcount();
  if (size < 0 || in.bad()) throw failure(file.string() + ": cannot be read");
  return std::to_string(size) + " " + content_hash({ends.data(), static_cast<std::size_t>(count)});
}

/// Resolves the paths in a list.
class Lookup {
 public:
  explicit Lookup(const fs::path& folder) : folder_(folder) {}

  fs::path picture(const std::string& reference) {
    const auto path = find(reference);
    std::error_code error;
    if (!fs::exists(path, error)) throw usage_error(path.string() + ": no such file");
    if (!fs::is_regular_file(path, error))
      throw usage_error(path.string() + ": expected a picture, but it is no regular file");
    return path;
  }
  fs::path learned(const std::string& reference) {
    const auto path = find(reference);
    if (!is_saved_edit(path))
      throw usage_error(path.string() + ": expected a saved edit, a folder with learned.json");
    return path;
  }
  /// The stamp of a job's picture or saved edit; equal for equal contents.
  const std::string& stamp(const EditJob& job) {
    const auto& place = job.from.empty() ? job.learn.picture : job.from;
    auto& stamp = stamps_[place.string()];
    if (stamp.empty()) stamp = stamp_of(job.from.empty() ? place : place / "learned.json");
    return stamp;
  }

 private:
  fs::path find(const std::string& reference) const {
    const fs::path path = reference;
    if (path.is_absolute()) return path;
    std::error_code error;
    auto beside = fs::absolute(folder_ / path).lexically_normal();
    return fs::exists(beside, error) || !fs::exists(path, error) ? beside
                                                                 : fs::absolute(path).lexically_normal();
  }

  fs::path folder_;
  std::map<std::string, std::string> stamps_;
};

bool is_id(const std::string& id) {
  if (id.empty() || id.size() > kMaxId || id.front() == '.' || id.front() == '-') return false;
  return std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return (std::isalnum(c) && c < 128) || c == '.' || c == '-' || c == '_';
  });
}

/// The settings that fine-tuning depends on. Edits with equal settings are fine-tuned together.
json learning_of(const EditJob& job, const EditSubject& subject, const std::string& stamp) {
  if (!job.from.empty()) return {{"learned", stamp}};
  const auto& learn = job.learn;
  const bool imagic = subject.method == LearnMethod::imagic;
  json result{{"picture", stamp},
              {"source", imagic ? subject.requests.front().targets.front() : learn.source},
              {"captioner", learn.captioner},
              {"background", learn.background},
              {"story_size", job.sweep.preset == SweepRequest::Preset::story},
              {"options", to_json(learn.options)},
              {"seed", job.sweep.first_seed()}};
  if (learn.size) result["size"] = *learn.size;
  if (job.region) result["region"] = region_text(*job.region);
  return result;
}

std::string identity_of(const EditJob& job, const EditSubject& subject, const json& learning) {
  json result{{"learning", learning},
              {"name", subject.picture_name},
              {"blend", job.drawing.blend},
              {"at_source_size", job.results_at_source_size()},
              {"metadata", job.metadata}};
  if (!job.mask.empty()) result["mask"] = job.mask.string();
  if (job.safety != SafetyMode::off) result["safety"] = safety_mode_name(job.safety);
  for (const auto& request : subject.requests) result["sweeps"].push_back(sweep_json(request));
  if (job.automatic) {
    const auto& automatic = *job.automatic;
    result["auto"] = {{"clip", automatic.judge.clip}, {"lpips", automatic.judge.lpips}};
    if (automatic.pictures) result["auto"]["pictures"] = *automatic.pictures;
    if (automatic.seconds) result["auto"]["seconds"] = *automatic.seconds;
    if (automatic.steps) result["auto"]["steps"] = *automatic.steps;
  }
  return content_hash(json_text(result));
}

/// Makes an id from the first prompt and the line's settings, not from the contents of the picture: if the
/// picture is corrected later, the edit keeps its id, and hosts may have it at different paths.
std::string made_id(const EditJob& job, const EditSubject& subject, const json& keys) {
  std::string reference;
  for (const char* key : {"image", "picture", "from", "learned"}) reference += keys.value(key, "");
  const auto hash = identity_of(job, subject, learning_of(job, subject, reference));
  return prompt_slug(subject.requests.front().targets.front()) + "-" + hash.substr(0, kIdDigits);
}

std::size_t images_of(const EditJob& job, const EditSubject& subject) {
  auto images = plan_edit(subject.requests).size();
  if (!job.automatic) return images;
  for (const auto& request : subject.requests) images += final_images(*job.automatic, request);
  return images + job.automatic->pictures.value_or(kAutoPictures) * job.targets.size();
}

/// The line as JSON with absolute paths and its id.
std::string portable_line(json keys, const EditJob& job, const std::string& id) {
  const bool saved = !job.from.empty();
  for (const char* key : {"image", "picture", "from", "learned"}) keys.erase(key);
  keys[saved ? "from" : "image"] = fs::absolute(saved ? job.from : job.learn.picture).string();
  keys["id"] = id;
  return json_text(keys);
}

/// Puts edits into units, in the list's order.
class Grouping {
 public:
  explicit Grouping(BatchList& list) : list_(list) {}

  void add(std::size_t place, const std::string& learning) {
    const auto& edit = list_.edits[place];
    const auto [found, is_new] = open_.try_emplace(learning, Open{list_.units.size(), 0});
    auto& open = found->second;
    if (!is_new && open.images + edit.images > kMostImagesOfUnit) open = {list_.units.size(), 0};
    if (open.unit == list_.units.size()) list_.units.push_back({edit.id, {}});
    list_.units[open.unit].edits.push_back(place);
    open.images += edit.images;
  }

 private:
  struct Open {
    std::size_t unit, images;
  };
  BatchList& list_;
  std::map<std::string, Open> open_;  // the unit that gets the next edit, by fine-tuning settings
};

}  // namespace

std::size_t BatchList::images() const {
  std::size_t count = 0;
  for (const auto& edit : edits) count += edit.images;
  return count;
}

BatchList read_batch_list(const std::string& text, const std::string& name, const fs::path& folder,
                          const EditJob& defaults) {
  Lookup lookup(folder);
  const RequestRules rules{[&](const std::string& reference) { return lookup.picture(reference); },
                           [&](const std::string& reference) { return lookup.learned(reference); }};
  BatchList list;
  Grouping grouping(list);
  std::map<std::string, std::string> origins;  // by id
  for (auto& [origin, keys] : read_list_lines(text, name)) {
    try {
      BatchEdit edit{{}, origin, {}, {}, defaults, 0};
      RequestReader reader(*keys, "");
      check_version(reader);
      std::string kind = "edit";
      reader.text("kind", kind);
      if (kind != "edit")
        reader.reject("kind", "a list may contain only edits, got '" + one_line(kind) + "'");
      reader.text("id", edit.id);
      read_edit_keys(reader, rules, edit.job);
      reader.finish();
      const auto subject = check_edit(edit.job);
      const auto learning = learning_of(edit.job, subject, lookup.stamp(edit.job));
      edit.identity = identity_of(edit.job, subject, learning);
      if (!edit.id.empty() && !is_id(edit.id)) {
        reader.reject("id", "expected a file name of letters, digits, '.', '-' and '_', got '" +
                                one_line(edit.id) + "'");
      }
      if (edit.id.empty()) edit.id = made_id(edit.job, subject, *keys);
      const auto [other, is_new] = origins.emplace(edit.id, origin);
      if (!is_new) reader.reject("id", edit.id + " is already used in " + other->second);
      edit.images = images_of(edit.job, subject);
      edit.line = portable_line(*keys, edit.job, edit.id);
      list.edits.push_back(std::move(edit));
      grouping.add(list.edits.size() - 1, json_text(learning));
    } catch (const Error& error) {
      throw Error(error.kind(), origin + ": " + (error.field().empty() ? "" : error.field() + ": ") +
                                    one_line(error.what(), kMostMessage));
    }
  }
  return list;
}

}  // namespace forgedit
