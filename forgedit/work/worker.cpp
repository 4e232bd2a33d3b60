#include "forgedit/work/worker.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <random>
#include <sstream>

namespace forgedit {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "host";
  return name.data();
}

std::string first_word(const char* file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return word;
}

std::string link_target(const char* link) {
  std::array<char, 256> target{};
  const auto size = ::readlink(link, target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string();
}

/// The boot id and the namespace of process ids: containers of one host share the first, not the second.
std::string machine_id() {
  const auto boot = first_word("/proc/sys/kernel/random/boot_id");
  const auto processes = link_target("/proc/self/ns/pid");
  return boot.empty() || processes.empty() ? std::string() : boot + " " + processes;
}

/// The start time of a process (field 22 of /proc/PID/stat); empty if there is no such process.
std::string start_of(std::int64_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  std::getline(in, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return field;
}

}  // namespace

Worker this_worker(std::string job, std::int64_t restarts) {
  std::random_device random;
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", random());
  Worker worker;
  worker.process = ::getpid();
  worker.name = host_name() + "-" + std::to_string(worker.process) + "-" + digits.data();
  worker.job = std::move(job);
  worker.restarts = restarts;
  worker.machine = machine_id();
  worker.started = start_of(worker.process);
  return worker;
}

bool has_ended(const Worker& worker) {
  if (worker.machine.empty() || worker.started.empty() || worker.machine != machine_id()) return false;
  if (::kill(static_cast<pid_t>(worker.process), 0) != 0 && errno == ESRCH) return true;
  const auto started = start_of(worker.process);
  return !started.empty() && started != worker.started;
}

}  // namespace forgedit
