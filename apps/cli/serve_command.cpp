#include <CLI/CLI.hpp>
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/model_options.h"
#include "apps/common/serve_options.h"
#include "apps/common/serve_worker.h"
#include "apps/common/worker_commands.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit::cli {
namespace {

constexpr int kMostMinutes = 100'000, kMostSyncSeconds = 86'400;
constexpr int kMostGib = 1'000'000, kMostHours = 10'000, kMostJobs = 10'000;
constexpr const char* kServeFooter =
    "Prints its address and runs until Ctrl-C or SIGTERM. Jobs and images are kept in the data folder,\n"
    "so a server that is started again resumes. docs/server.md describes the API.\n"
    "\n"
    "Example:\n"
    "  forgedit serve --model CompVis/stable-diffusion-v1-4 --port 7860";

/// The settings on the command line: of the server and of its worker.
struct ServeArguments {
  ServeOptions server;
  ModelRequest model;
};

/// Adds the options for access to the server.
void add_access_options(CLI::App& command, ServeOptions& request) {
  const auto group = [](CLI::Option* option) { option->group("Server"); };
  group(command
            .add_option("--tokens", request.tokens,
                        "file of tokens, one per line; then clients on this machine need one too")
            ->type_name("FILE"));
  group(command
            .add_option(
                "--allow-origin", request.page_origins,
                "pages of this origin may use the API, for example https://app.example; may be repeated")
            ->type_name("ORIGIN")
            ->allow_extra_args(false));
  group(command.add_flag("--trust-proxy", request.trust_proxy,
                         "the names of --allow-host belong to a proxy, with its own https and ports"));
  group(command
            .add_option("--base-path", request.base_path,
                        "path below which the proxy serves this server, for example /edits")
            ->type_name("PATH"));
  group(command
            .add_option("--sync-timeout", request.sync_seconds,
                        "seconds that a request to /v1/images/edits may wait")
            ->type_name("SECONDS")
            ->check(within(1, kMostSyncSeconds, "seconds"))
            ->capture_default_str());
}

/// Adds the options for the queue and for the time limit of jobs.
void add_queue_options(CLI::App& command, ServeOptions& request) {
  const auto group = [](CLI::Option* option) { option->group("Server"); };
  group(command.add_option("--start", request.start, "state of the queue at the start [as it was]")
            ->type_name("paused|running")
            ->check(either("paused", "running")));
  group(command.add_option("--queue", request.most_queued, "maximum number of waiting jobs")
            ->type_name("N")
            ->check(within(1, kMostJobs))
            ->capture_default_str());
  group(command
            .add_option("--queue-each", request.most_queued_each,
                        "maximum number of waiting jobs per owner, if the tokens have several owners")
            ->type_name("N")
            ->check(within(1, kMostJobs))
            ->capture_default_str());
  group(command
            .add_option("--job-timeout", request.job_hours,
                        "hours that a job may run without a break; 0: no limit")
            ->type_name("HOURS")
            ->check(within(0, kMostHours, "hours"))
            ->capture_default_str());
  group(command.add_flag("--access-log", request.access_log,
                         "print a line for each response on standard error: time, method, address, status, "
                         "milliseconds, owner"));
}

void add_serve_options(CLI::App& command, ServeArguments& arguments) {
  auto& request = arguments.server;
  const auto group = [](CLI::Option* option) { option->group("Server"); };
  group(
      command
          .add_option("--host", request.host,
                      "address to listen on; if other machines can reach it, clients need the printed token")
          ->type_name("ADDRESS")
          ->capture_default_str());
  group(command
            .add_option("--port", request.port,
                        "port to listen on; 0 takes any free one [the first free one from 7860]")
            ->type_name("N")
            ->check(within(0, 65535)));
  group(command
            .add_option("--allow-host", request.host_names,
                        "another name or address that clients use for this server; may be repeated")
            ->type_name("NAME")
            ->allow_extra_args(false));
  group(command.add_option("--data", request.data, "folder for jobs and images [$XDG_DATA_HOME/forgedit]")
            ->type_name("DIR"));
  group(command.add_flag("--open", request.open, "open the page in the browser"));
  group(command
            .add_option("--idle", request.idle_minutes, "minutes without a job before the model is unloaded")
            ->type_name("MINUTES")
            ->check(within(0, kMostMinutes, "minutes"))
            ->capture_default_str());
  group(command
            .add_option("--disk", request.disk_gib,
                        "GiB for all saved edits that are not pinned; beyond it, the least recently used "
                        "ones are deleted")
            ->type_name("GIB")
            ->check(within(0, kMostGib, "GiB"))
            ->capture_default_str());
  group(command
            .add_option("--keep-free", request.keep_free_gib,
                        "GiB of disk space to leave free; with less, new uploads and jobs are rejected")
            ->type_name("GIB")
            ->check(within(0, kMostGib, "GiB"))
            ->capture_default_str());
  add_queue_options(command, request);
  add_access_options(command, request);
  add_model_options(command, arguments.model);
  add_memory_option(command, arguments.model);
  command.footer(kServeFooter);
}

}  // namespace

Command add_serve_command(CLI::App& program) {
  const auto arguments = std::make_shared<ServeArguments>();
  auto* command =
      program.add_subcommand("serve", "Serve a web page and an HTTP API for edits, with a queue on disk.");
  add_serve_options(*command, *arguments);
  return {command, [arguments] {
            // The server starts this program again, as its worker.
            const auto data = serve_data_folder(arguments->server.data);
            if (!worker_of_environment().empty()) run_serve_worker(arguments->model, data);
            become_server(arguments->server);
          }};
}

}  // namespace forgedit::cli
