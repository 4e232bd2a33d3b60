#include "forgedit/serve/dispatcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/json_text.h"
#include "forgedit/serve/ids.h"
#include "forgedit/serve/job_view.h"
#include "forgedit/serve/learned_folder.h"
#include "forgedit/serve/thumbnails.h"

namespace forgedit {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kAfterTrouble{1'000};
constexpr milliseconds kToEnd{5'000};
constexpr milliseconds kLook{50};

JobEnd over_time() {
  return {JobState::failed, "over_time", "the job reached the server's time limit for a job"};
}

}  // namespace

Dispatcher::Dispatcher(Options options, Store& store, EventRing& events)
    : options_(std::move(options)),
      store_(store),
      events_(events),
      bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (bell_ < 0) throw failure(std::string("cannot create an eventfd: ") + std::strerror(errno));
  thread_ = std::thread([this] { loop(); });
}

Dispatcher::~Dispatcher() {
  stop();
  ::close(bell_);
}

void Dispatcher::wake() {
  rung_ = true;
  ::eventfd_write(bell_, 1);
}

bool Dispatcher::unload() {
  if (is_busy_) return false;
  unload_ = true;
  wake();
  return true;
}

void Dispatcher::stop() {
  stopping_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
}

std::string Dispatcher::progress_of(const std::string& job, bool with_losses) const {
  const std::lock_guard lock(mutex_);
  if (job != progress_job_) return {};
  if (!with_losses || losses_.empty()) return progress_;
  auto progress = progress_.empty() ? json::object() : json::parse(progress_);
  progress["losses"] = losses_;
  return json_text(progress);
}

std::string Dispatcher::worker_info() const {
  const std::lock_guard lock(mutex_);
  return worker_info_;
}

std::string Dispatcher::worker_state() const {
  if (!has_worker_) return "asleep";
  return is_busy_ ? "busy" : "idle";
}

void Dispatcher::loop() {
  for (;;) {
    try {
      if (!turn()) return;
    } catch (const std::exception& error) {
      // For example, the disk is full. The loop tries again.
      if (options_.trouble) options_.trouble(error.what());
      if (stopping_) return;  // the running job is queued again at the next start
      std::this_thread::sleep_for(kAfterTrouble);
    }
  }
}

/// One turn of the loop. Returns false once nothing is left to do.
bool Dispatcher::turn() {
  settle();
  if (stopping_ && !link_ && !running_) return false;
  if (!stopping_) start_next();
  wait();
  look_at_lines();
  look_at_end_of_worker();
  look_at_stops();
  return true;
}

/// Returns false if the worker cannot be started; the running job has then failed.
bool Dispatcher::start_worker() {
  try {
    if (!link_) link_ = std::make_unique<WorkerLink>(options_.worker);
    has_worker_ = true;
    hung_up_ = false;
    idle_since_ = Clock::now();
    return true;
  } catch (const Error& error) {
    if (running_) running_->end = JobEnd{JobState::failed, "worker_lost", error.what()};
    return false;
  }
}

void Dispatcher::start_next() {
  if (running_ || closing_by_) return;
  const auto job = store_.take(store_.is_paused() ? std::optional(JobLane::interactive) : std::nullopt);
  if (!job) {
    if (options_.asks_worker_first && !std::exchange(has_asked_worker_, true)) start_worker();
    return;
  }
  running_ = Running();
  running_->id = job->id;
  running_->lane = job->lane;
  running_->since = Clock::now();
  is_busy_ = true;
  rung_ = true;  // it may have been cancelled since it was taken
  has_asked_worker_ = true;
  {
    const std::lock_guard lock(mutex_);
    progress_job_ = job->id;
    progress_.clear();
    losses_.clear();
  }
  if (!start_worker()) return;
  heard_ = Clock::now();
  store_.clear_notes(job->id);
  if (!job->learned.empty()) store_.use_learned(job->learned);
  link_->send(json_text({{"run", {{"id", job->id}, {"request", json::parse(job->request)}}}}));
  tell(job->id);
  tell_queue();
}

void Dispatcher::wait() {
  const auto now = Clock::now();
  milliseconds time{-1};
  if (running_ && running_->end) {
    time = milliseconds(0);
  } else if (closing_by_ || hung_up_ || (running_ && running_->stop_by) || stopping_) {
    time = kLook;
  } else if (link_) {
    auto until = running_ ? heard_ + options_.silence : idle_since_ + options_.idle;
    if (running_ && options_.most_time.count() > 0)
      until = std::min(until, running_->since + options_.most_time);
    const auto left = std::chrono::duration_cast<milliseconds>(until - now);
    time = std::clamp(left + milliseconds(1), milliseconds(0), milliseconds(3'600'000));
  }
  struct pollfd places[2] = {{bell_, POLLIN, 0}, {link_ && !hung_up_ ? link_->output() : -1, POLLIN, 0}};
  ::poll(places, 2, static_cast<int>(time.count()));
  eventfd_t ignored = 0;
  ::eventfd_read(bell_, &ignored);
  if ((places[1].revents & (POLLHUP | POLLERR)) != 0) hung_up_ = true;
}

void Dispatcher::look_at_lines() {
  if (!link_) return;
  take_lines();
  if (hung_up_) link_->kill();  // it has ended, or can send nothing more
}

/// A line that cannot be stored stays in the queue for the next turn.
void Dispatcher::take_lines() {
  for (auto& line : link_->read_lines()) {
    lines_.push_back(std::move(line));
    heard_ = Clock::now();
  }
  for (; !lines_.empty(); lines_.pop_front()) take_line(lines_.front());
}

void Dispatcher::look_at_end_of_worker() {
  if (!link_) return;
  const auto how = link_->ended();
  if (!how) return;
  take_lines();
  link_.reset();
  has_worker_ = false;
  closing_by_.reset();
  tell_worker();
  if (!running_ || running_->end) return;
  const auto job = store_.job(running_->id);
  if (running_->goes_back) {
    running_->end = JobEnd{JobState::queued, "", ""};
  } else if (running_->is_over_time) {
    running_->end = over_time();
  } else if (!job || job->cancel != CancelWhen::never) {
    running_->end = JobEnd{JobState::cancelled, "", ""};
  } else if (job->lost_workers + 1 >= options_.most_lost) {
    running_->end = JobEnd{JobState::failed, "worker_lost",
                           "the worker process died on this job " + std::to_string(job->lost_workers + 1) +
                               " times, the last time with " + *how};
  } else {
    running_->worker_died = true;
    running_->end = JobEnd{JobState::queued, "", ""};
  }
}

void Dispatcher::look_at_stops() {
  const auto now = Clock::now();
  if (running_ && !running_->end) {
    if (stopping_ && running_->asked != CancelWhen::now) ask_to_stop(CancelWhen::now, /*goes_back=*/true);
    if (rung_.exchange(false)) look_who_waits();
    if (options_.most_time.count() > 0 && now > running_->since + options_.most_time && !running_->stop_by) {
      running_->is_over_time = true;
      ask_to_stop(CancelWhen::now, /*goes_back=*/false);
    }
    const bool is_deaf = running_->stop_by && now > *running_->stop_by;
    if (link_ && (is_deaf || now > heard_ + options_.silence)) link_->kill();
  } else if (link_ && !running_ && !closing_by_) {
    const bool is_over = now >= idle_since_ + options_.idle;
    if (!unload_.exchange(false) && !stopping_ && !is_over) return;
    link_->close_input();
    closing_by_ = now + kToEnd;
  }
  if (link_ && closing_by_ && now > *closing_by_) link_->kill();
}

/// Asks the worker to stop if the running job was cancelled, or if an interactive job waits.
void Dispatcher::look_who_waits() {
  const auto job = store_.job(running_->id);
  if (job && job->cancel != CancelWhen::never) {
    if (job->cancel != running_->asked || running_->goes_back) ask_to_stop(job->cancel, /*goes_back=*/false);
    return;
  }
  if (running_->lane == JobLane::interactive || running_->asked != CancelWhen::never) return;
  const auto queue = store_.waiting();
  if (queue.empty() || queue.front().lane != JobLane::interactive) return;
  ask_to_stop(CancelWhen::picture, /*goes_back=*/true);
}

void Dispatcher::ask_to_stop(CancelWhen when, bool goes_back) {
  running_->goes_back = goes_back;
  if (running_->stop_by) return;
  running_->asked = when;
  json line{{"stop", running_->id}};
  if (when == CancelWhen::picture) {
    line["at"] = "picture";
  } else {
    running_->stop_by = Clock::now() + (goes_back ? kToEnd : options_.patience);
  }
  if (link_) link_->send(json_text(line));
}

/// Stores how the running job has ended, and forgets the job.
void Dispatcher::settle() {
  if (!running_ || !running_->end) return;
  const auto& end = *running_->end;
  if (end.state == JobState::queued) {
    store_.put_back(running_->id, running_->worker_died);
  } else {
    store_.finish(running_->id, end);
  }
  const auto id = running_->id;
  running_.reset();
  idle_since_ = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    progress_job_.clear();
  }
  is_busy_ = false;
  tell(id);
  tell_queue();
}

