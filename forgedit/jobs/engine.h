#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "forgedit/core/stop.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/jobs/job_listener.h"
#include "forgedit/jobs/last_files.h"
#include "forgedit/jobs/places.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/pipelines/records/model_defaults.h"

namespace forgedit {

/// The settings of an engine.
struct EngineOptions {
  ModelRequest model;
  /// Whether networks stay in memory from one job to the next. If not, the captioner is released as soon as
  /// the model is loaded: for a program that runs one job.
  bool keep_warm = true;
};

/// The model of an engine, and where it computes.
struct EngineModel {
  std::string name;         ///< of its file or folder
  std::string fingerprint;  ///< StableDiffusion::base_fingerprint
  std::string device;       ///< for people, for example "NVIDIA H100 80GB HBM3"
};

/// What an engine will compute with, before anything is loaded.
struct EngineFacts {
  std::string model, device, precision;
  bool is_miniature = false;
  std::int64_t size = 0, multiple = 0;  ///< pixels per side that the model was trained for; 0: not known yet
  std::string captioner, no_captioner;  ///< its name, or why there is none
  std::string judge, no_judge;          ///< a CLIP model, or the diffusion model
  ModelDefaults defaults;               ///< the model's own
};

/// How long an engine should take, by its machine's speed: seconds of one sample that the UNet learns from,
/// by the method's name, and of a step of an image, of which each image has one more than its sampler. For
/// pictures of this size; negative where nothing can be said.
struct EngineSpeeds {
  std::int64_t width = 0, height = 0;
  std::vector<std::pair<std::string, double>> samples;
  double step = -1;
};

/// Runs jobs, one at a time: requests in, files and events out. It prints nothing and reads no environment.
/// Model, captioner, scorer and the last saved edit that `draw_one` used stay in memory. Use it from one
/// thread.
class Engine {
 public:
  Engine(Places places, EngineOptions options);
  ~Engine();

  /// Runs a job to its end. Throws Error for a request that fails, and Cancelled once `stop` is set, with a
  /// text of what is kept.
  void run(const JobRequest& request, const StopFlag& stop, JobListener& listener);

  /// Runs an edit up to its last files, which the caller writes. Throws as `run`.
  LastFiles run_up_to_last_files(const EditJob& job, const StopFlag& stop, JobListener& listener);

  /// One more image of a saved edit, cropped to the picture at the model's scale: the same bytes as an edit
  /// job gives with one image per batch. The learned weights stay in the model: the next image costs only its
  /// sampling and decoding, until the files change or another job needs the model. The request names one
  /// target, strategy, strength and seed; settings that it does not have must have one value by default.
  /// Throws as `run`.
  Image draw_one(const DrawRequest& request, const StopFlag& stop, JobListener& listener);

  /// Reads a saved edit into the model, so that the next `draw_one` of it begins at once. Throws as `run`.
  void warm_up(const std::filesystem::path& learned, const StopFlag& stop, JobListener& listener);

  /// Which model, device and readers it is. Throws as `run`.
  EngineFacts facts(const StopFlag& stop, JobListener& listener);

  /// Takes 0.3 s, and reads no weights. Throws as `run`.
  EngineSpeeds expected_speeds(const StopFlag& stop, JobListener& listener);

  /// Loads the model, where that is still to be done. Throws as `run`.
  EngineModel load(const StopFlag& stop, JobListener& listener);
  /// Whether the model is in memory.
  bool is_loaded() const;
  /// Releases the memory of all networks.
  void unload();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace forgedit
