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
  std::optional<std::uint16_t> port;    ///< 0: one that is free; nothing: the first free one from kServePort
  std::vector<std::string> host_names;  ///< other names by which clients call it
  std::string data;                     ///< folder of jobs and pictures
  double idle_minutes = 10;             ///< without a job; then the worker gives its memory back
  double disk_gib = 20;                 ///< for all that is learned and not pinned
  double keep_free_gib = 2;             ///< of the disk; with less nothing new is taken
  std::vector<std::string> page_origins;  ///< see AccessOptions
  bool trust_proxy = false;               ///< see AccessOptions::behind_proxy
  std::string base_path;                  ///< see HttpGate
  std::string tokens;                     ///< a file of tokens; empty: off loopback one that the server makes
  int sync_seconds = 600;                 ///< how long a client of /v1/images/edits may wait
  int most_queued = 64;                   ///< jobs of each lane
  int most_queued_each = 16;              ///< of one owner, where there are several
  double job_hours = 4;                   ///< that a job may run without a break; 0: no limit
  bool access_log = false;                ///< a line for each answer, to standard error
  std::string start;                      ///< "paused", "running"; empty: as it was
  bool open = false;                      ///< the page, in the user's browser
  WorkerProcesses::Command worker;        ///< the program that runs jobs
};

inline constexpr std::uint16_t kServePort = 7860;

/// The folder that a server uses: `given`, or $XDG_DATA_HOME/forgedit where that is empty.
std::string serve_data_folder(const std::string& given);

/// Becomes the server: bin/forgedit_server, which lies beside this program and does without LibTorch. Its
/// worker is this program as it was started. Throws a failure where it cannot be started.
[[noreturn]] void become_server(ServeOptions options);

/// What `become_server` hands over.
ServeOptions read_serve_options(const std::string& text);

}  // namespace forgedit
