#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "apps/cli/as_typed.h"
#include "apps/cli/commands.h"
#include "apps/cli/console.h"
#include "apps/cli/version_line.h"
#include "apps/common/exit_codes.h"
#include "apps/common/interrupt.h"
#include "apps/common/process_start.h"
#include "apps/common/streams.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/suggest.h"
#include "forgedit/core/text.h"
#include "forgedit/device/device.h"

namespace forgedit::cli {
namespace {

constexpr const char* kProgramFooter =
    "`forgedit help COMMAND` lists all options of a command; `forgedit version` prints the version.\n"
    "Exit codes: 0 success, 1 failure, 2 usage error, 3 some edits of a list or benchmark failed, 75 a\n"
    "worker of a list was stopped before its work was done, 130 stopped by Ctrl-C, SIGTERM or SIGHUP\n"
    "(finished results are kept).";

int complain(const std::string& message, int code) {
  say_error(message);
  return code;
}

/// The field of an error as an option of the current command: "unet_lr" gives "--unet-lr: ". A setting
/// without an option is an argument, or the message names it.
std::string as_option(const CLI::App& program, const std::string& field) {
  if (field.empty()) return {};
  auto name = "--" + field;
  std::replace(name.begin(), name.end(), '_', '-');
  const auto* command = &program;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  if (command->get_option_no_throw(name)) return name + ": ";
  return field == "target" ? "TARGET: " : "";
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// Reports an exception that is not forgedit's own. Of LibTorch's messages, which have a stack trace, only
/// the first line is printed.
int complain_unexpected(const std::string& what) {
  for (const char* sign : {"out of memory", "can't allocate memory", "not enough memory"}) {
    if (what.find(sign) == std::string::npos) continue;
    return complain("out of memory: try a smaller --size, --batch or --draw-batch, or a smaller --memory",
                    kFailure);
  }
  return complain(first_line(what), kFailure);
}

/// Some of CLI11's messages in other words.
std::string in_our_words(const std::string& message) {
  if (const auto end = message.find(": At Most 1 required but received "); end != std::string::npos) {
    return message.substr(0, end) + ": given more than once";
  }
  const std::string value = "Could not convert: ";
  if (const auto end = message.find(" = "); starts_with(message, value) && end != std::string::npos) {
    return message.substr(value.size(), end - value.size()) + ": takes no value";
  }
  return message;
}

/// A hint at what `word` may have meant: a subcommand of `app`, or one of its options.
std::string suggestion(const CLI::App& app, const std::string& word) {
  std::vector<std::string> known;
  for (const auto* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(below->get_name());
  }
  if (starts_with(word, "-")) known.clear();
  for (const auto* option : app.get_options()) {
    if (!option->get_lnames().empty()) known.push_back(option->get_name());
  }
  return did_you_mean(word, known);
}

/// Reports an argument that no command or option accepts.
int complain_unexpected_argument(const CLI::App& program) {
  const auto* command = &program;
  std::string path = "forgedit";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  const auto extras = program.remaining(/*recurse=*/true);
  const auto typed = unmarked(extras.empty() ? "" : extras.front());
  const auto word = typed.substr(0, typed.find('='));
  const bool is_option = word.size() > 1 && word.front() == '-';
  const bool has_commands = !command->get_subcommands([](const CLI::App*) { return true; }).empty();
  auto message = (is_option      ? "unknown option '"
                  : has_commands ? "unknown command '"
                                 : "unexpected argument '") +
                 one_line(is_option ? word : typed) + "'" + suggestion(*command, word);
  if (is_option && message.find("did you mean") == std::string::npos) {
    message += "; write -- before a text that begins with -";
  }
  return complain(message + "; see `" + path + " --help`", kUsage);
}

/// Replaces `forgedit help [COMMAND...]` and `forgedit version` by the options --help and --version.
void translate_words(const CLI::App& program, std::vector<std::string>& arguments) {
  if (arguments.empty()) return;
  if (arguments.front() == "version" && arguments.size() == 1) arguments.front() = "--version";
  if (arguments.front() != "help") return;
  arguments.erase(arguments.begin());
  const auto is_asked_for = [&](const CLI::App* command) { return command->get_name() == arguments.front(); };
  // Without --help, an unknown command is reported as such.
  if (arguments.empty() || !program.get_subcommands(is_asked_for).empty()) arguments.push_back("--help");
}

/// Throws a usage Error for an empty value, which is nearly always a variable that a script did not set. Only
/// the negative prompt may be empty. Prompts and captions are checked elsewhere.
void check_empty_values(const CLI::App& app) {
  static constexpr std::array kTexts{"TARGET", "--target", "--source", "--negative"};
  for (const auto* option : app.get_options()) {
    const auto name = option->get_name();
    const auto& values = option->results();
    if (std::find(kTexts.begin(), kTexts.end(), name) != kTexts.end() ||
        std::find(values.begin(), values.end(), "") == values.end()) {
      continue;
    }
    throw usage_error(name + ": expected a value, got an empty one");
  }
  for (const auto* command : app.get_subcommands()) check_empty_values(*command);
}

/// The exit code after a command. A failed write to stdout matters only if the output is the command's
/// result.
int end_of(const CLI::App& command) {
  const int error = flush_stdout();
  const auto& name = command.get_name();
  static constexpr std::array kResults{"caption", "inspect", "score", "doctor", "completion", "man"};
  const bool is_result = std::find(kResults.begin(), kResults.end(), name) != kResults.end();
  if (error == 0 || !is_result) return kDone;
  if (error == EPIPE) return kFailure;  // the reader has closed the pipe
  return complain(std::string("stdout cannot be written: ") + std::strerror(error), kFailure);
}

/// Leaves `main` with `code`. If a GPU was used, the process ends here instead: all results are written by
/// now, and releasing pinned memory, networks and the context takes half a second.
int end_process(int code) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (gpu_was_used()) {
    std::fflush(nullptr);
    std::_Exit(code);
  }
#endif
  return code;
}

int run(CLI::App& program, int argc, char** argv) {
  const std::array commands{
      add_edit_command(program),    add_learn_command(program),  add_redo_command(program),
      add_caption_command(program), add_score_command(program),  add_batch_command(program),
      add_bench_command(program),   add_export_command(program), add_inspect_command(program),
      add_serve_command(program),   add_doctor_command(program), add_completion_command(program),
      add_man_command(program)};
  leave_as_typed(program);
  auto arguments = marked_arguments(argc, argv);
  translate_words(program, arguments);
  std::reverse(arguments.begin(), arguments.end());
  try {
    program.parse(arguments);
  } catch (const CLI::Success& asked_for) {
    return program.exit(asked_for);  // --help and --version
  } catch (const CLI::ExtrasError&) {
    return complain_unexpected_argument(program);
  } catch (const CLI::ParseError& error) {
    return complain(first_line(in_our_words(error.what())) + "; see --help", kUsage);
  }
  check_empty_values(program);
  for (const auto& command : commands) {
    if (!command.options->parsed()) continue;
    command.run();
    return end_process(end_of(*command.options));
  }
  std::fputs(program.help().c_str(), stderr);
  return kUsage;
}

}  // namespace
}  // namespace forgedit::cli

