#pragma once

#include <torch/torch.h>

#include <functional>
#include <vector>

namespace forgedit::nn {

/// Gradient checkpointing (arXiv 1604.06174) in this thread while it lives, where `enabled`.
class CheckpointScope {
 public:
  explicit CheckpointScope(bool enabled);
  ~CheckpointScope();
  CheckpointScope(const CheckpointScope&) = delete;
  CheckpointScope& operator=(const CheckpointScope&) = delete;

 private:
  bool before_;
};

/// Whether blocks should run through `checkpoint`.
bool checkpointing();

using Segment = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs)>;

/// segment(inputs). Only the inputs are kept for the backward pass, which computes the segment again. Its
/// parameters are those of `module`, which must live until then. Not under autocast, which the backward pass
/// does not know of.
torch::Tensor checkpoint(const torch::nn::Module& module, Segment segment, std::vector<torch::Tensor> inputs);

}  // namespace forgedit::nn
