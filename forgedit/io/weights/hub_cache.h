#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace forgedit {

/// Environment variables that determine the folder of the Hugging Face cache; empty if not set.
struct HubEnvironment {
  std::string hf_hub_cache;    ///< HF_HUB_CACHE: the cache itself
  std::string hf_home;         ///< HF_HOME: the cache is its folder `hub`
  std::string xdg_cache_home;  ///< XDG_CACHE_HOME: the cache is its folder `huggingface/hub`
  std::string home;            ///< HOME: the cache is `.cache/huggingface/hub` in it
};

/// The folder of the Hugging Face cache, found as huggingface_hub does; empty if no variable is set.
std::filesystem::path hub_cache_folder(const HubEnvironment& environment);

/// The files of one downloaded repository.
struct HubSnapshot {
  std::filesystem::path folder;
  std::string revision;
  std::vector<std::string> unfinished;  ///< partial downloads: dangling links, `*.incomplete` blobs
};

/// Whether the text has the form of a repository name: ORG/NAME.
bool is_repository_name(const std::string& text);

/// Returns the snapshot named by refs/main, else the newest one; nullopt if the cache has none. `name` is
/// ORG/NAME. Reads only the file system, never the network.
std::optional<HubSnapshot> find_in_hub_cache(const std::filesystem::path& cache, const std::string& name);

}  // namespace forgedit
