#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/bench.h"
#include "apps/cli/commands.h"
#include "apps/cli/console.h"
#include "apps/cli/model_choice.h"
#include "apps/cli/some_failed.h"
#include "apps/cli/streams.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/eval/answers.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit::cli {

void write_bench_results(const std::filesystem::path& folder, const BenchReport& report, Console& console) {
  auto table = report.title + ": " + report.set + "\n";
  for (const auto& [name, value] : report.facts) table += name + ": " + value + "\n";
  const auto summary = summary_table(summarise(report.records), report.fixed_name);
  const auto answers = answers_table(report.records, report.fixed_name);
  table += "\n" + summary + "\n" + (answers.empty() ? "" : answers + "\n") + edits_table(report.records);
  nlohmann::json scores{{"benchmark", report.title}, {"set", report.set}, {"facts", report.facts}};
  scores.update(answers_json(report.records));
  for (const auto& record : report.records) {
    auto entry = to_json(record);
    // Pictures made elsewhere have paths; only their names are anybody's business.
    for (auto& picture : entry["pictures"]) {
      picture["file"] = std::filesystem::path(picture["file"].get<std::string>()).filename().string();
    }
    scores["edits"].push_back(std::move(entry));
  }
  make_directory(folder);
  write_file_atomically(folder / "table.txt", table);
  write_file_atomically(folder / "scores.json", json_text(scores, 1) + "\n");
  write_report(folder / "report.html", report);
  write_png(folder / "sheet.png", draw_report_sheet(report, find_fonts()));
  print(fmt::format("{}: {}\n{}{}", report.title, report.set, summary, answers));
  for (const char* name : {"table.txt", "scores.json", "report.html", "sheet.png"})
    console.result(folder / name);
}

void throw_if_failed(const std::vector<EditRecord>& records) {
  std::size_t done = 0, failed = 0;
  const EditRecord* first = nullptr;
  for (const auto& record : records) {
    done += record.state == EditRecord::State::done;
    if (record.state != EditRecord::State::failed) continue;
    ++failed;
    if (!first) first = &record;
  }
  if (failed == 0) return;
  if (done == 0) throw failure("no edit could be done: " + first->reason);
  throw SomeEditsFailed(fmt::format("{} of {} edits failed, such as {}: {}", failed, done + failed,
                                    first->edit.id, first->reason));
}

Command add_bench_command(CLI::App& program) {
  auto* bench = program.add_subcommand(
      "bench", "Measure speed here; or, with a subcommand, quality on the field's benchmarks.");
  bench->require_subcommand(0, 1);
  const auto run = std::make_shared<std::function<void()>>(add_speed_options(*bench));
  const BenchChosen chosen = [run](std::function<void()> what) { *run = std::move(what); };
  add_bench_run_commands(*bench, chosen);
  add_bench_score_command(*bench, chosen);
  return {bench, [run] { (*run)(); }};
}

}  // namespace forgedit::cli
