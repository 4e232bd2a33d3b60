#include "forgedit/serve/learned_folder.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json_text.h"
#include "forgedit/serve/ids.h"
#include "forgedit/settings/picture_settings.h"

namespace forgedit {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path learned_folder(const fs::path& data, const std::string& id) {
  if (!is_id(id)) throw usage_error("expected the id of a saved edit");
  return data / "learned" / id;
}

fs::path kept_learned(const fs::path& data, const std::string& id) {
  auto folder = learned_folder(data, id);
  std::error_code missing;
  if (fs::is_directory(folder, missing)) return folder;
  throw usage_error("there is no saved edit with this id");
}

std::int64_t bytes_below(const fs::path& folder) {
  std::int64_t bytes = 0;
  for (const auto& path : list_tree(folder)) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (!error) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

void match_learned(const fs::path& data, Store& store) {
  std::error_code missing;
  for (const auto& learned : store.all_learned()) {
    if (!fs::is_directory(learned_folder(data, learned.id), missing)) store.remove_learned(learned.id);
  }
  for (const auto& id : list_directory(data / "learned")) {
    if (!is_id(id) || store.learned(id)) continue;
    const auto folder = learned_folder(data, id);
    StoredLearned learned;
    try {
      learned.info = json_text(learned_info(folder));
    } catch (const Error&) {
      continue;  // damaged; the next job with the same fine-tuning replaces it
    }
    learned.id = learned.job = id;
    if (const auto job = store.job(id)) learned.picture = job->picture;
    learned.made = learned.used = now_ms();
    learned.bytes = bytes_below(folder);
    store.add_learned(learned);
  }
}

void remove_learned(const fs::path& data, Store& store, const std::string& id) {
  // In the other order, a kill in between would leave a folder without an entry.
  remove_tree(learned_folder(data, id));
  store.remove_learned(id);
}

std::vector<std::string> drop_learned(const fs::path& data, Store& store, std::int64_t most_bytes) {
  std::vector<std::string> gone;
  std::int64_t bytes = 0;
  for (const auto& learned : store.all_learned()) {
    if (learned.pinned) continue;
    // One that is too large by itself does not take the place of all others.
    if (learned.bytes <= most_bytes) bytes += learned.bytes;
    if ((bytes <= most_bytes && learned.bytes <= most_bytes) || store.is_in_use(learned.id)) continue;
    remove_learned(data, store, learned.id);
    gone.push_back(learned.id);
  }
  return gone;
}

}  // namespace forgedit
