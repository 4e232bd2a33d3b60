#include "forgedit/io/weights/hub_cache.h"

#include "forgedit/core/files.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

class HubCache : public testing::TemporaryFolder {
 protected:
  /// A file of a snapshot, as huggingface_hub lays it out: a link to a blob.
  void add(const std::string& revision, const std::string& name) {
    const auto blob = repository_ / "blobs" / (revision + "-" + name);
    fs::create_directories(blob.parent_path());
    fs::create_directories(repository_ / "snapshots" / revision);
    write_file_atomically(blob, name);
    fs::create_symlink(blob, repository_ / "snapshots" / revision / name);
  }
  void set_main(const std::string& text) {
    fs::create_directories(repository_ / "refs");
    write_file_atomically(repository_ / "refs" / "main", text);
  }
  const fs::path repository_ = folder_ / "models--CompVis--stable-diffusion-v1-4";
  const std::string name_ = "CompVis/stable-diffusion-v1-4";
};

TEST_F(HubCache, FolderFromTheEnvironment) {
  EXPECT_EQ(hub_cache_folder({"/a", "/b", "/c", "/d"}), "/a");
  EXPECT_EQ(hub_cache_folder({"", "/b", "/c", "/d"}), "/b/hub");
  EXPECT_EQ(hub_cache_folder({"", "", "/c", "/d"}), "/c/huggingface/hub");
  EXPECT_EQ(hub_cache_folder({"", "", "", "/d"}), "/d/.cache/huggingface/hub");
  EXPECT_EQ(hub_cache_folder({}), "");
}

TEST_F(HubCache, NamesStayInsideTheCache) {
  for (const char* good : {"CompVis/stable-diffusion-v1-4", "a/b.c_d-1"})
    EXPECT_TRUE(is_repository_name(good));
  for (const char* bad : {"", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a b/c", "a/b\nc"}) {
    EXPECT_FALSE(is_repository_name(bad)) << bad;
    EXPECT_FALSE(find_in_hub_cache(folder_, bad)) << bad;
  }
}

TEST_F(HubCache, MainFirstThenTheNewest) {
  EXPECT_FALSE(find_in_hub_cache(folder_, name_));
  add("aaa", "model_index.json");
  add("bbb", "model_index.json");
  fs::last_write_time(repository_ / "snapshots/aaa",
                      fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(find_in_hub_cache(folder_, name_)->revision, "aaa");
  set_main("bbb\n");
  const auto found = find_in_hub_cache(folder_, name_);
  EXPECT_EQ(found->revision, "bbb");
  EXPECT_EQ(read_file(found->folder / "model_index.json"), "model_index.json");
  EXPECT_TRUE(found->unfinished.empty());
  for (const char* bad : {"../../../etc", "gone", ""}) {
    set_main(bad);
    EXPECT_EQ(find_in_hub_cache(folder_, name_)->revision, "aaa") << bad;
  }
}

TEST_F(HubCache, UnfinishedDownloadsAreNamed) {
  add("aaa", "config.json");
  add("aaa", "weights.safetensors");
  fs::remove(repository_ / "blobs/aaa-weights.safetensors");
  write_file_atomically(repository_ / "blobs/0123.incomplete", "half");
  EXPECT_EQ(find_in_hub_cache(folder_, name_)->unfinished,
            (std::vector<std::string>{"0123.incomplete", "weights.safetensors"}));
}

}  // namespace
}  // namespace forgedit
