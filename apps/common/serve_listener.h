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

/// Lines of JSON to the parent of a worker. What else this process prints goes to its standard error.
class ParentLines {
 public:
  ParentLines();
  /// Ends the process where nobody is there to hear it.
  void send(const nlohmann::json& line) const;

 private:
  int output_;
};

/// Requests to stop a job; set by another thread.
struct ServedStop {
  StopFlag now;
  std::atomic<bool> at_picture{false};  ///< once the next picture, or what is learned, is complete
};

/// What a job says, as lines to the parent (Dispatcher has them), without the places of this machine that are
/// the server's own.
class ServeListener : public JsonEvents {
 public:
  /// All but `id` must outlive it.
  ServeListener(const ParentLines& lines, const std::string& id, const ClientWords& words, ServedStop& stop);

  /// A part of the job's result.
  void add_result(const char* key, nlohmann::json value);
  /// The saved edit that the job has told of; empty: none.
  const std::filesystem::path& learned_place() const { return learned_place_; }
  /// The record in the folder has also what an earlier worker finished and could not tell any more.
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
