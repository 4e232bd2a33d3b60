#include "forgedit/batch/batch_job.h"

#include <spdlog/fmt/fmt.h>

#include <map>
#include <set>
#include <tuple>

#include "forgedit/batch/batch_progress.h"
#include "forgedit/core/error.h"
#include "forgedit/jobs/kept_picture.h"
#include "forgedit/jobs/model_choice.h"
#include "forgedit/jobs/results_folder.h"
#include "forgedit/jobs/safety.h"
#include "forgedit/jobs/supervise.h"

namespace forgedit {
namespace {

BatchList read_list(const BatchRequest& request) {
  auto list = read_batch_list(request.text, request.name, request.folder, request.defaults);
  if (!request.options.keep_best) return list;
  for (const auto& edit : list.edits) {
    if (!edit.job.automatic) {
      throw usage_error("keep",
                        "'best' needs the automatic choice (auto), which " + edit.origin + " does not use");
    }
  }
  return list;
}

/// Reads an edit's picture, its region and its mask, which checks them. `read` is the picture that was read
/// last, by its path.
void check_picture_files(const EditJob& job, std::pair<std::filesystem::path, Image>& read) {
  if (read.first != job.learn.picture) read = {job.learn.picture, read_image(job.learn.picture)};
  const auto& picture = read.second;
  const auto photo = job.region ? edited_photo(picture, *job.region) : nullptr;
  if (job.mask.empty()) return;
  read_kept_picture(job.mask, photo ? photo->region.width : picture.width,
                    photo ? photo->region.height : picture.height, photo.get());
}

std::string counted(std::size_t count, const std::string& thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

}  // namespace

Batch::Batch(BatchRequest request)
    : request_(std::move(request)), folder_(request_.out), list_(read_list(request_)) {
  with_field("out", [&] { check_folder_can_be_made(request_.out); });
  folder_.check_place();
  std::set<std::string> mended;
  // Changed edits are accepted only while no worker lives: such a worker would do the edits of its old list.
  if (request_.retry_failed && living_workers(folder_.work()).empty()) {
    for (const auto& [id, failure] : folder_.failures()) {
      if (failure.is_final && !folder_.is_done(id)) mended.insert(id);
    }
  }
  folder_.check_list(batch_subject(list_, {}), mended);
}

void Batch::check_model(const ModelRequest& model, const Places& places) const {
  const BatchProgress now(list_, folder_);
  if (now.is_complete() && !request_.retry_failed) return;  // only the report is written again
  const auto path = find_model(model, places).path;
  for (const auto& edit : list_.edits) {
    if (edit.job.safety == SafetyMode::off) continue;
    try {
      return require_safety_checker(path);
    } catch (const Error& error) {
      throw Error(error.kind(), edit.origin + ": safety: " + error.what());
    }
  }
}

void Batch::check_files(const StopFlag& stop, JobListener& listener) const {
  using Files = std::tuple<std::filesystem::path, std::string, std::filesystem::path>;
  std::map<Files, std::vector<const BatchEdit*>> users;  // by picture, region and mask
  for (const auto& edit : list_.edits) {
    const auto& job = edit.job;
    if (!job.from.empty() || folder_.is_done(edit.id)) continue;
    users[{job.learn.picture, job.region ? region_text(*job.region) : "", job.mask}].push_back(&edit);
  }
  std::pair<std::filesystem::path, Image> read;
  std::size_t wrong = 0;
  for (const auto& [files, edits] : users) {
    stop.throw_if_stopped();
    try {
      check_picture_files(edits.front()->job, read);
    } catch (const Error& error) {
      const auto field = error.field().empty() ? "" : error.field() + ": ";
      for (const auto* edit : edits) listener.warning(edit->origin + ": " + field + error.what());
      wrong += edits.size();
    }
  }
  if (wrong > 0)
    throw usage_error(fmt::format("{} of {} cannot run", wrong, counted(list_.edits.size(), "edit")));
}

std::string Batch::plan() const {
  std::set<std::string> pictures;
  for (const auto& edit : list_.edits) {
    pictures.insert((edit.job.from.empty() ? edit.job.learn.picture : edit.job.from).string());
  }
  auto text = fmt::format("{} of {}, {}", counted(list_.edits.size(), "edit"),
                          counted(pictures.size(), "picture"), counted(list_.images(), "image"));
  const BatchProgress now(list_, folder_);
  if (now.done() > 0) text += fmt::format("; {} done before", now.done());
  if (now.failed() > 0) text += fmt::format("; {} failed before", now.failed());
  return text;
}

void Batch::prepare() const {
  if (!request_.retry_failed || !folder_.subject()) return;
  WorkFolder work(folder_.work(), this_worker(), WorkOptions{request_.options.lease});
  folder_.renew(batch_subject(list_, {}));
  const auto failures = folder_.failures();
  for (const auto& unit : list_.units) {
    std::vector<std::string> failed;
    for (const auto place : unit.edits) {
      if (failures.count(list_.edits[place].id) > 0) failed.push_back(list_.edits[place].id);
    }
    if (failed.empty() || !work.forget_losses(unit.name)) continue;
    for (const auto& id : failed) folder_.forget_failure(id);
  }
}

void Batch::work(Engine& engine, const Worker& worker, const StopFlag& stop, JobListener& listener) const {
  work_on_batch(list_, folder_, engine, worker, request_.options, stop, listener);
}

void Batch::work_by_processes(const std::vector<WorkerProcesses::Command>& commands, const StopFlag& stop,
                              JobListener& listener) const {
  BatchProgress progress(list_, folder_);
  supervise(commands, request_.text, stop, listener, [&] {
    progress.look_now_and_then();
    return progress.progress();
  });
  progress.look();
  listener.progress(progress.progress());
  if (!progress.is_complete()) throw failure("no worker can continue: see their messages above");
}

BatchStatus Batch::status() const {
  const auto begun = folder_.subject();
  return batch_status(folder_, begun ? *begun : batch_subject(list_, {}));
}

std::pair<BatchStatus, std::vector<std::filesystem::path>> Batch::report() const {
  std::vector<std::string> lines;
  for (const auto& edit : list_.edits) lines.push_back(edit.line);
  for (auto now = status();;) {
    auto files = write_batch_report(folder_, now, lines);
    auto after = status();
    if (after.done == now.done && after.failed == now.failed) return {std::move(after), std::move(files)};
    now = std::move(after);
  }
}

BatchStatus status_of_batch(const std::filesystem::path& out) {
  const BatchFolder folder(out);
  const auto subject = folder.subject();
  if (!subject) throw usage_error("out", out.string() + ": contains no batch that a worker has started");
  return batch_status(folder, *subject);
}

}  // namespace forgedit
