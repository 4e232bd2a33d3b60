#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/eval/answers.h"
#include "forgedit/eval/benchmark_job.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

std::string summary_of(const BenchReport& report) {
  return summary_table(summarise(report.records), report.fixed_name);
}

}  // namespace

void write_bench_results(const std::filesystem::path& folder, const BenchReport& report,
                         JobContext& context) {
  auto table = report.title + ": " + report.set + "\n";
  for (const auto& [name, value] : report.facts) table += name + ": " + value + "\n";
  const auto answers = answers_table(report.records, report.fixed_name);
  table += "\n" + summary_of(report) + "\n" + (answers.empty() ? "" : answers + "\n") +
           edits_table(report.records);
  nlohmann::json scores{{"benchmark", report.title}, {"set", report.set}, {"facts", report.facts}};
  if (report.times) scores["times"] = to_json(*report.times);
  scores.update(answers_json(report.records));
  for (const auto& record : report.records) {
    auto entry = to_json(record);
    // Images of other programs have local paths; only their file names are published.
    for (auto& picture : entry["pictures"]) {
      picture["file"] = std::filesystem::path(picture["file"].get<std::string>()).filename().string();
    }
    scores["edits"].push_back(std::move(entry));
  }
  make_directory(folder);
  write_file_atomically(folder / "table.txt", table);
  write_file_atomically(folder / "scores.json", json_text(scores, 1) + "\n");
  write_report(folder / "report.html", report);
  write_png(folder / "sheet.png", draw_report_sheet(report, fonts_of(context.places())));
  for (const char* name : {"table.txt", "scores.json", "report.html", "sheet.png"}) {
    context.file(folder / name);
  }
}

std::string bench_summary(const BenchReport& report) {
  return report.title + ": " + report.set + "\n" + summary_of(report) +
         answers_table(report.records, report.fixed_name);
}

}  // namespace forgedit
