#include "apps/cli/console.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "apps/cli/interrupt.h"
#include "apps/cli/streams.h"

namespace forgedit::cli {
namespace {

constexpr std::size_t kRecentSteps = 12;
constexpr int kBarWidth = 24;
constexpr auto kRedraw = std::chrono::milliseconds(100);

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

/// Unlike fmt::print this does not throw when nobody can read it.
template <typename... Arguments>
void say(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  std::fputs(fmt::format(text, std::forward<Arguments>(arguments)...).c_str(), stderr);
}

std::string bar(double share) {
  const int full = static_cast<int>(share * kBarWidth);
  return "[" + std::string(static_cast<std::size_t>(full), '=') +
         std::string(static_cast<std::size_t>(kBarWidth - full), ' ') + "]";
}

}  // namespace

Console::Console() : terminal_(::isatty(STDERR_FILENO) == 1) {}

Console::~Console() {
  clear_line();
}

void Console::note(const std::string& text) {
  clear_line();
  say("{}\n", text);
}

void Console::result(const std::filesystem::path& path) {
  clear_line();
  print(path.string() + "\n");
  flush_stdout();
}

void Console::progress(const Progress& progress) {
  throw_if_stopped();
  if (progress.stage != stage_) start_stage(progress);
  stage_done_ = progress.done;
  const auto now = Clock::now();
  marks_.push_back({now, progress.done});
  if (marks_.size() > kRecentSteps) marks_.pop_front();

  const bool last = progress.done >= progress.total;
  if (terminal_) {
    if (!last && line_open_ && now - shown_ < kRedraw) return;
    say("\r\033[K{}", line(progress));
    std::fflush(stderr);
    line_open_ = true;
    shown_ = now;
    return;
  }
  const auto tenths = progress.total > 0 ? 10 * progress.done / progress.total : 10;
  if (tenths == shown_tenths_) return;
  shown_tenths_ = tenths;
  say("{}\n", line(progress));
}

void Console::end_stage() {
  if (line_open_) say("\n");
  line_open_ = false;
  if (!stage_.empty()) {
    const std::chrono::duration<double> taken = Clock::now() - stage_start_;
    say("{}: {} steps in {:.2f} s\n", stage_, stage_done_, taken.count());
  }
  stage_.clear();
}

void Console::start_stage(const Progress& progress) {
  end_stage();
  stage_ = progress.stage;
  stage_start_ = Clock::now();
  marks_.clear();
  shown_tenths_ = -1;
}

std::string Console::line(const Progress& progress) const {
  const double share =
      progress.total > 0 ? static_cast<double>(progress.done) / static_cast<double>(progress.total) : 1.0;
  auto text = fmt::format("{} {:3.0f} %", progress.stage, std::floor(100 * share));
  if (terminal_) text += " " + bar(share);
  if (progress.loss > 0) {
    text += fmt::format("  step {}/{}  loss {:.4f}", progress.done, progress.total, progress.loss);
  }
  const double left = seconds_left(progress);
  if (progress.done < progress.total && left >= 0) text += "  " + duration_text(left) + " left";
  return text;
}

double Console::seconds_left(const Progress& progress) const {
  const auto steps = marks_.back().done - marks_.front().done;
  if (steps <= 0) return -1;
  const std::chrono::duration<double> taken = marks_.back().time - marks_.front().time;
  return taken.count() / static_cast<double>(steps) * static_cast<double>(progress.total - progress.done);
}

void Console::clear_line() {
  if (line_open_) say("\r\033[K");
  line_open_ = false;
}

}  // namespace forgedit::cli
