#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/work/worker_processes.h"

namespace forgedit {

/// The options of a server.
struct ServeOptions {
  std::string host = "127.0.0.1";
  std::optional<std::uint16_t> port;    ///< 0: any free port; nothing: the first free one from kServePort on
  std::vector<std::string> host_names;  ///< other names by which clients call it
  std::string data;                     ///< folder of jobs and pictures
  double idle_minutes = 10;             ///< time without a job after which the worker frees its memory
  double disk_gib = 20;                 ///< maximum size of all saved edits that are not pinned
  double keep_free_gib = 2;             ///< free disk space below which nothing new is accepted
  std::vector<std::string> page_origins;  ///< see AccessOptions
  bool trust_proxy = false;               ///< see AccessOptions::behind_proxy
  std::string base_path;                  ///< see HttpGate
  std::string tokens;               ///< a file of tokens; empty: the server makes one if not on loopback
  int sync_seconds = 600;           ///< how long POST /v1/images/edits waits for the images
  int most_queued = 64;             ///< maximum of queued jobs of each lane
  int most_queued_each = 16;        ///< the same for each owner if there are several
  double job_hours = 4;             ///< maximum time that a job runs without a break; 0: no limit
  bool access_log = false;          ///< print a line for each response to standard error
  std::string start;                ///< state of the queue: "paused", "running"; empty: unchanged
  bool open = false;                ///< open the page in the user's browser
  WorkerProcesses::Command worker;  ///< the program that runs jobs
};

inline constexpr std::uint16_t kServePort = 7860;

/// The folder that a server uses: `given`, or $XDG_DATA_HOME/forgedit if that is empty. Throws a usage Error
/// if there is no home folder.
std::string serve_data_folder(const std::string& given);

/// Replaces this process by the server, the program forgedit_server beside this one, which does not use
/// LibTorch. Its worker is this program as it was started. Throws a failure if the server cannot be started.
[[noreturn]] void become_server(ServeOptions options);

/// Reads the options that `become_server` passes on.
ServeOptions read_serve_options(const std::string& text);

}  // namespace forgedit
