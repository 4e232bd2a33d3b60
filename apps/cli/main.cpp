#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/some_failed.h"
#include "apps/cli/streams.h"
#include "apps/common/passive_threads.h"
#include "forgedit/core/error.h"
#include "forgedit/core/suggest.h"

namespace forgedit::cli {
namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;
constexpr int kSomeFailed = 3;
constexpr int kCancelled = 130;

constexpr const char* kFooter =
    "`forgedit edit --help` lists everything about editing.\n"
    "Exit codes: 0 done, 1 cannot be done, 2 wrong use, 3 some edits failed, 130 stopped by Ctrl-C (what is "
    "finished is kept).";

/// Always one line; names out of files may hold anything, so control characters never reach the terminal.
int complain(std::string message, int code) {
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  std::fprintf(stderr, "forgedit: %s\n", message.c_str());
  return code;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// An exception that is not forgedit's own: LibTorch's carry a stack trace, of which the first line is left.
int complain_unexpected(const std::string& what) {
  for (const char* sign : {"out of memory", "can't allocate memory", "not enough memory"}) {
    if (what.find(sign) == std::string::npos) continue;
    return complain("out of memory: try a smaller --size, --batch or --draw-batch, or another --memory",
                    kFailure);
  }
  return complain(first_line(what), kFailure);
}

/// What an argument that nobody expected may have been meant for: a command, or an option of the command.
std::string suggestion(const CLI::App& program) {
  const auto extras = program.remaining(/*recurse=*/true);
  if (extras.empty()) return {};
  const auto word = extras.front().substr(0, extras.front().find('='));
  const auto* command = &program;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  std::vector<std::string> known;
  for (const auto* below : command->get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(below->get_name());
  }
  for (const auto* option : command->get_options()) known.push_back(option->get_name());
  return did_you_mean(word, known);
}

/// What some commands print is their result; elsewhere nobody needs to read it.
int end_of(const CLI::App& command) {
  const int error = flush_stdout();
  const auto& name = command.get_name();
  const bool is_result = name == "caption" || name == "inspect" || name == "score";
  if (error == 0 || !is_result) return 0;
  if (error == EPIPE) return kFailure;  // the reader wants no more
  return complain(std::string("stdout cannot be written: ") + std::strerror(error), kFailure);
}

int run(CLI::App& program, int argc, char** argv) {
  const std::array commands{add_edit_command(program),    add_learn_command(program),
                            add_caption_command(program), add_score_command(program),
                            add_bench_command(program),   add_export_command(program),
                            add_inspect_command(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& asked_for) {
    return program.exit(asked_for);  // --help and --version
  } catch (const CLI::ExtrasError& error) {
    return complain(first_line(error.what()) + suggestion(program) + "; see --help", kUsage);
  } catch (const CLI::ParseError& error) {
    return complain(first_line(error.what()) + "; see --help", kUsage);
  }
  for (const auto& command : commands) {
    if (!command.options->parsed()) continue;
    command.run();
    return end_of(*command.options);
  }
  std::fputs(program.help().c_str(), stderr);
  return kUsage;
}

}  // namespace
}  // namespace forgedit::cli

int main(int argc, char** argv) {
  using namespace forgedit::cli;
  reserve_standard_streams();
  forgedit::use_passive_threads(argv);
  stop_on_signals();
  spdlog::set_default_logger(spdlog::stderr_logger_mt("forgedit"));
  spdlog::set_pattern("%l: %v");
  CLI::App program{
      "Edits a picture by a target text: learns the picture, forgets some of it, draws it anew."};
  program.set_version_flag("--version", "forgedit " FORGEDIT_VERSION);
  program.footer(kFooter);
  program.get_formatter()->column_width(32);
  try {
    return run(program, argc, argv);
  } catch (const forgedit::Cancelled&) {
    return complain("stopped", kCancelled);
  } catch (const SomeEditsFailed& error) {
    return complain(error.what(), kSomeFailed);
  } catch (const forgedit::Error& error) {
    return complain(error.what(), error.kind() == forgedit::ErrorKind::usage ? kUsage : kFailure);
  } catch (const std::bad_alloc&) {
    return complain_unexpected("out of memory");
  } catch (const c10::Error& error) {
    return complain_unexpected(error.what_without_backtrace());
  } catch (const std::system_error& error) {
    if (error.code().value() == EPIPE) return kFailure;  // whoever read the result has gone
    return complain_unexpected(error.what());
  } catch (const std::exception& error) {
    return complain_unexpected(error.what());
  }
}
