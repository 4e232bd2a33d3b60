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
    "Prints its address and serves until Ctrl-C or SIGTERM. Jobs and pictures are kept in the data folder: a "
    "server that\nis started again goes on where it was. docs/server.md has the API.\n\n"
    "Example:\n"
    "  forgedit serve --model stable-diffusion-v1-4 --port 7860";

/// What stands on the command line: of the server, and of its worker.
struct ServeArguments {
  ServeOptions server;
  ModelRequest model;
};

/// Who may ask, and how.
void add_access_options(CLI::App& command, ServeOptions& request) {
  const auto group = [](CLI::Option* option) { option->group("Server"); };
  group(command
            .add_option("--tokens", request.tokens,
                        "file of tokens, one a line; clients then need one on this machine too")
            ->type_name("FILE"));
  group(command
            .add_option("--allow-origin", request.page_origins,
                        "pages of this origin may ask too, as https://app.example; may be repeated")
            ->type_name("ORIGIN")
            ->allow_extra_args(false));
  group(command.add_flag("--trust-proxy", request.trust_proxy,
                         "the names of --allow-host are a proxy's, with https and ports of its own"));
  group(command
            .add_option("--base-path", request.base_path,
                        "path of the proxy below which this server is, as /edits")
            ->type_name("PATH"));
  group(command
            .add_option("--sync-timeout", request.sync_seconds,
                        "seconds that a client of /v1/images/edits may wait")
            ->type_name("SECONDS")
            ->check(within(1, kMostSyncSeconds))
            ->capture_default_str());
}

/// How much may wait, and for how long it may run.
void add_queue_options(CLI::App& command, ServeOptions& request) {
  const auto group = [](CLI::Option* option) { option->group("Server"); };
  group(
      command.add_option("--start", request.start, "whether the queue starts: paused or running [as it was]")
          ->type_name("HOW")
          ->check(CLI::IsMember({"paused", "running"})));
  group(command.add_option("--queue", request.most_queued, "jobs that may wait")
            ->type_name("N")
            ->check(within(1, kMostJobs))
            ->capture_default_str());
  group(command
            .add_option("--queue-each", request.most_queued_each,
                        "jobs of one owner that may wait, where the tokens have several owners")
            ->type_name("N")
            ->check(within(1, kMostJobs))
            ->capture_default_str());
  group(command
            .add_option("--job-timeout", request.job_hours,
                        "hours that a job may run at a stretch; 0 is as long as it takes")
            ->type_name("HOURS")
            ->check(within(0, kMostHours))
            ->capture_default_str());
  group(command.add_flag("--access-log", request.access_log,
                         "write a line for each answer to standard error: time, method, address, status, "
                         "milliseconds, owner"));
}

void add_serve_options(CLI::App& command, ServeArguments& arguments) {
  auto& request = arguments.server;
  const auto group = [](CLI::Option* option) { option->group("Server"); };
  group(command
            .add_option("--host", request.host,
                        "address to listen at; off this machine, clients need the token that is printed")
            ->type_name("ADDRESS")
            ->capture_default_str());
  group(command
            .add_option("--port", request.port,
                        "port to listen at; 0 is any that is free [the first free one from 7860]")
            ->type_name("N")
            ->check(within(0, 65535)));
  group(command
            .add_option("--allow-host", request.host_names,
                        "another name or address by which clients call this server; may be repeated")
            ->type_name("NAME")
            ->allow_extra_args(false));
  group(command.add_option("--data", request.data, "folder of jobs and pictures [$XDG_DATA_HOME/forgedit]")
            ->type_name("DIR"));
  group(command.add_flag("--open", request.open, "open the page in the browser"));
  group(command
            .add_option("--idle", request.idle_minutes,
                        "minutes without a job after which the model leaves the memory")
            ->type_name("MINUTES")
            ->check(within(0, kMostMinutes))
            ->capture_default_str());
  group(
      command
          .add_option("--disk", request.disk_gib,
                      "GiB for what was learned; over that goes what is not pinned and was used longest ago")
          ->type_name("GIB")
          ->check(within(0, kMostGib))
          ->capture_default_str());
  group(command
            .add_option("--keep-free", request.keep_free_gib,
                        "GiB of the disk that stay free: with less, no picture and no job is taken")
            ->type_name("GIB")
            ->check(within(0, kMostGib))
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
      program.add_subcommand("serve", "Serve edits of pictures over HTTP, from a queue that lasts.");
  add_serve_options(*command, *arguments);
  return {command, [arguments] {
            // The server starts this program again, as its worker.
            const auto data = serve_data_folder(arguments->server.data);
            if (!worker_of_environment().empty()) run_serve_worker(arguments->model, data);
            become_server(arguments->server);
          }};
}

}  // namespace forgedit::cli
