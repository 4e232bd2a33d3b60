#include "apps/cli/console.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string_view>

#include "apps/cli/interrupt.h"
#include "apps/cli/progress_line.h"
#include "apps/cli/streams.h"
#include "forgedit/core/one_line.h"
#include "forgedit/text/display_width.h"

namespace forgedit::cli {
namespace {

constexpr std::size_t kRecentSteps = 12;
constexpr std::size_t kUsualColumns = 80, kNoTerminalColumns = 1000;
constexpr auto kRedraw = std::chrono::milliseconds(100);

enum class Tint { none, yellow, red };

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The one stderr of the process, which consoles and the log share. Writing never throws when nobody reads.
class Terminal {
 public:
  static Terminal& get() {
    static Terminal terminal;
    return terminal;
  }

  /// Whether lines can be written over.
  bool is_terminal() const { return terminal_; }
  bool has_open_line() const { return open_width_ > 0; }

  /// A line of its own, below any progress.
  void say(const std::string& text, Tint tint = Tint::none) {
    const std::lock_guard lock(mutex_);
    clear();
    const auto line = one_line(text, kMostMessage);
    const bool tinted = tint != Tint::none && terminal_ && !no_colour_;
    const std::string colour = tint == Tint::yellow ? "\033[33m" : "\033[31m";
    std::fputs((tinted ? colour + line + "\033[0m\n" : line + "\n").c_str(), stderr);
  }

  /// The line of progress, over the one before.
  void show(const Progress& progress, double seconds_left) {
    const std::lock_guard lock(mutex_);
    const auto width = columns();
    // A line that reaches the edge would wrap in some terminals.
    const auto line = progress_line(progress, seconds_left, true, width - 1);
    // Since the last line the terminal became narrower than it: wrapped as that is now, it stays.
    if (open_width_ >= width) std::fputs("\n", stderr);
    std::fputs(("\r\033[K" + line).c_str(), stderr);
    std::fflush(stderr);
    open_width_ = std::max<std::size_t>(1, display_width(line));
  }

  void clear_line() {
    const std::lock_guard lock(mutex_);
    clear();
  }
  void keep_line() {
    const std::lock_guard lock(mutex_);
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
  std::mutex mutex_;            // the library may log from any thread
  std::size_t open_width_ = 0;  // columns of the line of progress; 0: there is none
};

class LogSink : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto level = spdlog::level::to_string_view(message.level);
    Terminal::get().say(fmt::format("{}: {}", std::string_view(level.data(), level.size()),
                                    std::string_view(message.payload.data(), message.payload.size())),
                        message.level >= spdlog::level::err    ? Tint::red
                        : message.level >= spdlog::level::warn ? Tint::yellow
                                                               : Tint::none);
  }
  void flush_() override { std::fflush(stderr); }
};

}  // namespace

Console::Console() = default;

Console::~Console() {
  Terminal::get().clear_line();
}

void Console::note(const std::string& text) {
  Terminal::get().say(text);
}

void Console::highlight(const std::string& text) {
  Terminal::get().say(text, Tint::yellow);
}

void Console::result(const std::filesystem::path& path) {
  Terminal::get().clear_line();
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

  auto& terminal = Terminal::get();
  if (terminal.is_terminal()) {
    const bool last = progress.done >= progress.total;
    if (!last && terminal.has_open_line() && now - shown_ < kRedraw) return;
    terminal.show(progress, seconds_left(progress));
    shown_ = now;
    return;
  }
  const auto tenths = progress.total > 0 ? 10 * progress.done / progress.total : 10;
  if (tenths == shown_tenths_) return;
  shown_tenths_ = tenths;
  terminal.say(progress_line(progress, seconds_left(progress), false, kNoTerminalColumns));
}

void Console::end_stage() {
  auto& terminal = Terminal::get();
  terminal.keep_line();
  if (!stage_.empty()) {
    const std::chrono::duration<double> taken = Clock::now() - stage_start_;
    terminal.say(fmt::format("{}: {} steps in {:.2f} s", stage_, stage_done_, taken.count()));
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

double Console::seconds_left(const Progress& progress) const {
  const auto steps = marks_.back().done - marks_.front().done;
  if (steps <= 0) return -1;
  const std::chrono::duration<double> taken = marks_.back().time - marks_.front().time;
  return taken.count() / static_cast<double>(steps) * static_cast<double>(progress.total - progress.done);
}

void log_to_console() {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("forgedit", std::make_shared<LogSink>()));
}

void say_error(const std::string& message) {
  Terminal::get().say("forgedit: " + message, Tint::red);
}

}  // namespace forgedit::cli
