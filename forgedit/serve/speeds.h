#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/store.h"

namespace forgedit {

/// The work of a job, for estimates of its time.
struct JobWork {
  std::string learning;                ///< how it learns ("vanilla"); empty: it does not
  std::int64_t samples = 0;            ///< that it learns from; 0: as many as is usual with the model
  std::int64_t batch = 1;              ///< samples a step
  std::int64_t images = 0;             ///< that it generates
  std::int64_t steps = 0;              ///< of all of them together
  std::int64_t width = 0, height = 0;  ///< pixels, where the request says them; 0: those of the picture
};

/// As StoredJob::work has it, and back; what cannot be read is no work.
std::string work_text(const JobWork& work);
JobWork parse_work(const std::string& text);

struct PictureSize {
  std::int64_t width = 0, height = 0;
};

/// Works that are no way of learning: a step of an image, of which each image has one more than its sampler.
inline constexpr const char* kImageWork = "images";

/// How long work takes on the worker's machine: the medians of what finished there, and before any what the
/// worker expects.
class Speeds {
 public:
  /// `worker_info`: a JSON object, or empty where no worker has told anything.
  Speeds(const Store& store, const std::string& worker_info);

  /// Seconds of the work on pictures of this size; negative where nothing is known. Of the nearest known
  /// size, by its area, where this one is not among them.
  double seconds(const JobWork& work, const PictureSize& size) const;
  /// Of a job, by the size of its picture.
  double seconds(const WaitingJob& job) const;
  /// [{"work", "width", "height", "seconds", "measured"}]: seconds of one sample, or of a step of an image.
  nlohmann::json list() const;
  /// Keeps how long a stage of a job took: "learning", or else generating its images.
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
  std::int64_t side_ = 0, multiple_ = 0;  // of the model's pictures
  std::int64_t usual_samples_ = 0;        // that vanilla learns from with the model
  std::string machine_;
  std::vector<Known> known_;
};

/// The place of a job in the queue.
struct QueuePlace {
  std::string id;
  double starts_in = -1;  ///< seconds; negative: not known
};
/// All of them, the next one first. `progress`: of the running job, a JSON object or empty.
std::vector<QueuePlace> queue_places(const Store& store, const std::string& worker_info,
                                     const std::string& progress);
/// {"id", "position", "starts_in"}.
nlohmann::json place_json(const QueuePlace& place, std::size_t position);

/// A job as it would wait.
WaitingJob waiting_job(const StoredJob& job);

}  // namespace forgedit
