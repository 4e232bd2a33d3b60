#include "forgedit/jobs/json_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kBetweenProgress{50}, kBetweenLosses{200};

json seconds_json(double seconds) {
  return seconds < 0 ? json() : json(seconds);
}

}  // namespace

void JsonEvents::send(const char* event, json values) const {
  values["event"] = event;
  send_(std::move(values));
}

void JsonEvents::started() const {
  send("started", {});
}

void JsonEvents::done() const {
  send("done", {});
}

void JsonEvents::cancelled(const std::string& kept) const {
  send("cancelled", {{"message", kept}});
}

void JsonEvents::failed(const JobError& error) const {
  const bool is_usage = error.kind == ErrorKind::usage;
  send("failed",
       {{"code", is_usage ? "usage" : "failure"}, {"field", error.field}, {"message", error.message}});
}

void JsonEvents::note(const std::string& text) {
  send("note", {{"text", text}, {"warning", false}});
}

void JsonEvents::warning(const std::string& text) {
  send("note", {{"text", text}, {"warning", true}});
}

void JsonEvents::plan(const JobPlan& plan) {
  send("plan", {{"text", plan.text}, {"pictures", plan.pictures}, {"seconds", seconds_json(plan.seconds)}});
}

void JsonEvents::planned(const json& cells) {
  send("planned", {{"pictures", cells}});
}

void JsonEvents::progress(const JobProgress& progress) {
  if (progress.loss > 0) add_loss(progress);
  const auto now = Clock::now();
  if (progress.done < progress.total && now - told_progress_ < kBetweenProgress) return;
  told_progress_ = now;
  send("progress", {{"progress",
                     {{"stage", progress.stage},
                      {"done", progress.done},
                      {"total", progress.total},
                      {"loss", progress.loss},
                      {"seconds_left", seconds_json(progress.seconds_left)},
                      {"share", progress.share}}}});
}

void JsonEvents::add_loss(const JobProgress& progress) {
  losses_.push_back(progress.loss);
  last_loss_ = progress.done;
  const auto now = Clock::now();
  if (progress.done < progress.total && now - told_losses_ < kBetweenLosses) return;
  told_losses_ = now;
  const auto from = last_loss_ - static_cast<std::int64_t>(losses_.size());
  send("losses", {{"from", std::max<std::int64_t>(from, 0)}, {"losses", losses_}});
  losses_.clear();
}

void JsonEvents::stage_ended(const std::string& stage, std::int64_t steps, double seconds) {
  send("took", {{"stage", stage}, {"steps", steps}, {"seconds", seconds}});
}

void JsonEvents::caption(const std::string& text) {
  send("caption", {{"text", text}});
}

void JsonEvents::captioned(const std::filesystem::path& picture, const std::string& text) {
  send("captioned", {{"picture", picture.string()}, {"text", text}});
}

void JsonEvents::scored(const json& picture) {
  send("scored", picture);
}

void JsonEvents::learned(const std::filesystem::path& folder, const std::vector<double>& losses) {
  send("learned", {{"folder", folder.empty() ? json() : json(folder.string())}, {"losses", losses}});
}

void JsonEvents::picture(const std::string& stem, const std::filesystem::path& file, const json& entry) {
  send("picture", {{"stem", stem}, {"file", file.string()}, {"entry", entry}});
}

void JsonEvents::choice(const json& best) {
  send("choice", {{"choice", best}});
}

void JsonEvents::file(const std::filesystem::path& path) {
  send("file", {{"file", path.string()}});
}

}  // namespace forgedit
