#pragma once

#include <spawn.h>
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace forgedit {

/// Starts a program in a process of its own. `arguments` begins with its path, or with a name that PATH
/// finds; `environment` is added to this process's own. No signal is blocked in it.
/// With `own_group`, signals of a terminal do not reach it. Returns 0 and its `process`, or the value of
/// errno.
int spawn(std::vector<std::string> arguments, const std::map<std::string, std::string>& environment,
          const posix_spawn_file_actions_t& actions, pid_t& process, bool own_group = false);

}  // namespace forgedit
