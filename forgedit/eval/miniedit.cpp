#include <nlohmann/json.hpp>
#include <set>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/eval/benchmark.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxMinieditEdits = 10'000, kMaxPictures = 100;
constexpr const char* kList = "edits.json";

/// Returns a list or an object in `object`. Throws Error if it has another type.
const json& member(const ConfigReader& reader, const json& object, const char* key, bool list) {
  const auto found = object.find(key);
  if (found == object.end() || (list ? !found->is_array() : !found->is_object())) {
    reader.reject(key, list ? "expected a list" : "expected an object");
  }
  return *found;
}

/// Notes every unknown key once: a misspelt key would look like a missing one.
class UnknownKeys {
 public:
  void look_at(const std::string& where, const json& object, const std::set<std::string>& known) {
    for (const auto& [key, value] : object.items()) {
      if (!known.contains(key) && said_.insert(key).second) {
        notes_.push_back(where + ": " + key + ": not a key of MiniEdit, ignored");
      }
    }
  }

  std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  std::set<std::string> said_;
  std::vector<std::string> notes_;
};

/// {"picture": ..., "text": ...}; the path stays inside of the folder.
struct Shown {
  std::string name, text;
  fs::path file;

  Shown(const fs::path& folder, const std::string& where, const json& object) {
    if (!object.is_object()) throw failure(where + ": expected an object");
    const ConfigReader reader(where, object);
    name = reader.text("picture", {});
    text = reader.text("text", {});
    const auto path = fs::path(name).lexically_normal();
    if (name.empty() || path.is_absolute() || *path.begin() == "..") {
      reader.reject("picture", "expected a path inside the folder");
    }
    file = folder / path;
  }
};

}  // namespace

Benchmark read_miniedit(const fs::path& directory) {
  const auto file = directory / kList;
  if (!fs::exists(file))
    throw failure(directory.string() + ": not a MiniEdit folder: expected " + kList + " in it");
  const auto object = read_json_object(file);
  const ConfigReader top(file.string(), object);
  top.integer("version", {}, 1, 1);
  UnknownKeys unknown;
  unknown.look_at(file.string(), object, {"name", "version", "edits"});
  const auto& list = member(top, object, "edits", true);
  if (list.empty() || list.size() > kMaxMinieditEdits) top.reject("edits", "expected 1 to 10,000 edits");
  Benchmark benchmark{top.text("name", {}), {}};
  for (const auto& item : list) {
    const auto where = file.string() + ": edit " + std::to_string(benchmark.edits.size() + 1);
    if (!item.is_object()) throw failure(where + ": expected an object");
    const ConfigReader reader(where, item);
    unknown.look_at(where, item,
                    {"id", "kind", "split", "source", "truth", "distractors", "identities", "styles"});
    const Shown source(directory, where + ": source", member(reader, item, "source", false));
    const Shown truth(directory, where + ": truth", member(reader, item, "truth", false));
    TrueAnswer answer;
    answer.truth = truth.file;
    answer.split = reader.text("split", "");
    const auto add_all = [&](const char* key, std::vector<fs::path>& files) {
      const auto& pictures = member(reader, item, key, true);
      if (pictures.size() > kMaxPictures) reader.reject(key, "expected at most 100 pictures");
      for (const auto& picture : pictures)
        files.push_back(Shown(directory, where + ": " + key, picture).file);
    };
    add_all("distractors", answer.distractors);
    if (item.contains("identities")) add_all("identities", answer.identities);
    if (item.contains("styles")) add_all("styles", answer.styles);
    BenchEdit edit{reader.text("id", {}), source.name, source.file, reader.text("kind", ""),
                   source.text,           truth.text,  "",          answer};
    for (const auto& other : benchmark.edits) {
      if (other.id == edit.id) reader.reject("id", "another edit has the same id");
    }
    if (edit.id.empty() || edit.id != fs::path(edit.id).filename() || edit.id[0] == '.') {
      reader.reject("id", "expected a plain folder name");
    }
    benchmark.edits.push_back(std::move(edit));
  }
  benchmark.notes = unknown.take_notes();
  return benchmark;
}

}  // namespace forgedit
