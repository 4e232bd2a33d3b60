#include "apps/common/serve_worker.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "apps/common/exit_codes.h"
#include "apps/common/places.h"
#include "apps/common/serve_requests.h"
#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/json_text.h"
#include "forgedit/core/one_line.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/supervise.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::chrono::milliseconds kBetweenProgress{50};
constexpr const char* kRecord = "edit.json";

/// A job from its line to its end. The flag may be set before the job begins.
struct ServedJob {
  std::string id;
  json request;
  StopFlag stop;
};

/// Lines to the parent. What else this process prints goes to its standard error.
class Lines {
 public:
  Lines() : output_(::dup(STDOUT_FILENO)) { ::dup2(STDERR_FILENO, STDOUT_FILENO); }

  void send(const json& line) const {
    const auto text = json_text(line) + "\n";
    for (std::size_t done = 0; done < text.size();) {
      const auto count = ::write(output_, text.data() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) ::_exit(kFailure);  // nobody is there to hear it
      done += static_cast<std::size_t>(count);
    }
  }

 private:
  int output_;
};

/// Reads the parent's lines in a thread of its own, so that a stop is seen while a job runs.
class Inbox {
 public:
  Inbox() {
    std::thread([this] { read(); }).detach();
  }

  std::shared_ptr<ServedJob> next() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !jobs_.empty(); });
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

 private:
  void read() {
    for (std::string line; std::getline(std::cin, line);) {
      const auto message = json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (message.is_object()) take(message);
    }
    // The parent is gone, or wants this process to be: everything that is finished is in its file.
    ::_exit(kDone);
  }

  void take(const json& message) {
    const std::lock_guard lock(mutex_);
    if (message.contains("run")) {
      last_ = std::make_shared<ServedJob>();
      last_->id = message["run"]["id"];
      last_->request = message["run"]["request"];
      jobs_.push_back(last_);
      arrived_.notify_one();
    } else if (message.contains("stop") && last_ && message["stop"] == last_->id) {
      last_->stop.stop();
    }
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<ServedJob>> jobs_;
  std::shared_ptr<ServedJob> last_;
};

/// What a job says, as lines.
class LineListener : public JobListener {
 public:
  LineListener(const Lines& lines, std::string id) : lines_(lines), id_(std::move(id)) {}

  void send(const char* event, json values = json::object()) const {
    values["job"] = id_;
    values["event"] = event;
    lines_.send(values);
  }

  void note(const std::string& text) override { send("note", {{"text", text}, {"warning", false}}); }
  void warning(const std::string& text) override { send("note", {{"text", text}, {"warning", true}}); }
  void plan(const JobPlan& plan) override { add_result("plan", plan.text); }
  void caption(const std::string& text) override { add_result("source", text); }
  void captioned(const fs::path&, const std::string& text) override { add_result("caption", text); }
  void learned(const fs::path&, const std::vector<double>& losses) override { add_result("losses", losses); }
  void choice(const json& best) override { add_result("auto", best); }
  void picture(const std::string& stem, const fs::path&, const json& entry) override {
    told_.insert(stem);
    send("picture", {{"stem", stem}, {"entry", entry}});
  }
  void progress(const JobProgress& progress) override {
    const auto now = std::chrono::steady_clock::now();
    if (progress.done < progress.total && now - told_progress_ < kBetweenProgress) return;
    told_progress_ = now;
    send("progress", {{"progress",
                       {{"stage", progress.stage},
                        {"done", progress.done},
                        {"total", progress.total},
                        {"loss", progress.loss},
                        {"seconds_left", progress.seconds_left < 0 ? json() : json(progress.seconds_left)},
                        {"share", progress.share}}}});
  }

  /// The record in the folder has also what an earlier worker finished and could not tell any more.
  void tell_untold(const fs::path& folder) {
    std::error_code missing;
    if (!fs::is_regular_file(folder / kRecord, missing)) return;
    const auto record = read_json_object(folder / kRecord);
    for (const auto& entry : record.value("pictures", json::array())) {
      const auto stem = fs::path(entry.value("file", "")).stem().string();
      if (!stem.empty() && told_.count(stem) == 0) picture(stem, {}, entry);
    }
  }

 private:
  void add_result(const char* key, json value) {
    result_[key] = std::move(value);
    send("result", {{"result", result_}});
  }

  const Lines& lines_;
  const std::string id_;
  json result_ = json::object();
  std::set<std::string> told_;
  std::chrono::steady_clock::time_point told_progress_;
};

/// A message for clients: one line, without the places of this machine that are the server's own.
std::string told_to_clients(std::string message, const fs::path& data) {
  message = message.substr(0, message.find('\n'));
  const auto place = data.string() + "/";
  for (auto at = message.find(place); at != std::string::npos; at = message.find(place)) {
    message.erase(at, place.size());
  }
  return one_line(message, kMostMessage);
}

json failure_of(const std::string& code, const std::string& message, const fs::path& data) {
  return {{"code", code}, {"message", told_to_clients(message, data)}};
}

class ServeWorker {
 public:
  ServeWorker(const ModelRequest& model, fs::path data)
      : data_(std::move(data)), engine_(find_places(), {model, /*keep_warm=*/true}) {}

  [[noreturn]] void run() {
    for (;;) run(*inbox_.next());
  }

 private:
  void run(const ServedJob& job) {
    LineListener listener(lines_, job.id);
    const auto end = [&](const char* event, json values = json::object()) {
      tell_what_is_there(job.id, listener);
      listener.send(event, std::move(values));
    };
    try {
      engine_.run(served_request(job.request, data_, job.id), job.stop, listener);
      end("done");
    } catch (const Cancelled&) {
      end("cancelled");
    } catch (const Error& error) {
      const auto code = error.kind() == ErrorKind::usage ? "bad_request" : "failure";
      const auto before = error.field().empty() ? std::string() : error.field() + ": ";
      end("failed", failure_of(code, before + error.what(), data_));
    } catch (const std::exception& error) {
      // The device is lost to this process: its successor tries the job once more.
      if (breaks_worker(error)) ::_exit(kRestartCode);
      const std::string what = error.what();
      const bool is_memory = what.find("memory") != std::string::npos || what == std::bad_alloc().what();
      end("failed", failure_of(is_memory ? "out_of_memory" : "failure", what, data_));
    }
  }

  void tell_what_is_there(const std::string& id, LineListener& listener) const {
    try {
      listener.tell_untold(job_folder(data_, id));
    } catch (const std::exception&) {
      // A record that cannot be read is the job's own error.
    }
  }

  const Lines lines_;
  const fs::path data_;
  Inbox inbox_;
  Engine engine_;
};

}  // namespace

void run_serve_worker(const ModelRequest& model, const fs::path& data) {
  // The parent decides when this process stops, and by lines alone.
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGHUP}) ::signal(signal, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ServeWorker(model, data).run();
}

}  // namespace forgedit