void Dispatcher::take_line(const std::string& line) {
  const auto parsed = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_object() && parsed.contains("worker")) {
    {
      const std::lock_guard lock(mutex_);
      worker_info_ = json_text(parsed["worker"]);
    }
    return events_.publish("info", "{}");
  }
  const auto is_text = [&](const char* key) { return parsed.contains(key) && parsed[key].is_string(); };
  if (!parsed.is_object() || !is_text("job") || !is_text("event")) {
    if (options_.trouble) options_.trouble("the worker sent a message that the server does not understand");
    return;
  }
  // Late lines of a job that has ended are of no use.
  if (!running_ || running_->end || parsed["job"] != running_->id) return;
  try {
    take_event(parsed["event"], parsed);
  } catch (const json::exception& error) {
    if (options_.trouble) options_.trouble(std::string("the worker's line: ") + error.what());
  }
}

void Dispatcher::take_event(const std::string& event, const json& line) {
  const auto& id = running_->id;
  if (event == "progress") return take_progress(line.at("progress"));
  if (event == "losses") return take_losses(line);
  if (event == "learned") return take_learned(line);
  if (event == "picture") return take_picture(line);
  if (event == "choice") return take_choice(line.at("choice"));
  if (event == "note") {
    store_.add_note(id, {line.at("text"), line.at("warning")});
    events_.publish("note",
                    json_text({{"job", id}, {"text", line.at("text")}, {"warning", line.at("warning")}}));
  } else if (event == "preview") {
    events_.publish_preview("preview", json_text({{"job", id},
                                                  {"stem", line.at("stem")},
                                                  {"step", line.at("step")},
                                                  {"of", line.at("of")},
                                                  {"image", line.at("image")}}));
  } else if (event == "took") {
    if (const auto job = store_.job(id)) Speeds::keep(store_, worker_info(), waiting_job(*job), line);
    events_.publish("info", "{}");  // the page reads it again for the new speeds
  } else if (event == "result") {
    store_.set_result(id, json_text(line.at("result")));
    tell(id);
  } else if (event == "done") {
    running_->end = JobEnd{JobState::done, "", ""};
  } else if (event == "cancelled") {
    running_->end = JobEnd{running_->goes_back ? JobState::queued : JobState::cancelled, "", ""};
    if (running_->is_over_time) running_->end = over_time();
  } else if (event == "failed") {
    running_->end = JobEnd{JobState::failed, line.at("code"), line.at("message")};
  }
}

