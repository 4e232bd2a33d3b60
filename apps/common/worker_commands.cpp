#include "apps/common/worker_commands.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "apps/common/scheduler.h"
#include "forgedit/core/error.h"

namespace forgedit {
namespace {

/// "I/N": the index of this worker and the number of workers that its parent started.
constexpr const char* kWorkerVariable = "FORGEDIT_WORKER";

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream list(text);
  for (std::string word; std::getline(list, word, ',');) words.push_back(word);
  return words;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 4 && text.find_first_not_of("0123456789") == std::string::npos;
}

/// The value of CUDA_VISIBLE_DEVICES for each worker. Throws Error if a requested GPU is not there.
std::vector<std::string> gpus_of(const std::string& asked, std::size_t there) {
  const auto words = words_of(asked);
  if (asked != "all" && (words.empty() || !std::all_of(words.begin(), words.end(), is_number))) {
    throw usage_error("gpus", "expected all, a number of GPUs, or a list such as 0,1, got '" + asked + "'");
  }
  if (there == 0) throw failure("gpus", "this machine has no GPU that the program can use");
  std::vector<std::string> all;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES"); visible && *visible) {
    all = words_of(visible);
  }
  all.resize(std::min(all.empty() ? there : all.size(), there));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].empty()) all[i] = std::to_string(i);
  }
  if (asked == "all") return all;
  std::vector<std::string> chosen;
  if (is_number(asked)) {
    const auto count = std::stoul(asked);
    if (count < 1 || count > all.size()) {
      throw usage_error("gpus", "expected 1 to " + std::to_string(all.size()) +
                                    ", the number of usable GPUs, got " + asked);
    }
    all.resize(count);
    return all;
  }
  for (const auto& word : words) {
    const auto number = std::stoul(word);
    if (number >= all.size()) {
      throw usage_error("gpus",
                        "expected numbers from 0 to " + std::to_string(all.size() - 1) + ", got " + word);
    }
    if (std::find(chosen.begin(), chosen.end(), all[number]) != chosen.end()) {
      throw usage_error("gpus", "GPU " + word + " is listed twice");
    }
    chosen.push_back(all[number]);
  }
  return chosen;
}

/// The arguments with which this program was started; the first one is /proc/self/exe.
std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string word; std::getline(file, word, '\0');) arguments.push_back(word);
  arguments.front() = "/proc/self/exe";
  return arguments;
}

}  // namespace

std::vector<WorkerProcesses::Command> worker_commands(const WorkerCount& workers, std::size_t gpus_there) {
  const auto gpus = workers.gpus.empty() ? std::vector<std::string>() : gpus_of(workers.gpus, gpus_there);
  const auto count = gpus.empty() ? workers.processes : gpus.size();
  const auto cores = std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
  std::vector<WorkerProcesses::Command> commands;
  for (std::size_t i = 0; i < count; ++i) {
    WorkerProcesses::Command command{own_arguments(), {}};
    command.environment[kWorkerVariable] = std::to_string(i) + "/" + std::to_string(count);
    command.environment["OMP_NUM_THREADS"] = std::to_string(std::max<std::size_t>(cores / count, 1));
    if (!gpus.empty()) command.environment["CUDA_VISIBLE_DEVICES"] = gpus[i];
    commands.push_back(std::move(command));
  }
  return commands;
}

WorkerProcesses::Command only_worker_command() {
  auto arguments = own_arguments();
  // The server, which starts it, is another program: /proc/self/exe would name the server.
  arguments.front() = std::filesystem::read_symlink(arguments.front()).string();
  return {std::move(arguments), {{kWorkerVariable, "0/1"}}};
}

std::string worker_of_environment() {
  const char* text = std::getenv(kWorkerVariable);
  return text ? text : "";
}

std::pair<std::size_t, std::size_t> worker_place(const WorkerCount& workers) {
  const auto& child = workers.child;
  const auto slash = child.find('/');
  if (slash != std::string::npos) {
    const std::size_t i = std::strtoul(child.c_str(), nullptr, 10),
                      n = std::strtoul(child.c_str() + slash + 1, nullptr, 10);
    if (i < n) return {i, n};
  }
  const auto job = scheduler_job();
  return {job.place, job.places};
}

}  // namespace forgedit
