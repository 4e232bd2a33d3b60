#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/store.h"

namespace forgedit {

/// The work of a job, for estimates of its time.
struct JobWork {
  std::string learning;                ///< fine-tuning method ("vanilla"); empty: no fine-tuning
  std::int64_t samples = 0;            ///< training samples; 0: the model's usual number
  std::int64_t batch = 1;              ///< samples per step
  std::int64_t images = 0;             ///< images to generate
  std::int64_t steps = 0;              ///< sampling steps of all images together
  std::int64_t width = 0, height = 0;  ///< pixels; 0: the request has no size, so that of the picture
};

/// Convert the work to StoredJob::work and back. A text that cannot be read gives an empty JobWork.
std::string work_text(const JobWork& work);
JobWork parse_work(const std::string& text);

struct PictureSize {
  std::int64_t width = 0, height = 0;
};

/// The name of the work that is not fine-tuning: generating. Its unit is a sampling step; each image counts
/// as one step more than its sampler takes.
inline constexpr const char* kImageWork = "images";

/// Estimates how long work takes on the worker's machine: by the medians of finished work or, before there is
/// any, by the worker's own estimates.
class Speeds {
 public:
  /// `worker_info` is a JSON object; empty if no worker has reported anything.
  Speeds(const Store& store, const std::string& worker_info);

  /// The seconds that the work takes on pictures of this size; negative if that is unknown. If this size is
  /// unknown, the time for the nearest known size is scaled by the area.
  double seconds(const JobWork& work, const PictureSize& size) const;
  /// The same for a job, with the size of its picture.
  double seconds(const WaitingJob& job) const;
  /// [{"work", "width", "height", "seconds", "measured"}]: "seconds" is the time of one training sample, or
  /// of one sampling step.
  nlohmann::json list() const;
  /// Stores how long a stage of a job took. `took` is the worker's event; its stage is "learning" or
  /// generating images.
  static void keep(Store& store, const std::string& worker_info, const WaitingJob& job,
                   const nlohmann::json& took);

 private:
  struct Known {
    StoredSpeed speed;
    bool is_measured = false;
  };
  double unit(const std::string& work, const PictureSize& size) const;
  PictureSize size_of(const WaitingJob& job, const JobWork& work) const;

  const Store& store_;
  // The model's image size, and the multiple of which sides must be, in pixels.
  std::int64_t side_ = 0, multiple_ = 0;
  std::int64_t usual_samples_ = 0;  // number of training samples of vanilla with the model
  std::string machine_;
  std::vector<Known> known_;
};

/// The place of a job in the queue.
struct QueuePlace {
  std::string id;
  double starts_in = -1;  ///< seconds; negative: not known
};
/// The places of all queued jobs, the next one first. `progress` is that of the running job: a JSON object,
/// or empty.
std::vector<QueuePlace> queue_places(const Store& store, const std::string& worker_info,
                                     const std::string& progress);
/// {"id", "position", "starts_in"}.
nlohmann::json place_json(const QueuePlace& place, std::size_t position);

/// The fields of a job that its place in the queue depends on.
WaitingJob waiting_job(const StoredJob& job);

}  // namespace forgedit