void Dispatcher::take_picture(const json& line) {
  const auto& id = running_->id;
  StoredPicture picture{line.at("stem"), json_text(line.at("entry"))};
  if (!options_.data.empty()) make_thumbnail(options_.data, id, picture.stem);
  store_.add_picture(id, picture);
  if (!running_->has_choice && line["entry"].value("kind", json()) == "edit")
    store_.set_cover(id, picture.stem);
  auto told = picture_json(id, picture);
  told["job"] = id;
  events_.publish("picture", json_text(told));
}

void Dispatcher::take_choice(json choice) {
  const auto& best = choice.value("best", json::array());
  if (!best.empty()) {
    running_->has_choice = true;
    store_.set_cover(running_->id, best[0].at("stem"));
  }
  choice["job"] = running_->id;
  events_.publish("choice", json_text(choice));
}

void Dispatcher::take_learned(const json& line) {
  const auto job = store_.job(running_->id);
  if (!job) return;
  StoredLearned learned;
  learned.id = line.at("id");
  learned.picture = job->picture;
  learned.job = job->id;
  learned.made = learned.used = now_ms();
  learned.bytes = line.at("bytes");
  learned.info = json_text(line.at("info"));
  store_.add_learned(learned);
  store_.set_learned(job->id, learned.id);
  tell_learned(learned.id, job->id);
  if (options_.data.empty()) return;
  for (const auto& gone : drop_learned(options_.data, store_, options_.most_learned)) {
    tell_gone("learned", gone);
  }
}

