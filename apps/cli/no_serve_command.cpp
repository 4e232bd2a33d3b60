#include <CLI/CLI.hpp>

#include "apps/cli/commands.h"
#include "forgedit/core/error.h"

namespace forgedit::cli {

/// Stands in for serve_command.cpp in a build without Boost.Beast or SQLite.
Command add_serve_command(CLI::App& program) {
  auto* command =
      program.add_subcommand("serve", "Not part of this build, which had no Boost.Beast or SQLite.");
  command->allow_extras();
  return {command,
          [] { throw failure("this forgedit was built without Boost.Beast or SQLite, which serve needs"); }};
}

}  // namespace forgedit::cli
