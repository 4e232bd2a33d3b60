#include "forgedit/serve/speeds.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json_text.h"
#include "forgedit/io/pictures/frame.h"

namespace forgedit {
namespace {

using nlohmann::json;

/// Parses a text from the store or from the worker. Anything but an object becomes an empty object.
json object_of(const std::string& text) {
  auto parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_object() ? parsed : json::object();
}

json part(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : json::object();
}

std::int64_t whole(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

double seconds_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : -1;
}

/// The name of what speeds depend on besides the work: model, device and precision. Empty if unknown.
std::string machine_of(const json& info) {
  const auto model = part(info, "model");
  const auto name = text(model, "name");
  return name.empty() ? name : name + ", " + text(model, "device") + ", " + text(model, "precision");
}

double area(std::int64_t width, std::int64_t height) {
  return static_cast<double>(width) * static_cast<double>(height);
}

}  // namespace

std::string work_text(const JobWork& work) {
  return json_text({{"learning", work.learning},
                    {"samples", work.samples},
                    {"batch", work.batch},
                    {"images", work.images},
                    {"steps", work.steps},
                    {"width", work.width},
                    {"height", work.height}});
}

JobWork parse_work(const std::string& stored) {
  const auto object = object_of(stored);
  return {
      text(object, "learning"), whole(object, "samples"), std::max<std::int64_t>(1, whole(object, "batch")),
      whole(object, "images"),  whole(object, "steps"),   whole(object, "width"),
      whole(object, "height")};
}

WaitingJob waiting_job(const StoredJob& job) {
  return {job.id, job.owner, job.lane, job.picture, job.learned, job.work};
}

Speeds::Speeds(const Store& store, const std::string& worker_info) : store_(store) {
  const auto info = object_of(worker_info);
  machine_ = machine_of(info);
  side_ = whole(part(info, "model"), "size");
  multiple_ = whole(part(info, "model"), "multiple");
  usual_samples_ = whole(part(info, "defaults"), "usual_samples");
  if (machine_.empty()) return;
  for (auto& speed : store.speeds(machine_)) known_.push_back({std::move(speed), true});
  for (const auto& expected : info.value("speeds", json::array())) {
    if (!expected.is_object()) continue;
    known_.push_back({{machine_, text(expected, "work"), whole(expected, "width"), whole(expected, "height"),
                       seconds_in(expected, "seconds")},
                      false});
  }
}

double Speeds::unit(const std::string& work, const PictureSize& size) const {
  const double wanted = area(size.width, size.height);
  const Known* best = nullptr;
  const auto distance = [&](const Known& known) {
    return std::abs(std::log(area(known.speed.width, known.speed.height) / wanted));
  };
  for (const auto& known : known_) {
    if (known.speed.work != work || known.speed.seconds < 0 || wanted <= 0) continue;
    const bool is_better = !best || known.is_measured > best->is_measured ||
                           (known.is_measured == best->is_measured && distance(known) < distance(*best));
    if (is_better) best = &known;
  }
  return best ? best->speed.seconds * wanted / area(best->speed.width, best->speed.height) : -1;
}

double Speeds::seconds(const JobWork& work, const PictureSize& size) const {
  double all = 0;
  const auto add = [&](const std::string& kind, std::int64_t count) {
    const double each = count > 0 ? unit(kind, size) : 0;
    all = all < 0 || each < 0 ? -1 : all + each * static_cast<double>(count);
  };
  if (!work.learning.empty()) add(work.learning, work.samples > 0 ? work.samples : usual_samples_);
  add(kImageWork, work.steps + work.images);
  return all;
}

double Speeds::seconds(const WaitingJob& job) const {
  const auto work = parse_work(job.work);
  return seconds(work, size_of(job, work));
}

PictureSize Speeds::size_of(const WaitingJob& job, const JobWork& work) const {
  if (work.width > 0) return {work.width, work.height};
  if (const auto learned = job.learned.empty() ? std::nullopt : store_.learned(job.learned)) {
    const auto info = object_of(learned->info);
    if (whole(info, "width") > 0) return {whole(info, "width"), whole(info, "height")};
  }
  const auto upload = job.picture.empty() ? std::nullopt : store_.upload(job.picture);
  if (!upload || upload->width == 0 || multiple_ == 0) return {side_, side_};
  try {
    const auto frame = fit_frame(static_cast<int>(upload->width), static_cast<int>(upload->height),
                                 side_ * side_, static_cast<int>(multiple_));
    return {frame.grid_width, frame.grid_height};
  } catch (const Error&) {
    return {side_, side_};  // the job will report that the picture is too long
  }
}

json Speeds::list() const {
  auto list = json::array();
  for (const auto& [speed, is_measured] : known_) {
    list.push_back({{"work", speed.work},
                    {"width", speed.width},
                    {"height", speed.height},
                    {"seconds", speed.seconds},
                    {"measured", is_measured}});
  }
  return list;
}

void Speeds::keep(Store& store, const std::string& worker_info, const WaitingJob& job, const json& took) {
  const Speeds speeds(store, worker_info);
  const auto work = parse_work(job.work);
  const auto size = speeds.size_of(job, work);
  const bool is_learning = text(took, "stage") == "learning";
  const auto units = whole(took, "steps") * (is_learning ? work.batch : 1);
  const double seconds = seconds_in(took, "seconds");
  const auto kind = is_learning ? work.learning : std::string(kImageWork);
  if (speeds.machine_.empty() || kind.empty() || size.width <= 0 || units <= 0 || seconds <= 0) return;
  store.add_speed({speeds.machine_, kind, size.width, size.height, seconds / static_cast<double>(units)});
}

std::vector<QueuePlace> queue_places(const Store& store, const std::string& worker_info,
                                     const std::string& progress) {
  std::vector<QueuePlace> places;
  const auto queue = store.waiting();
  if (queue.empty()) return places;
  const Speeds speeds(store, worker_info);
  JobFilter running_ones;
  running_ones.state = JobState::running;
  const auto running = store.jobs(running_ones, 1);
  double until = 0;  // seconds until all earlier jobs are done; negative: unknown
  if (!running.empty()) {
    until = seconds_in(object_of(progress), "seconds_left");
    if (until < 0) until = speeds.seconds(waiting_job(running.front()));
  }
  const bool is_paused = store.is_paused();
  const bool waits_for_batch = !running.empty() && running.front().lane == JobLane::batch;
  for (const auto& job : queue) {
    // An interactive job interrupts a batch job at an unknown moment.
    const bool is_known = job.lane == JobLane::interactive ? !waits_for_batch : !is_paused;
    places.push_back({job.id, is_known ? until : -1});
    const double takes = speeds.seconds(job);
    until = until < 0 || takes < 0 ? -1 : until + takes;
  }
  return places;
}

json place_json(const QueuePlace& place, std::size_t position) {
  return {{"id", place.id},
          {"position", position},
          {"starts_in", place.starts_in < 0 ? json() : json(std::llround(place.starts_in))}};
}

}  // namespace forgedit
