#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace forgedit {

/// Temporarily replaces parameters of a network: the destructor restores the original tensors, the last one
/// first. Changes to the replacements are lost, unless the caller holds them.
class ScopedParameters {
 public:
  ScopedParameters() = default;
  /// Never throws: where a device has failed, the log says that a value could not be put back.
  ~ScopedParameters();
  ScopedParameters(const ScopedParameters&) = delete;
  ScopedParameters& operator=(const ScopedParameters&) = delete;

  /// `value` in the parameter's place, on whatever device. Its own tensor stays as it is.
  void replace(const at::Tensor& parameter, const at::Tensor& value);
  /// For a caller that replaces the parameter's tensor itself: has this put back the one of now, which it
  /// returns.
  at::Tensor remember(const at::Tensor& parameter);
  /// The same, but puts `value` back instead of the tensor of now, whose memory is free meanwhile.
  void put_back(const at::Tensor& parameter, const at::Tensor& value);
  /// The same as remember, with a copy of the value on `storage`, so that its memory is free meanwhile. At
  /// the end it is copied into the tensor that the parameter has then: the device may have no room for both.
  at::Tensor remember_copy(const at::Tensor& parameter, const c10::Device& storage);

 private:
  struct Own {
    at::Tensor parameter, value;
    bool copied;
  };
  std::vector<Own> own_;
};

}  // namespace forgedit
