#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/eval/benchmark.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxBytes = 16U << 20, kMaxTedbenchEdits = 10'000;
constexpr const char* kList = "input_list.json";

}  // namespace

Benchmark read_tedbench(const fs::path& directory) {
  const auto folder = fs::exists(directory / kList) ? directory : directory / "tedbench";
  const auto file = folder / kList;
  if (!fs::exists(file))
    throw failure(directory.string() + ": not a TEdBench folder: expected " + kList + " in it");
  const auto list = json::parse(read_file(file, kMaxBytes), nullptr, false);
  if (!list.is_array() || list.empty() || list.size() > kMaxTedbenchEdits) {
    throw failure(file.string() + ": expected a list of edits");
  }
  Benchmark benchmark{"TEdBench", {}};
  for (const auto& entry : list) {
    const auto number = benchmark.edits.size() + 1;
    const auto where = file.string() + ": entry " + std::to_string(number);
    if (!entry.is_object()) throw failure(where + ": expected an object");
    const ConfigReader reader(where, entry);
    BenchEdit edit;
    edit.picture_name = reader.text("img_name", {});
    edit.target = reader.text("target_text", {});
    const fs::path name = edit.picture_name;
    if (name.empty() || name != name.filename() || name == "." || name == "..") {
      reader.reject("img_name", "expected a plain file name");
    }
    edit.picture = folder / "originals" / name;
    edit.id = fmt::format("{:03}-{}-{}", number, slug(name.stem().string()), slug(edit.target));
    benchmark.edits.push_back(std::move(edit));
  }
  return benchmark;
}

}  // namespace forgedit
