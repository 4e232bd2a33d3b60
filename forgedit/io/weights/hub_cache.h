#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace forgedit {

/// Values of the environment that decide where the Hugging Face cache lies; empty: not set.
struct HubEnvironment {
  std::string hf_hub_cache;    ///< HF_HUB_CACHE: the cache itself
  std::string hf_home;         ///< HF_HOME: its folder `hub`
  std::string xdg_cache_home;  ///< XDG_CACHE_HOME: `huggingface/hub` in it
  std::string home;            ///< HOME: `.cache/huggingface/hub` in it
};

/// The folder of the Hugging Face cache, as huggingface_hub finds it; empty where the environment names none.
std::filesystem::path hub_cache_folder(const HubEnvironment& environment);

/// A repository's files as they were downloaded.
struct HubSnapshot {
  std::filesystem::path folder;
  std::string revision;
  std::vector<std::string> unfinished;  ///< partial downloads: links to nothing, `*.incomplete` blobs
};

/// Whether the text has the form of a repository's name: ORG/NAME.
bool is_repository_name(const std::string& text);

/// The snapshot that refs/main names, else the newest one; nothing where the cache holds none.
/// `name` is ORG/NAME. Reads the file system only, never a network.
std::optional<HubSnapshot> find_in_hub_cache(const std::filesystem::path& cache, const std::string& name);

}  // namespace forgedit
