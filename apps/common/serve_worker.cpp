#include "apps/common/serve_worker.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "apps/common/exit_codes.h"
#include "apps/common/interrupt.h"
#include "apps/common/places.h"
#include "apps/common/serve_info.h"
#include "apps/common/serve_listener.h"
#include "apps/common/served_request.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/supervise.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "forgedit/serve/client_words.h"
#include "forgedit/serve/exports.h"
#include "forgedit/serve/ids.h"
#include "forgedit/serve/learned_folder.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A job, from the line that starts it to its end. It may be told to stop before it begins.
struct ServedJob {
  std::string id;
  json request;
  ServedStop stop;
};

/// Reads the parent's lines in a thread of its own, so that a stop is received while a job runs.
class Inbox {
 public:
  Inbox() {
    std::thread([this] { read(); }).detach();
  }

  bool is_empty() {
    const std::lock_guard lock(mutex_);
    return jobs_.empty();
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
    // The parent is gone or has closed the input to end this process. Everything that is finished is in its
    // file.
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
      if (message.contains("at")) {
        last_->stop.at_picture = true;
      } else {
        last_->stop.now.stop();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<ServedJob>> jobs_;
  std::shared_ptr<ServedJob> last_;
};

/// The folder for the saved edit of `picture`: an existing one with the same fine-tuning, else a new one,
/// which gets the job's id if that is free.
fs::path place_to_learn(const fs::path& data, const std::string& job, const PictureToLearn& picture) {
  for (const auto& name : list_directory(data / "learned")) {
    if (!is_id(name)) continue;
    const auto folder = learned_folder(data, name);
    try {
      if (is_saved_edit(folder) && saved_difference(folder, picture).empty()) return folder;
    } catch (const Error&) {
      // It is damaged and cannot be used.
    }
  }
  auto folder = learned_folder(data, job);
  std::error_code missing;
  return fs::exists(folder, missing) ? learned_folder(data, new_id()) : folder;
}

json failure_of(const std::string& code, const std::string& message) {
  return {{"code", code}, {"message", message}};
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// Paths of this machine that messages for clients must not contain.
std::vector<fs::path> places_to_hide(const ModelRequest& model) {
  const auto places = find_places();
  std::vector<fs::path> hidden{places.hub_cache, places.assets, model.model, model.vae, model.tokenizer};
  if (const char* home = std::getenv("HOME")) hidden.emplace_back(home);
  return hidden;
}

class ServeWorker {
 public:
  ServeWorker(const ModelRequest& model, fs::path data)
      : data_(std::move(data)),
        model_(model),
        words_(data_, places_to_hide(model)),
        engine_(find_places(), {model, /*keep_warm=*/true}) {}

  [[noreturn]] void run() {
    introduce();
    for (;;) {
      if (inbox_.is_empty()) tell_speeds();
      run(*inbox_.next());
      if (inbox_.is_empty()) warm_up();
    }
  }

 private:
  /// Reports the model and its settings to the parent.
  void introduce() {
    try {
      JobListener nobody;
      facts_ = engine_.facts(StopFlag(), nobody);
      facts_.no_captioner = words_(facts_.no_captioner);
      facts_.no_judge = words_(facts_.no_judge);
      info_ = serve_info(facts_);
      lines_.send({{"worker", info_}});
    } catch (const Error& error) {
      lines_.send({{"worker", {{"model", nullptr}, {"problem", words_(error.what())}}}});
    }
  }

  /// Reports expected speeds, once, while no job waits.
  void tell_speeds() {
    if (info_.is_null() || info_.contains("speeds")) return;
    try {
      JobListener nobody;
      info_["speeds"] = serve_speeds(engine_.expected_speeds(StopFlag(), nobody));
      lines_.send({{"worker", info_}});
    } catch (const Error&) {
      info_["speeds"] = json::array();  // the first job will report what is wrong with the model
    }
  }

  /// Prepares the saved edit from which users will most likely generate next.
  void warm_up() {
    if (to_warm_.empty()) return;
    JobListener nobody;
    try {
      engine_.warm_up(std::exchange(to_warm_, {}), StopFlag(), nobody);
    } catch (const std::exception&) {
      // The next job that uses it will report the error.
    }
  }

  void run(ServedJob& job) {
    ServeListener listener(lines_, job.id, words_, job.stop);
    const auto end = [&](const char* event, json values = json::object()) {
      tell_what_is_there(job.id, listener);
      listener.send(event, std::move(values));
    };
    try {
      const auto request = settled(job);
      run(request, job, listener);
      const auto* edit = std::get_if<EditJob>(&request);
      to_warm_ = edit && !edit->from.empty() ? edit->from : listener.learned_place();
      end("done");
    } catch (const Cancelled&) {
      end("cancelled");
    } catch (const Error& error) {
      end("failed", failure_of(code_of(error), told(error)));
    } catch (const std::exception& error) {
      // This process cannot use the device any more. The next one tries the job once more.
      if (breaks_worker(error)) ::_exit(kRestartCode);
      const std::string what = error.what();
      const bool is_memory = has(what, "memory") || what == std::bad_alloc().what();
      end("failed", failure_of(is_memory ? "out_of_memory" : "failure", words_(what)));
    }
  }

  JobRequest settled(const ServedJob& job) const {
    auto request = served_request(job.request, data_, job.id);
    const auto choose = [data = data_, id = job.id](const PictureToLearn& picture) {
      return place_to_learn(data, id, picture);
    };
    auto* learn = std::get_if<LearnRequest>(&request);
    if (auto* edit = std::get_if<EditJob>(&request); edit && edit->from.empty()) learn = &edit->learn;
    if (!learn) return request;
    learn->choose_save = choose;
    learn->overwrite = true;  // replaces a damaged saved edit
    return request;
  }

  void run(const JobRequest& request, ServedJob& job, ServeListener& listener) {
    if (const auto* exported = std::get_if<ExportRequest>(&request)) {
      return run_export(*exported, job, listener);
    }
    engine_.run(request, job.stop.now, listener);
  }

  void run_export(const ExportRequest& request, ServedJob& job, ServeListener& listener) {
    const auto folder = export_folder(data_, job.id);
    remove_tree(folder);
    if (facts_.precision == "fp32") {
      engine_.run(request, job.stop.now, listener);
    } else {
      // The model must be written unrounded, so it is loaded in fp32. There is room for one model only.
      engine_.unload();
      auto model = model_;
      model.precision = Precision::fp32;
      Engine(find_places(), {model, /*keep_warm=*/false}).run(request, job.stop.now, listener);
    }
    tell_files(folder, request.out, job.id, listener);
  }

  static void tell_files(const fs::path& folder, const fs::path& out, const std::string& id,
                         ServeListener& listener) {
    std::error_code error;
    const bool is_folder = fs::is_directory(out, error);
    std::uintmax_t bytes = 0;
    for (const auto& path : list_tree(folder)) bytes += fs::file_size(path, error);
    const auto name = out.filename().string() + (is_folder ? ".zip" : "");
    json file{{"name", name}, {"bytes", bytes}, {"url", "api/v1/exports/" + id + "/" + name}};
    if (is_folder) file["inside"] = out.filename().string();
    listener.add_result("files", json::array({file}));
  }

  static std::string code_of(const Error& error) {
    if (error.kind() == ErrorKind::usage) return "bad_request";
    return has(error.what(), "No space left on device") ? "disk_full" : "failure";
  }

  std::string told(const Error& error) const {
    const auto before = error.field().empty() ? std::string() : error.field() + ": ";
    return words_(before + error.what());
  }

  void tell_what_is_there(const std::string& id, ServeListener& listener) const {
    try {
      listener.tell_untold(job_folder(data_, id));
    } catch (const std::exception&) {
      // A record that cannot be read is the job's own error.
    }
  }

  const ParentLines lines_;
  const fs::path data_;
  const ModelRequest model_;
  const ClientWords words_;
  Inbox inbox_;
  Engine engine_;
  EngineFacts facts_;
  json info_;  // what the parent has received; null if there is no model
  fs::path to_warm_;
};

}  // namespace

void run_serve_worker(const ModelRequest& model, const fs::path& data) {
  end_on_signals();  // only the parent stops this process, by lines
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ServeWorker(model, data).run();
}

}  // namespace forgedit
