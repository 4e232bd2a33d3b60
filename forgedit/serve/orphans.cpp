#include "forgedit/serve/orphans.h"

#include "forgedit/core/files.h"
#include "forgedit/serve/ids.h"

namespace forgedit {

void remove_orphans(const std::filesystem::path& data, const Store& store) {
  const auto clean = [&](const char* kind, auto is_known) {
    for (const auto& id : list_directory(data / kind)) {
      if (is_id(id) && !is_known(id)) remove_tree(data / kind / id);
    }
  };
  const auto is_job = [&](const std::string& id) { return store.job(id).has_value(); };
  clean("jobs", is_job);
  clean("exports", is_job);
  clean("pictures", [&](const std::string& id) { return store.upload(id).has_value(); });
}

}  // namespace forgedit
