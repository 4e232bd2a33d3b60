#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "forgedit/editing/learn_result.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/mask.h"
#include "forgedit/pipelines/sampling/draw_options.h"
#include "forgedit/pipelines/sampling/edit_plan.h"
#include "forgedit/pipelines/sampling/sample.h"

namespace forgedit {

/// Returns the images per batch of a plan, if memory sets no limit.
std::int64_t images_per_batch(const DrawOptions& options, const ComputePolicy& policy);
/// Returns the batch sizes that a plan starts with: that of its first batch, and with
/// DrawOptions::full_batches that of full ones.
std::vector<std::int64_t> first_batch_sizes(const std::vector<Candidate>& plan, const DrawOptions& options,
                                            const ComputePolicy& policy);

/// Receives each image as soon as it is decoded, in the size of the grid. `candidate` has the batch in which
/// it was generated.
using PictureCallback = std::function<void(const Candidate& candidate, const Image& grid)>;

/// Called for each image after each step. `render` makes a preview of the current image, in the size of its
/// latents, in less than a millisecond.
using PreviewCallback =
    std::function<void(const Candidate& candidate, std::int64_t step, const std::function<Image()>& render)>;

/// Receives the area that edits towards `target` may change under SampleOptions::protect: a mask of the
/// grid's size.
using AreaCallback = std::function<void(const std::string& target, const Mask& area)>;

/// Whether a candidate of a plan still has to be generated.
using CandidateFilter = std::function<bool(const Candidate& candidate)>;

/// Callbacks of EditSession; all but `picture` may be empty.
struct EditCallbacks {
  PictureCallback picture;
  /// Counts the sampling steps of all images, one step for decoding each, and the steps of relevance maps.
  ProgressCallback progress = {};
  PreviewCallback preview = {};
  /// Called once for each target with edits that have SampleOptions::protect, before the plan's first image.
  AreaCallback area = {};
};

/// Generates images from one learned picture, and keeps what the next images need again: text embeddings, the
/// learned weights in the network, and the sampler with its recorded step. One more image takes only its
/// steps and its decoding.
///
/// While it lives, nothing else may use the model's UNet; the destructor restores the model's own weights.
class EditSession {
 public:
  /// `model` must outlive the session. `learned` is on the model's device (attach_to_model); `grid` is the
  /// learned picture as the model sees it. `mask`, of the grid's size, limits what edits may change
  /// (reconstructions are generated without it).
  EditSession(StableDiffusion& model, const LearnResult& learned, Image grid, const Mask* mask = nullptr);
  ~EditSession();
  EditSession(const EditSession&) = delete;
  EditSession& operator=(const EditSession&) = delete;

  /// Generates a plan in batches, candidates with the same weights together, so that weights change rarely.
  /// After an exception of a callback the session can be used again.
  ///
  /// With `missing`, only images that it accepts go to the callback. The batches are those of the whole plan:
  /// a batch with a missing image is generated in full, because the size of a batch decides how sums are
  /// rounded. So a resumed run writes the same bytes.
  void generate(const std::vector<Candidate>& plan, const DrawOptions& options,
                const EditCallbacks& callbacks, const CandidateFilter& missing = {});

  /// Puts the model's own weights into the network until the next batch; `picture` of EditCallbacks may call
  /// it.
  void use_original_weights();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace forgedit
