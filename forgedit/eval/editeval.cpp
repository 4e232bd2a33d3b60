#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/eval/benchmark.h"
#include "forgedit/io/tables/xlsx.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrompts = "editing_prompts_collection.xlsx";
constexpr std::size_t kMaxEditevalEdits = 10'000;

fs::path find_dataset(const fs::path& directory) {
  for (const auto& folder : {directory, directory / "Dataset", directory / "EditEval_v1" / "Dataset"}) {
    if (fs::exists(folder / kPrompts)) return folder;
  }
  throw failure(directory.string() + ": not an EditEval_v1 folder: expected " + kPrompts +
                " in it or in its Dataset/");
}

/// Returns object_addition for "Object Addition"; the benchmark misspells one of its folders.
fs::path category_folder(const fs::path& dataset, const std::string& category) {
  auto name = slug(category);
  std::replace(name.begin(), name.end(), '-', '_');
  if (name == "object_removal" && !fs::is_directory(dataset / name)) name = "object_removel";
  return dataset / name;
}

/// Returns the picture of a row, with any image format; the name it would have if it does not exist.
fs::path numbered_picture(const fs::path& folder, int number) {
  for (const char* ending : {".jpg", ".jpeg", ".png", ".webp"}) {
    const auto file = folder / (std::to_string(number) + ending);
    if (fs::exists(file)) return file;
  }
  return folder / (std::to_string(number) + ".jpg");
}

/// The columns of a sheet. Rows have their category in the column without a title, or not at all.
struct Columns {
  int source = 0, target = 0, instruction = 0;

  explicit Columns(const std::map<int, std::string>& row) {
    for (const auto& [column, text] : row) {
      if (text == "Source Prompt") source = column;
      if (text == "Target Prompt") target = column;
      if (text == "Instruction") instruction = column;
    }
  }
  bool complete() const { return source > 0 && target > 0; }
  bool names_category(int column) const {
    return column != source && column != target && column != instruction;
  }
};

std::string cell(const std::map<int, std::string>& row, int column) {
  const auto found = row.find(column);
  return found == row.end() ? "" : std::string(trimmed(found->second));
}

/// Adds the edits of one sheet, in order. A sheet without the two columns has none.
void add_sheet(const Sheet& sheet, const fs::path& dataset, std::vector<BenchEdit>& edits) {
  Columns columns({});
  std::string category = sheet.name;
  int number = 0;  // number within the category
  for (const auto& [row_number, row] : sheet.rows) {
    const bool header = !columns.complete() && Columns(row).complete();
    if (header) columns = Columns(row);
    if (!columns.complete()) continue;
    for (const auto& [column, text] : row) {
      if (!columns.names_category(column) || is_blank(text) || trimmed(text) == category) continue;
      category = trimmed(text);
      number = 0;
    }
    const auto target = cell(row, columns.target);
    if (header || target.empty()) continue;
    if (edits.size() == kMaxEditevalEdits) throw failure((dataset / kPrompts).string() + ": too many rows");
    ++number;
    BenchEdit edit;
    edit.picture = numbered_picture(category_folder(dataset, category), number);
    edit.picture_name = (edit.picture.parent_path().filename() / edit.picture.filename()).string();
    edit.category = category;
    if (const auto source = cell(row, columns.source); !source.empty()) edit.source = source;
    edit.target = target;
    edit.instruction = cell(row, columns.instruction);
    edit.id = fmt::format("{:03}-{}-{}-{}", edits.size() + 1, slug(category), number, slug(target));
    edits.push_back(std::move(edit));
  }
}

}  // namespace

Benchmark read_editeval(const fs::path& directory) {
  const auto dataset = find_dataset(directory);
  Benchmark benchmark{"EditEval_v1", {}};
  for (const auto& sheet : read_xlsx(dataset / kPrompts)) add_sheet(sheet, dataset, benchmark.edits);
  if (benchmark.edits.empty()) {
    throw failure((dataset / kPrompts).string() +
                  ": no edits: expected columns 'Source Prompt' and 'Target Prompt'");
  }
  return benchmark;
}

Benchmark read_benchmark(const fs::path& directory) {
  for (const auto& list : {directory / "input_list.json", directory / "tedbench" / "input_list.json"}) {
    if (fs::exists(list)) return read_tedbench(directory);
  }
  return read_editeval(directory);
}

}  // namespace forgedit
