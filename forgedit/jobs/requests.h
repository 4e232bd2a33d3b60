#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "forgedit/device/precision_kind.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/region.h"
#include "forgedit/jobs/safety_mode.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/lora_file.h"
#include "forgedit/pipelines/sampling/draw_options.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

struct EditRun;
struct PictureToLearn;

// The requests that jobs run. Errors name settings by their keys in the JSON form of requests (Error::field,
// docs/requests.md).

/// The maximum of sampling steps. DPM-Solver++ cannot take more.
inline constexpr std::int64_t kMaxSteps = 999;
/// The minimum share of sampling steps for an edit (SampleOptions::start).
inline constexpr double kLeastStart = 0.05;
/// The maximum of candidates that the automatic choice generates for one target.
inline constexpr std::size_t kMostAutoPictures = 1000;

/// The model, and the device that it runs on.
struct ModelRequest {
  std::string model;                      ///< folder, file or ORG/NAME; empty: the miniature that ships along
  std::string vae, tokenizer, config;     ///< see ModelFiles; empty: the model's own
  std::vector<LoraFile> loras;            ///< see ModelFiles
  std::optional<std::int64_t> clip_skip;  ///< see ModelFiles
  std::string device = "auto";
  std::optional<Precision> precision;  ///< nothing: bf16 on a GPU that supports it, else fp32
  bool plain = false;                  ///< see ComputePolicy
  std::optional<double> memory;        ///< budget in GiB; nothing: the free memory
  int threads = 0;                     ///< 0: Places::threads
};

/// The weights that score edits.
struct ScoreFiles {
  std::string clip;                ///< a CLIPModel folder or ORG/NAME; empty: see find_scorer_files
  std::vector<std::string> lpips;  ///< safetensors files or folders with such files
};

/// A request for captions.
struct CaptionRequest {
  std::vector<std::filesystem::path> pictures;
  std::string captioner;  ///< a BLIP folder or ORG/NAME; empty: see find_captioner
  std::int64_t beams = 1;
};

/// The picture to fine-tune on, and the settings.
struct LearnRequest {
  std::filesystem::path picture;
  std::string source;     ///< source prompt; empty: written by the captioner; imagic: always `target`
  std::string target;     ///< imagic, in a learn job: the prompt whose embedding is fine-tuned
  std::string captioner;  ///< see CaptionRequest::captioner
  std::array<std::uint8_t, 3> background = kWhite;
  std::optional<std::pair<int, int>> size;  ///< stretch to this; nothing: keep the aspect ratio
  bool story_size = false;     ///< if `size` is empty, use that of the published stories: 768x768 for SD 1.x
  std::filesystem::path save;  ///< folder of the saved edit; empty: not saved
  bool overwrite = false;      ///< `save` may replace a different saved edit
  /// Chooses `save` if that is empty, when all of the picture is known. For callers with many saved edits.
  std::function<std::filesystem::path(const PictureToLearn& picture)> choose_save = nullptr;
  LearnOptions options;
  /// Names of the settings in `options` that the user set. All others come from the model's own defaults
  /// (follow_model).
  std::set<std::string> chosen;
  bool published = false;  ///< use the method's published settings, not the model's defaults
  bool dry_run = false;    ///< only check, and tell what would be done
};

/// Settings of a sweep. Missing ones come from the preset, else from the method's defaults; in a line of a
/// story, from the settings of the whole story.
struct SweepRequest {
  enum class Preset { none, published, story };
  Preset preset = Preset::none;
  std::optional<std::vector<std::string>> forget;
  std::optional<Interpolation> interpolation;
  std::optional<std::vector<double>> gamma, alpha, beta;
  std::optional<std::vector<std::uint64_t>> seeds;
  std::optional<std::uint64_t> repeat;
  std::optional<bool> unlearned;
  std::optional<SamplerKind> sampler;
  std::optional<std::int64_t> steps;  ///< nothing: the sampler's default
  std::optional<double> guidance_scale;
  std::optional<std::string> negative;  ///< negative prompt; nothing: empty
  std::optional<double> start;          ///< see SampleOptions
  std::optional<bool> protect;          ///< see SampleOptions

  /// The first seed, which is also the seed of fine-tuning.
  std::uint64_t first_seed() const { return seeds ? seeds->front() : 0; }
};

/// The automatic choice and its limits.
struct AutoRequest {
  std::optional<std::size_t> pictures;  ///< number of candidates per target
  std::optional<double> seconds;        ///< time limit of generating candidates, for all targets together
  std::optional<std::int64_t> steps;    ///< sampling steps of a candidate, if the best three have more
  ScoreFiles judge;
};

/// A line of a story: a target, or a JSON object with a target and its own settings.
struct StoryLine {
  std::string origin;  ///< place of the line in errors: "story.txt:3", "story[2]"
  std::string text;
  bool in_request = false;  ///< `origin` is a key of the request, used as the field of errors
};

/// Selects the one image of a plan that is generated.
struct OnlyPicture {
  std::uint64_t learning_seed = 0;       ///< seed of fine-tuning
  std::int64_t together = 0, place = 0;  ///< see Candidate; 0: in a batch of its own
  /// Whether a candidate is that image. Called when the model is loaded, before fine-tuning; its exceptions
  /// end the job.
  std::function<bool(const EditRun& run, const Candidate& candidate)> is_it;
};

/// Edits of one picture. The job fine-tunes first, or uses a saved edit.
struct EditJob {
  LearnRequest learn;
  std::filesystem::path from;  ///< a saved edit; empty: fine-tune as `learn` says
  std::vector<std::string> targets;
  std::vector<StoryLine> story;
  SweepRequest sweep;
  std::optional<AutoRequest> automatic;
  DrawOptions drawing;
  std::filesystem::path mask;  ///< white: edits may change the picture; empty: everywhere
  std::optional<Region>
      region;  ///< edits see and change only this part of `learn.picture`; nothing: all of it
  std::optional<bool> at_source_size;  ///< results have the source's size; nothing: only with `region`
  bool metadata = true;                ///< write settings into the PNG files
  SafetyMode safety = SafetyMode::off;
  std::filesystem::path out;  ///< folder of the results
  /// Without `save`, the learned weights are kept in `out` until the job ends, so that a stop does not lose
  /// them.
  bool keep_learning = true;
  bool dry_run = false;  ///< only check, and tell what would be done
  std::optional<OnlyPicture> only;

  bool results_at_source_size() const { return at_source_size.value_or(region.has_value()); }
};

/// Asks for one more image of a saved edit.
struct DrawRequest {
  std::filesystem::path learned;
  std::string target;
  SweepRequest sweep;  ///< one value for each setting
  double blend = 0;
  std::filesystem::path out;  ///< folder for the PNG file; empty: no file
};

/// Exports a saved edit for other programs. For the names of `to` and `dtype` see parse_export_format and
/// parse_stored_dtype.
struct ExportRequest {
  std::filesystem::path learned, out;
  std::string to;
  std::string forget = "donotforget";
  double blend = 0;
  std::string dtype = "fp32";
  std::optional<std::int64_t> rank;  ///< lora
  std::optional<double> energy;      ///< lora
};

/// Asks for scores of edited images: how well they follow the prompt and keep the original.
struct ScoreRequest {
  std::filesystem::path original;
  std::vector<std::filesystem::path> edited;
  std::string target, source;
  std::array<std::uint8_t, 3> background = kWhite;
  ScoreFiles judge;
};

using JobRequest =
    std::variant<CaptionRequest, LearnRequest, EditJob, DrawRequest, ExportRequest, ScoreRequest>;

}  // namespace forgedit