int main(int argc, char** argv) {
  using namespace forgedit::cli;
  forgedit::reserve_standard_streams();
  forgedit::set_library_environment();
  forgedit::keep_freed_memory();
  forgedit::stop_on_signals();
  CLI::App program{
      "Edits a picture with a text prompt: fine-tunes Stable Diffusion on it, restores some of the weights, "
      "generates the edit.",
      "forgedit"};
  program.set_version_flag("-V,--version", version_line());
  program.require_subcommand(0, 1);  // otherwise the name of a command could not be used as a TARGET
  program.footer(kProgramFooter);
  program.get_formatter()->column_width(32);
  try {
    return run(program, argc, argv);
  } catch (const forgedit::Cancelled& stop) {
    const std::string kept = stop.what();
    return complain("stopped: " + (kept.empty() ? "nothing was saved" : kept), forgedit::kCancelled);
  } catch (const forgedit::ExitWith& end) {
    return *end.what() ? complain(end.what(), end.code) : end.code;
  } catch (const forgedit::Error& error) {
    return complain(as_option(program, error.field()) + error.what(),
                    error.kind() == forgedit::ErrorKind::usage ? forgedit::kUsage : forgedit::kFailure);
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(error.path1().string() + ": " + error.code().message(), forgedit::kFailure);
  } catch (const std::bad_alloc&) {
    return complain_unexpected("out of memory");
  } catch (const c10::Error& error) {
    return complain_unexpected(error.what_without_backtrace());
  } catch (const std::system_error& error) {
    if (error.code().value() == EPIPE) return forgedit::kFailure;  // the reader has closed the pipe
    return complain_unexpected(error.what());
  } catch (const std::exception& error) {
    return complain_unexpected(error.what());
  }
}
