#include "apps/cli/reporter.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/cli/console.h"
#include "apps/common/exit_codes.h"
#include "apps/common/interrupt.h"
#include "apps/common/streams.h"
#include "forgedit/core/error.h"
#include "forgedit/core/json_text.h"
#include "forgedit/jobs/job_error.h"

namespace forgedit::cli {
namespace {

/// Prints one event per line on stdout.
class JsonConsole : public JsonEvents {
 public:
  JsonConsole()
      : JsonEvents([](const nlohmann::json& event) {
          print(json_text(event) + "\n");
          flush_stdout();
        }) {}

  void alive() override { looked_at_stop(); }
  void long_write() override { allow_long_pause(); }
  void stopping() override { allow_last_writes(); }
};

}  // namespace

void Reporter::add_options(CLI::App& command) {
  auto* quiet =
      command.add_flag("-q,--quiet", quiet_, "print only warnings, errors and the paths of results");
  auto* verbose = command.add_flag("-v,--verbose", every_step_, "print a line for every step");
  auto* json = command.add_flag("--json", json_,
                                "print progress, results and errors on stdout, as one JSON object per event "
                                "(docs/requests.md#events), instead of messages and paths");
  verbose->excludes(quiet);
  json->excludes(quiet)->excludes(verbose);
  for (auto* option : {quiet, verbose, json}) option->group("Messages");
}

JobListener& Reporter::listener() {
  if (!listener_) make();
  return *listener_;
}

void Reporter::make() {
  if (json_) {
    auto events = std::make_unique<JsonConsole>();
    events_ = events.get();
    listener_ = std::move(events);
  } else {
    listener_ = std::make_unique<Console>(quiet_        ? Talk::quiet
                                          : every_step_ ? Talk::every_step
                                                        : Talk::normal);
  }
}

void Reporter::run(const std::function<void()>& work) {
  listener();
  if (!events_) {
    work();
    listener_.reset();  // clears the line of progress, if there is one
    return;
  }
  events_->started();
  try {
    work();
  } catch (const Cancelled& stop) {
    events_->cancelled(stop.what());
    throw;
  } catch (const ExitWith& end) {
    if (end.code == kSomeFailed) {
      events_->failed({ErrorKind::failure, "", end.what()});
    } else {
      events_->cancelled(end.what());
    }
    throw;
  } catch (const std::exception& error) {
    events_->failed(job_error(error));
    throw;
  }
  events_->done();
}

}  // namespace forgedit::cli
