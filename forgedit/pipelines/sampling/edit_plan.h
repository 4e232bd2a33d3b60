#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "forgedit/editing/forgetting.h"
#include "forgedit/editing/interpolation_kind.h"
#include "forgedit/pipelines/sampling/sample_options.h"

namespace forgedit {

/// A sweep: every target with every strategy, strength and seed. For the paper's symbols see interpolation.h.
struct EditRequest {
  LearnMethod method = LearnMethod::vanilla;  ///< the fine-tuning method, which determines the strategies
  std::vector<std::string> targets;           ///< target prompts
  std::vector<std::string> strategies{"donotforget"};
  Interpolation interpolation = Interpolation::vector_subtraction;
  std::vector<double> gammas{0.6, 0.8, 1.0, 1.2, 1.4};  ///< vector subtraction
  std::vector<double> alphas{0.9};                      ///< vector projection: identity
  std::vector<double> betas{0.8, 1.0, 1.2, 1.4, 1.6};   ///< vector projection: edit
  std::vector<std::uint64_t> seeds{0};
  std::uint64_t repeat = 1;  ///< number of consecutive seeds, starting at each seed
  bool unlearned = false;    ///< also generate the targets with the original weights, for comparison
  SampleOptions sample;
};

/// The default sweep: a few strengths around those that often work. For Imagic only the published γ (there
/// called α), 1.2.
EditRequest default_sweep(LearnMethod method);

/// The published sweep, for either interpolation. Vanilla: γ or β 0.0 to 1.6 by 0.1, α 0.8, 0.9 and 1.1, four
/// repeats. DreamBooth: γ or β 0.8 to 1.6, α 0.8 and 0.9, ten repeats. Imagic: γ 1.2.
EditRequest published_sweep(LearnMethod method);

/// The published story: vector subtraction with γ 0.5, 0.6 and 0.7, `encoderkv`, four repeats.
EditRequest story_sweep(LearnMethod method);

/// The search space of the automatic choice (auto_search.h): the four strategies behind most of the method's
/// published edits, γ 0.8 to 1.2 or β 0.8 to 1.6, four repeats. Imagic forgets nothing.
EditRequest auto_sweep(LearnMethod method);

/// One image to generate.
struct Candidate {
  enum class Kind {
    reconstruction,  ///< with the learned weights and embedding, without an edit
    edit,
    unlearned  ///< with the original weights and the target prompt
  };
  Kind kind = Kind::edit;
  std::string target;                            ///< empty for the reconstruction
  const ForgettingStrategy* strategy = nullptr;  ///< null when unlearned
  Interpolation interpolation = Interpolation::vector_subtraction;
  double alpha = 0;     ///< vp: α
  double strength = 0;  ///< vs: γ; vp: β
  std::uint64_t seed = 0;
  SampleOptions sample;

  std::string row;    ///< title of its row on a contact sheet; candidates in one row have the same
  std::string label;  ///< its own label, for example "γ 0.8  seed 0"
  std::string stem;   ///< file name without ending: numbered, ASCII, unique within the plan
  std::size_t number = 0, last_number = 0;  ///< number in the stem, and the highest one; 0: none
  /// Size of the batch that it was generated in, and its index there: they decide how sums are rounded. 0:
  /// not generated yet. In a plan they request such a batch, filled with copies of this image.
  std::int64_t together = 0, place = 0;
};

/// Returns the strength of an edit, for people: "γ 0.8", "α 0.9  β 1.2".
std::string strength_text(const Candidate& candidate);

/// Returns all images of sweeps over one learned picture: the reconstruction (with the first seed), rows of
/// edits by target and strategy, one row of images by the untouched model. Throws a usage Error for blank or
/// repeated targets, unknown strategies, empty lists, strengths that are not finite, and more than 10,000
/// images.
std::vector<Candidate> plan_edit(const std::vector<EditRequest>& requests);

/// Returns the request's seeds with their repeats, without duplicates, in the order given. Throws a usage
/// Error as plan_edit does.
std::vector<std::uint64_t> all_seeds(const EditRequest& request);

/// Returns one edit of a sweep, with a stem without a number. `alpha` is used in vector projection only.
Candidate edit_candidate(const EditRequest& request, const std::string& target,
                         const ForgettingStrategy& strategy, double alpha, double strength,
                         std::uint64_t seed);

/// Puts a number in front of the stem, with as many digits as `last`, at least two.
void number_stem(Candidate& candidate, std::size_t number, std::size_t last);
/// The same for a stem that has a number already.
void renumber_stem(Candidate& candidate, std::size_t number, std::size_t last);

/// Returns the lower-case ASCII letters and digits of `text` with hyphens between words, at most `max_length`
/// characters; "picture" if nothing is left.
std::string slug(const std::string& text, std::size_t max_length = 40);

/// Returns the slug of a prompt. If most of the prompt is lost in it (Chinese, emoji), a hash of the prompt
/// is appended, so that different prompts stay different.
std::string prompt_slug(const std::string& prompt);

}  // namespace forgedit
