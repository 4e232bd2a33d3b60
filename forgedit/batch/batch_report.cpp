#include "forgedit/batch/batch_report.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/batch/batch_page.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json_text.h"
#include "forgedit/core/page_data.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using State = BatchStatus::State;

const char* state_name(State state) {
  return state == State::done ? "done" : state == State::failed ? "failed" : "left";
}

json edit_json(const BatchFolder& folder, const BatchStatus::Edit& edit) {
  json result{{"id", edit.id}, {"state", state_name(edit.state)}};
  if (!edit.reason.empty()) result["reason"] = edit.reason;
  if (edit.state != State::done) return result;
  result["folder"] = folder.edit(edit.id).lexically_relative(folder.path()).string();
  result["seconds"] = edit.made.seconds;
  result["worker"] = edit.made.worker;
  result["device"] = edit.made.device;
  return result;
}

json summary_json(const BatchFolder& folder, const BatchStatus& status) {
  auto edits = json::array();
  for (const auto& edit : status.edits) edits.push_back(edit_json(folder, edit));
  return {{"format", 1},         {"model", status.model},    {"done", status.done}, {"failed", status.failed},
          {"left", status.left}, {"edits", std::move(edits)}};
}

/// The prompts in a line of a list.
std::vector<std::string> targets_of(const std::string& line) {
  const auto keys = json::parse(line, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> targets;
  const auto add = [&](const json& target) {
    if (target.is_string()) targets.push_back(target);
    if (target.is_object() && target.contains("target")) targets.push_back(target.at("target"));
  };
  for (const char* key : {"target", "targets", "story"}) {
    const auto found = keys.find(key);
    if (found == keys.end()) continue;
    if (!found->is_array()) add(*found);
    if (found->is_array()) std::for_each(found->begin(), found->end(), add);
  }
  return targets;
}

std::string page(const BatchFolder& folder, const BatchStatus& status,
                 const std::vector<std::string>& lines) {
  auto edits = json::array();
  for (std::size_t i = 0; i < status.edits.size(); ++i) {
    auto entry = edit_json(folder, status.edits[i]);
    entry["targets"] = targets_of(lines.at(i));
    entry["pictures"] = json::array();
    for (const auto& picture : status.edits[i].made.pictures) {
      entry["pictures"].push_back(
          {{"file", picture.file}, {"label", picture.label}, {"edit", picture.is_edit}});
    }
    edits.push_back(std::move(entry));
  }
  const auto name = fs::absolute(folder.path()).lexically_normal().filename().string();
  return page_with_data(kBatchPage, {{"name", name}, {"model", status.model}, {"edits", std::move(edits)}});
}

}  // namespace

BatchStatus batch_status(const BatchFolder& folder, const BatchSubject& subject) {
  const auto done = folder.done();
  const auto failures = folder.failures();
  const auto made = folder.made();
  BatchStatus status;
  status.model = subject.model;
  for (const auto& item : subject.edits) {
    BatchStatus::Edit edit;
    edit.id = item.first;
    const auto failure = failures.find(edit.id);
    if (done.count(edit.id) > 0) {
      edit.state = State::done;
      const auto found = made.find(edit.id);
      if (found != made.end()) edit.made = found->second;
    } else if (failure != failures.end()) {
      edit.reason = failure->second.reason;
      if (failure->second.is_final) edit.state = State::failed;
    }
    ++(edit.state == State::done ? status.done : edit.state == State::failed ? status.failed : status.left);
    status.edits.push_back(std::move(edit));
  }
  return status;
}

std::string status_line(const BatchStatus& status) {
  auto text = std::to_string(status.done) + " of " + std::to_string(status.edits.size()) + " edits done";
  if (status.failed > 0) text += ", " + std::to_string(status.failed) + " failed";
  if (status.left > 0) text += ", " + std::to_string(status.left) + " left";
  return text;
}

std::vector<fs::path> write_batch_report(const BatchFolder& folder, const BatchStatus& status,
                                         const std::vector<std::string>& lines) {
  const auto summary = folder.path() / "summary.json", index = folder.path() / "index.html",
             failed = folder.path() / "failed.jsonl";
  std::vector<fs::path> written{summary, index};
  write_file_atomically(summary, json_text(summary_json(folder, status), 1) + "\n");
  write_file_atomically(index, page(folder, status, lines));
  if (status.failed == 0) {
    ::unlink(failed.c_str());
    return written;
  }
  std::string list;
  for (std::size_t i = 0; i < status.edits.size(); ++i) {
    if (status.edits[i].state == State::failed) list += lines.at(i) + "\n";
  }
  write_file_atomically(failed, list);
  written.push_back(failed);
  return written;
}

}  // namespace forgedit
