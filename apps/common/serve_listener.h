#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "forgedit/core/stop.h"
#include "forgedit/jobs/json_events.h"
#include "forgedit/serve/client_words.h"

namespace forgedit {

/// Sends lines of JSON to the parent of a worker. All other output of this process goes to standard error.
class ParentLines {
 public:
  ParentLines();
  /// Ends the process if the parent no longer reads.
  void send(const nlohmann::json& line) const;

 private:
  int output_;
};

/// Requests to stop a job; set by another thread.
struct ServedStop {
  StopFlag now;
  std::atomic<bool> at_picture{false};  ///< once the next image, or the fine-tuning, is complete
};

/// Sends the events of a job as lines to the parent (see Dispatcher), without paths of this machine.
class ServeListener : public JsonEvents {
 public:
  /// All but `id` must outlive it.
  ServeListener(const ParentLines& lines, const std::string& id, const ClientWords& words, ServedStop& stop);

  /// Adds a part to the job's result and sends the result.
  void add_result(const char* key, nlohmann::json value);
  /// The folder of the saved edit that the job has reported; empty: none.
  const std::filesystem::path& learned_place() const { return learned_place_; }
  /// Reports the images in the folder's record that an earlier worker finished but could not report.
  void tell_untold(const std::filesystem::path& folder);

  void note(const std::string& text) override;
  void warning(const std::string& text) override;
  void plan(const JobPlan& plan) override;
  void planned(const nlohmann::json& cells) override;
  void caption(const std::string& text) override { add_result("source", text); }
  void captioned(const std::filesystem::path& picture, const std::string& text) override;
  void scored(const nlohmann::json& picture) override;
  void learned(const std::filesystem::path& folder, const std::vector<double>& losses) override;
  void choice(const nlohmann::json& best) override;
  void picture(const std::string& stem, const std::filesystem::path& file,
               const nlohmann::json& entry) override;
  void file(const std::filesystem::path&) override {}  // clients find files by their job
  bool wants_previews() const override { return true; }
  void preview(const std::string& stem, std::int64_t step, const Image& small) override;
  void stage_ended(const std::string& stage, std::int64_t steps, double seconds) override;

 private:
  void stop_if_wanted();

  const ClientWords& words_;
  ServedStop& stop_;
  nlohmann::json result_ = nlohmann::json::object();
  std::map<std::string, nlohmann::json> cells_;  // by stem
  std::filesystem::path learned_place_;
  std::set<std::string> told_;
};

}  // namespace forgedit
