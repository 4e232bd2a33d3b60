#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/pipelines/sampling/draw_candidates.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// What to draw of a learned picture. What is not given follows the preset, and that the learning method,
/// which with --from is known only once the saved edit's record is read.
struct SweepArguments {
  enum class Preset { none, published, story };
  Preset preset = Preset::none;
  bool automatic = false;  ///< without a preset: what the automatic choice searches
  std::optional<std::vector<std::string>> strategies;
  std::optional<Interpolation> interpolation;
  std::optional<std::vector<double>> gammas, alphas, betas;
  std::vector<std::uint64_t> seeds{0};
  std::optional<std::uint64_t> repeat;
  bool unlearned = false;
  SampleOptions sample;
  std::optional<std::int64_t> steps;  ///< nothing: what the sampler usually needs
};

void add_sweep_options(CLI::App& command, SweepArguments& arguments);

/// What all pictures of a run are drawn with.
void add_draw_options(CLI::App& command, DrawOptions& options);

/// Throws a usage Error for an option that belongs to the other interpolation.
void check_interpolation(const SweepArguments& arguments, Interpolation interpolation);

/// One request for all `targets`.
EditRequest make_request(const SweepArguments& arguments, LearnMethod method,
                         std::vector<std::string> targets);

}  // namespace forgedit::cli