void Dispatcher::take_losses(const json& line) {
  const std::size_t from = line.at("from");
  const std::vector<double> losses = line.at("losses");
  {
    const std::lock_guard lock(mutex_);
    losses_.resize(std::min(from, losses_.size()));
    losses_.insert(losses_.end(), losses.begin(), losses.end());
  }
  events_.publish("loss", json_text({{"job", running_->id}, {"from", from}, {"losses", losses}}));
}

void Dispatcher::take_progress(const json& progress) {
  {
    const std::lock_guard lock(mutex_);
    progress_job_ = running_->id;
    progress_ = json_text(progress);
  }
  const auto now = Clock::now();
  if (now - told_progress_ < options_.between_progress) return;
  told_progress_ = now;
  tell(running_->id);
  if (now - told_queue_ < options_.between_queues || store_.count(JobState::queued) == 0) return;
  told_queue_ = now;
  tell_queue();
}

void Dispatcher::tell(const std::string& id) {
  if (const auto job = store_.job(id)) events_.publish("job", json_text(job_summary(*job, progress_of(id))));
  tell_worker();
}

void Dispatcher::tell_queue() {
  auto queued = json::array();
  for (const auto& place : places()) queued.push_back(place_json(place, queued.size() + 1));
  events_.publish(
      "queue",
      json_text({{"length", queued.size()}, {"paused", store_.is_paused()}, {"queued", std::move(queued)}}));
}

std::vector<QueuePlace> Dispatcher::places() const {
  std::string info, progress;
  {
    const std::lock_guard lock(mutex_);
    info = worker_info_;
    if (!progress_job_.empty()) progress = progress_;
  }
  return queue_places(store_, info, progress);
}

void Dispatcher::tell_learned(const std::string& id, const std::string& job) {
  events_.publish("learned", json_text({{"id", id}, {"job", job}}));
}

void Dispatcher::tell_gone(const std::string& kind, const std::string& id) {
  events_.publish("gone", json_text({{"kind", kind}, {"id", id}}));
}

/// Publishes the worker's state if it has changed.
void Dispatcher::tell_worker() {
  const auto state = worker_state();
  {
    const std::lock_guard lock(mutex_);
    if (told_worker_ == state) return;
    told_worker_ = state;
  }
  events_.publish("worker", json_text({{"state", state}}));
}

}  // namespace forgedit
