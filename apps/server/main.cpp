#include <algorithm>
#include <cstdio>
#include <string>

#include "apps/common/exit_codes.h"
#include "apps/common/interrupt.h"
#include "apps/common/streams.h"
#include "apps/server/serve_program.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"

namespace {

int complain(const std::string& message, int code) {
  std::fputs(("forgedit: " + forgedit::one_line(message, forgedit::kMostMessage) + "\n").c_str(), stderr);
  return code;
}

/// The field of an error as an option of `forgedit serve`.
std::string as_option(std::string field) {
  if (field.empty()) return {};
  std::replace(field.begin(), field.end(), '_', '-');
  return "--" + field + ": ";
}

}  // namespace

/// The server's process: answers requests and keeps the queue. `forgedit serve` becomes this program.
int main(int argc, char** argv) {
  using namespace forgedit;
  reserve_standard_streams();
  stop_on_signals();
  try {
    serve(read_serve_options(argc == 2 ? argv[1] : ""));
    return kDone;
  } catch (const Error& error) {
    return complain(as_option(error.field()) + error.what(),
                    error.kind() == ErrorKind::usage ? kUsage : kFailure);
  } catch (const std::exception& error) {
    return complain(error.what(), kFailure);
  }
}
