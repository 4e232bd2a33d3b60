#include "apps/cli/console.h"

#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "apps/common/interrupt.h"
#include "apps/common/progress_line.h"
#include "apps/common/streams.h"
#include "forgedit/core/one_line.h"
#include "forgedit/text/display_width.h"

namespace forgedit::cli {
namespace {

constexpr std::size_t kUsualColumns = 80, kNoTerminalColumns = 1000;
constexpr auto kRedraw = std::chrono::milliseconds(100);

enum class Tint { none, yellow, red };

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The process's stderr, which consoles and errors share. Writing never throws if it has no reader.
class Terminal {
 public:
  static Terminal& get() {
    static Terminal terminal;
    return terminal;
  }

  /// Whether lines can be overwritten.
  bool is_terminal() const { return terminal_; }
  bool has_open_line() const { return open_width_ > 0; }

  /// Prints a line, after it has cleared the line of progress.
  void say(const std::string& text, Tint tint = Tint::none) {
    clear();
    const auto line = one_line(text, kMostMessage);
    const bool tinted = tint != Tint::none && terminal_ && !no_colour_;
    const std::string colour = tint == Tint::yellow ? "\033[33m" : "\033[31m";
    std::fputs((tinted ? colour + line + "\033[0m\n" : line + "\n").c_str(), stderr);
  }

  /// Prints the line of progress over the previous one.
  void show(const JobProgress& progress) {
    const auto width = columns();
    // A line that reaches the edge would wrap in some terminals.
    const auto line = progress_line(progress, true, width - 1);
    // The terminal has become narrower than the last line, which has wrapped and stays as it is.
    if (open_width_ >= width) std::fputs("\n", stderr);
    std::fputs(("\r\033[K" + line).c_str(), stderr);
    std::fflush(stderr);
    open_width_ = std::max<std::size_t>(1, display_width(line));
  }

  void clear_line() { clear(); }
  void keep_line() {
    if (open_width_ > 0) std::fputs("\n", stderr);
    open_width_ = 0;
  }

 private:
  Terminal()
      : terminal_(::isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb"),
        no_colour_(!environment("NO_COLOR").empty()) {}

  void clear() {
    if (open_width_ > 0) std::fputs(open_width_ >= columns() ? "\n" : "\r\033[K", stderr);
    open_width_ = 0;
  }

  static std::size_t columns() {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : kUsualColumns;
  }

  const bool terminal_, no_colour_;
  std::size_t open_width_ = 0;  // columns of the current line of progress; 0: there is none
};

}  // namespace

Console::~Console() {
  Terminal::get().clear_line();
}

void Console::note(const std::string& text) {
  if (talk_ != Talk::quiet) Terminal::get().say(text);
}

void Console::warning(const std::string& text) {
  Terminal::get().say("warning: " + text, Tint::yellow);
}

void Console::plan(const JobPlan& plan) {
  note("plan: " + plan_line(plan));
}

void Console::alive() {
  looked_at_stop();
}

void Console::progress(const JobProgress& progress) {
  if (talk_ == Talk::quiet) return;
  if (progress.stage != stage_) {
    stage_ = progress.stage;
    shown_tenths_ = -1;
  }
  auto& terminal = Terminal::get();
  if (talk_ == Talk::every_step) return terminal.say(progress_line(progress, false, kNoTerminalColumns));
  if (terminal.is_terminal()) {
    const auto now = Clock::now();
    const bool last = progress.done >= progress.total;
    if (!last && terminal.has_open_line() && now - shown_ < kRedraw) return;
    terminal.show(progress);
    shown_ = now;
    return;
  }
  const auto tenths = progress.total > 0 ? 10 * progress.done / progress.total : 10;
  if (tenths == shown_tenths_) return;
  shown_tenths_ = tenths;
  terminal.say(progress_line(progress, false, kNoTerminalColumns));
}

void Console::stage_ended(const std::string& stage, std::int64_t steps, double seconds) {
  Terminal::get().keep_line();
  note(stage_line(stage, steps, seconds));
  stage_.clear();
}

void Console::caption(const std::string& text) {
  note(fmt::format("caption: \"{}\" (--source TEXT overrides it)", text));
}

void Console::picture(const std::string&, const std::filesystem::path& path, const nlohmann::json&) {
  file(path);
}

void Console::file(const std::filesystem::path& path) {
  Terminal::get().clear_line();
  print(path.string() + "\n");
  flush_stdout();
}

void Console::long_write() {
  allow_long_pause();
}

void Console::stopping() {
  allow_last_writes();
}

void say_error(const std::string& message) {
  Terminal::get().say("forgedit: " + message, Tint::red);
}

}  // namespace forgedit::cli
