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
  /// Whether networks stay in memory from one job to the next. If not, as in a program that runs one job, the
  /// captioner is released before the model is loaded.
  bool keep_warm = true;
};

/// The model of an engine, and where it computes.
struct EngineModel {
  std::string name;         ///< name of its file or folder
  std::string fingerprint;  ///< StableDiffusion::base_fingerprint
  std::string device;       ///< for people, for example "NVIDIA H100 80GB HBM3"
};

/// What an engine will use, as known before anything is loaded.
struct EngineFacts {
  std::string model, device, precision;
  bool is_miniature = false;
  std::int64_t size = 0, multiple = 0;  ///< pixels per side that the model was trained for; 0: not known yet
  std::string captioner, no_captioner;  ///< the name, or why there is no captioner
  std::string judge, no_judge;          ///< the CLIP model or the diffusion model, or why there is neither
  ModelDefaults defaults;               ///< defaults of the model's folder
};

/// Expected times on this machine, for pictures of width x height pixels; negative if unknown. `samples`:
/// seconds for one training sample, by the method's name. `step`: seconds for one sampling step; decoding an
/// image counts as one more step.
struct EngineSpeeds {
  std::int64_t width = 0, height = 0;
  std::vector<std::pair<std::string, double>> samples;
  double step = -1;
};

/// Runs jobs, one at a time. It reads requests, writes files and sends events; it prints nothing and does not
/// read the environment. Model, captioner, scorer and the last saved edit that `draw_one` used stay in
/// memory. Use it from one thread.
class Engine {
 public:
  Engine(Places places, EngineOptions options);
  ~Engine();

  /// Runs a job to its end. Throws Error for a request that fails, and Cancelled once `stop` is set; its
  /// message says what is kept.
  void run(const JobRequest& request, const StopFlag& stop, JobListener& listener);

  /// Runs an edit except for its last files, which the returned function writes. Throws as `run`.
  LastFiles run_up_to_last_files(const EditJob& job, const StopFlag& stop, JobListener& listener);

  /// Generates one more image of a saved edit, cropped to the picture at the model's scale. The bytes are the
  /// same as those of an edit job with one image per batch. The learned weights stay in the model, so the
  /// next image takes only sampling and decoding, until the files change or another job needs the model. The
  /// request names one target, strategy, strength and seed; settings without a value need a default with one
  /// value. Throws as `run`.
  Image draw_one(const DrawRequest& request, const StopFlag& stop, JobListener& listener);

  /// Reads a saved edit into the model, so that the next `draw_one` of it starts sampling at once. Throws as
  /// `run`.
  void warm_up(const std::filesystem::path& learned, const StopFlag& stop, JobListener& listener);

  /// Returns the model, device, captioner and scorer that jobs will use. Throws as `run`.
  EngineFacts facts(const StopFlag& stop, JobListener& listener);

  /// Measures the device for 0.3 s and reads no weights. Throws as `run`.
  EngineSpeeds expected_speeds(const StopFlag& stop, JobListener& listener);

  /// Loads the model unless it is in memory. Throws as `run`.
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
