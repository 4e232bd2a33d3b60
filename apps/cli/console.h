#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "forgedit/jobs/job_listener.h"

namespace forgedit::cli {

/// How much the program prints while it works.
enum class Talk { quiet, normal, every_step };

/// The output of the program while it works: notes and progress on stderr, paths of results on stdout. On a
/// terminal, progress is one line that is overwritten and fits its width; elsewhere (and if TERM is "dumb")
/// it is a line now and then. Colours are for terminals, unless NO_COLOR is set. Talk::quiet prints only
/// warnings and paths, Talk::every_step prints a line for every step.
class Console : public JobListener {
 public:
  explicit Console(Talk talk = Talk::normal) : talk_(talk) {}
  ~Console() override;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// The text is printed as one line, see one_line.
  void note(const std::string& text) override;
  void warning(const std::string& text) override;
  void plan(const JobPlan& plan) override;
  void progress(const JobProgress& progress) override;
  void stage_ended(const std::string& stage, std::int64_t steps, double seconds) override;
  void caption(const std::string& text) override;
  void alive() override;
  void picture(const std::string& stem, const std::filesystem::path& file,
               const nlohmann::json& entry) override;
  void file(const std::filesystem::path& path) override;
  void long_write() override;
  void stopping() override;

 private:
  using Clock = std::chrono::steady_clock;

  const Talk talk_;
  std::string stage_;
  Clock::time_point shown_;
  std::int64_t shown_tenths_ = -1;
};

/// Prints "forgedit: MESSAGE" on stderr in one line, red on a terminal.
void say_error(const std::string& message);

}  // namespace forgedit::cli
