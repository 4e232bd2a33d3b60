#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/job_error.h"
#include "forgedit/jobs/job_listener.h"

namespace forgedit {

/// Sends the events of a job as JSON objects, for other programs. docs/requests.md lists them.
class JsonEvents : public JobListener {
 public:
  using Send = std::function<void(nlohmann::json event)>;

  /// `send` receives each event as it happens, in the thread that runs the job.
  explicit JsonEvents(Send send) : send_(std::move(send)) {}

  /// Sends the event of this name. `values` are its keys: an object, or null for none.
  void send(const char* event, nlohmann::json values) const;
  /// The job begins.
  void started() const;
  /// The job has ended. No event follows these.
  void done() const;
  void cancelled(const std::string& kept) const;
  void failed(const JobError& error) const;

  void note(const std::string& text) override;
  void warning(const std::string& text) override;
  void plan(const JobPlan& plan) override;
  void planned(const nlohmann::json& cells) override;
  /// Sends at most 20 events per second.
  void progress(const JobProgress& progress) override;
  void stage_ended(const std::string& stage, std::int64_t steps, double seconds) override;
  void caption(const std::string& text) override;
  void captioned(const std::filesystem::path& picture, const std::string& text) override;
  void scored(const nlohmann::json& picture) override;
  void learned(const std::filesystem::path& folder, const std::vector<double>& losses) override;
  void picture(const std::string& stem, const std::filesystem::path& file,
               const nlohmann::json& entry) override;
  void choice(const nlohmann::json& best) override;
  void file(const std::filesystem::path& path) override;

 private:
  using Clock = std::chrono::steady_clock;
  void add_loss(const JobProgress& progress);

  const Send send_;
  std::vector<double> losses_;  // losses that are not sent yet
  std::int64_t last_loss_ = 0;  // the step of the last loss
  Clock::time_point told_progress_, told_losses_;
};

}  // namespace forgedit
