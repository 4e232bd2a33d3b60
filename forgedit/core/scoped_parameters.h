#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace forgedit {

/// Temporarily replaces parameters of a network: the destructor restores the original tensors, the last one
/// first. Changes to the replacements are lost, unless the caller holds them.
class ScopedParameters {
 public:
  ScopedParameters() = default;
  /// Never throws. If a device has failed, the remaining tensors are not restored.
  ~ScopedParameters();
  ScopedParameters(const ScopedParameters&) = delete;
  ScopedParameters& operator=(const ScopedParameters&) = delete;

  /// Replaces the parameter's tensor by `value`, which may be on another device. The original tensor is not
  /// changed.
  void replace(const at::Tensor& parameter, const at::Tensor& value);
  /// For a caller that replaces the parameter's tensor itself: the destructor restores the current tensor.
  /// Returns that tensor.
  at::Tensor remember(const at::Tensor& parameter);
  /// The same as remember, with a copy of the tensor on `storage`, so that its memory is free meanwhile. The
  /// destructor copies it into the tensor that the parameter has then, because the device may have no room
  /// for both. Returns the copy.
  at::Tensor remember_copy(const at::Tensor& parameter, const c10::Device& storage);

 private:
  struct Own {
    at::Tensor parameter, value;
    bool copied;
  };
  std::vector<Own> own_;
};

}  // namespace forgedit
