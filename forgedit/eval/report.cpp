#include "forgedit/eval/report.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/page_data.h"
#include "forgedit/eval/report_page.h"
#include "forgedit/io/pictures/data_uri.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr int kLargeSide = 512, kSmallSide = 160;
constexpr std::size_t kMostLarge = 600;

json column_json(const std::string& name, const BenchSummary::Column& column) {
  return {{"name", name}, {"scores", column.scores}, {"seconds", column.seconds}, {"edits", column.edits}};
}

json summary_json(const BenchReport& report) {
  const auto summary = summarise(report.records);
  auto columns = json::array({column_json(report.fixed_name, summary.fixed)});
  if (summary.best && summary.most > 1) {
    columns.push_back(column_json("best of " + std::to_string(summary.most), *summary.best));
  }
  for (const auto& [name, column] : summary.more) columns.push_back(column_json(name, column));
  return {{"columns", columns},
          {"done", summary.done},
          {"failed", summary.failed},
          {"left_out", summary.skipped}};
}

json edit_json(const BenchReport& report, const EditRecord& record, bool all_large, json& originals) {
  auto result = to_json(record);
  if (record.state != EditRecord::State::done) return result;
  if (!originals.contains(record.edit.picture_name)) {
    originals[record.edit.picture_name] =
        data_uri(read_image(record.edit.picture, report.background), kLargeSide);
  }
  const auto* best = record.best();
  for (std::size_t i = 0; i < record.pictures.size(); ++i) {
    const auto& picture = record.pictures[i];
    const bool large = all_large || picture.fixed || picture.chosen || &picture == best;
    const auto file = report.pictures.empty() ? std::filesystem::path(picture.file)
                                              : report.pictures / record.edit.id / picture.file;
    auto& entry = result["pictures"][i];
    entry["src"] = data_uri(read_image(file, report.background), large ? kLargeSide : kSmallSide);
    entry["best"] = &picture == best && record.pictures.size() > 1;
    entry.erase("file");  // may be a local path
  }
  return result;
}

}  // namespace

void write_report(const std::filesystem::path& path, const BenchReport& report) {
  std::size_t pictures = 0;
  for (const auto& record : report.records) pictures += record.pictures.size();
  json data{
      {"title", report.title},           {"set", report.set},     {"metrics", metrics_json(bench_metrics())},
      {"summary", summary_json(report)}, {"facts", report.facts}, {"edits", json::array()},
      {"originals", json::object()}};
  for (const auto& record : report.records) {
    try {
      data["edits"].push_back(edit_json(report, record, pictures <= kMostLarge, data["originals"]));
    } catch (const Error&) {
      auto unreadable = record;
      unreadable.state = EditRecord::State::failed;
      unreadable.reason = "one of its images is damaged: delete it and run again";
      data["edits"].push_back(to_json(unreadable));
    }
  }
  write_file_atomically(path, page_with_data(kReportPage, data));
}

}  // namespace forgedit
