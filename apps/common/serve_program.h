#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// What a server is started with.
struct ServeRequest {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7860;            ///< 0: one that is free
  std::vector<std::string> host_names;  ///< other names by which clients call it
  std::string data;                     ///< empty: $XDG_DATA_HOME/forgedit
  double idle_minutes = 10;             ///< without a job; then the worker gives its memory back
  ModelRequest model;
};

/// Serves until a signal asks to stop; prints its address. In the process that a server has started as its
/// worker, it works. Throws Error where it cannot begin.
void serve(const ServeRequest& request);

}  // namespace forgedit
