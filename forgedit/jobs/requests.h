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

// What can be asked of a job. Errors name settings by their keys in the JSON form of requests (Error::field,
// docs/requests.md).

/// The most steps of a sampler that may be asked for: DPM-Solver++ has no more.
inline constexpr std::int64_t kMaxSteps = 999;
/// The least share of a sampler's steps that edits may take (SampleOptions::start).
inline constexpr double kLeastStart = 0.05;
/// The most candidates of a target that the automatic choice may generate.
inline constexpr std::size_t kMostAutoPictures = 1000;

/// Which model, and where it computes.
struct ModelRequest {
  std::string model;                      ///< folder, file or ORG/NAME; empty: the miniature that ships along
  std::string vae, tokenizer, config;     ///< see ModelFiles; empty: the model's own
  std::vector<LoraFile> loras;            ///< see ModelFiles
  std::optional<std::int64_t> clip_skip;  ///< see ModelFiles
  std::string device = "auto";
  std::optional<Precision> precision;  ///< nothing: bf16 on a GPU that has it, else fp32
  bool plain = false;                  ///< see ComputePolicy
  std::optional<double> memory;        ///< budget in GiB; nothing: what is free
  int threads = 0;                     ///< 0: what Places says
};

/// The weights that score edits.
struct ScoreFiles {
  std::string clip;                ///< a CLIPModel folder or ORG/NAME; empty: where find_scorer_files looks
  std::vector<std::string> lpips;  ///< safetensors files, or folders of them
};

/// A request for captions.
struct CaptionRequest {
  std::vector<std::filesystem::path> pictures;
  std::string captioner;  ///< a BLIP folder or ORG/NAME; empty: where find_captioner looks
  std::int64_t beams = 1;
};

/// What to learn, and how.
struct LearnRequest {
  std::filesystem::path picture;
  std::string source;     ///< the caption; empty: the captioner writes it; imagic: always `target`
  std::string target;     ///< imagic, of a job that only learns: the prompt that learning starts from
  std::string captioner;  ///< as in CaptionRequest
  std::array<std::uint8_t, 3> background = kWhite;
  std::optional<std::pair<int, int>> size;  ///< stretch to this; nothing: keep the aspect ratio
  bool story_size = false;                  ///< the published story's size, 768x768 for SD 1.x, unless `size`
  std::filesystem::path save;               ///< folder of the saved edit; empty: not saved
  bool overwrite = false;                   ///< `save` may replace a different saved edit
  /// Chooses `save` if that is empty, once all is known of the picture: for callers that keep many saved
  /// edits.
  std::function<std::filesystem::path(const PictureToLearn& picture)> choose_save = nullptr;
  LearnOptions options;
  /// Names of the settings that were chosen in `options`: all others follow the model's own defaults
  /// (follow_model).
  std::set<std::string> chosen;
  bool published = false;  ///< the method's published schedule, whatever the model's defaults are
  bool dry_run = false;    ///< only check, and tell what would be done
};

/// What to generate from a learned picture. What is not given follows the preset, and that the learning
/// method; in a line of a story, the whole story's settings.
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
  std::optional<std::int64_t> steps;  ///< nothing: what the sampler usually needs
  std::optional<double> guidance_scale;
  std::optional<std::string> negative;  ///< negative prompt; nothing: empty
  std::optional<double> start;          ///< see SampleOptions
  std::optional<bool> protect;          ///< see SampleOptions

  /// Of the first seed, which also decides learning.
  std::uint64_t first_seed() const { return seeds ? seeds->front() : 0; }
};

/// The automatic choice and its limits.
struct AutoRequest {
  std::optional<std::size_t> pictures;  ///< candidates of each target
  std::optional<double> seconds;        ///< of generating candidates, all targets together
  std::optional<std::int64_t> steps;    ///< sampling steps of a candidate, if the best three have more
  ScoreFiles judge;
};

/// A line of a story: a target, or a JSON object with what differs for it alone.
struct StoryLine {
  std::string origin;  ///< for errors: "story.txt:3", "story[2]"
  std::string text;
  bool in_request = false;  ///< `origin` is a path of the request: errors name it as their field
};

/// The one picture of a plan that is generated.
struct OnlyPicture {
  std::uint64_t learning_seed = 0;       ///< of learning alone
  std::int64_t together = 0, place = 0;  ///< as Candidate has them; 0: alone
  /// Whether a candidate is it. Called once the model is loaded, before learning; what it throws ends the
  /// job.
  std::function<bool(const EditRun& run, const Candidate& candidate)> is_it;
};

/// Edits of one picture, which is learned first or was learned before.
struct EditJob {
  LearnRequest learn;
  std::filesystem::path from;  ///< a saved edit; empty: `learn` says what to learn
  std::vector<std::string> targets;
  std::vector<StoryLine> story;
  SweepRequest sweep;
  std::optional<AutoRequest> automatic;
  DrawOptions drawing;
  std::filesystem::path mask;  ///< white where edits may change the picture; empty: everywhere
  std::optional<Region>
      region;  ///< edits see and change only this part of `learn.picture`; nothing: all of it
  std::optional<bool> at_source_size;  ///< nothing: only with `region`, whose results are always whole photos
  bool metadata = true;                ///< settings inside the PNG files
  SafetyMode safety = SafetyMode::off;
  std::filesystem::path out;  ///< folder of the results
  /// Without `save`, the learned weights are kept in `out` until the job ends, so that a stop does not lose
  /// them.
  bool keep_learning = true;
  bool dry_run = false;  ///< only check, and tell what would be done
  std::optional<OnlyPicture> only;

  bool results_at_source_size() const { return at_source_size.value_or(region.has_value()); }
};

/// One more picture of a saved edit.
struct DrawRequest {
  std::filesystem::path learned;
  std::string target;
  SweepRequest sweep;  ///< with one of each
  double blend = 0;
  std::filesystem::path out;  ///< folder for its file; empty: none is written
};

/// A saved edit for other programs; names as parse_export_format and parse_stored_dtype take them.
struct ExportRequest {
  std::filesystem::path learned, out;
  std::string to;
  std::string forget = "donotforget";
  double blend = 0;
  std::string dtype = "fp32";
  std::optional<std::int64_t> rank;  ///< lora
  std::optional<double> energy;      ///< lora
};

/// Scores of edited images: how well they follow the prompt and keep the original.
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
