#include "forgedit/serve/learned_folder.h"

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/serve/ids.h"

namespace forgedit {

namespace fs = std::filesystem;

fs::path learned_folder(const fs::path& data, const std::string& id) {
  if (!is_id(id)) throw usage_error("expected the id of what was learned");
  return data / "learned" / id;
}

fs::path kept_learned(const fs::path& data, const std::string& id) {
  auto folder = learned_folder(data, id);
  std::error_code missing;
  if (fs::is_directory(folder, missing)) return folder;
  throw usage_error("there is nothing learned with this id");
}

void remove_learned(const fs::path& data, Store& store, const std::string& id) {
  // The other way round, a kill in between would leave a folder that nobody knows of.
  remove_tree(learned_folder(data, id));
  store.remove_learned(id);
}

std::vector<std::string> drop_learned(const fs::path& data, Store& store, std::int64_t most_bytes) {
  std::vector<std::string> gone;
  std::int64_t bytes = 0;
  for (const auto& learned : store.all_learned()) {
    if (learned.pinned) continue;
    bytes += learned.bytes;
    if (bytes <= most_bytes || store.is_in_use(learned.id)) continue;
    remove_learned(data, store, learned.id);
    bytes -= learned.bytes;
    gone.push_back(learned.id);
  }
  return gone;
}

}  // namespace forgedit
