#pragma once

#include "forgedit/io/weights/checkpoint_kind.h"
#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/single_file.h"
#include "forgedit/io/weights/weights_file.h"
#include "fuzz/input.h"

namespace forgedit::fuzzing {

/// Reads a file of weights, touches every value, and takes it apart as a single-file checkpoint and as a VAE.
inline void read_weights_and_split(std::string_view contents) {
  const auto file = input_folder().write("weights", contents);
  StateDict tensors;
  expect_only_errors([&] { tensors = read_weights_file(file).tensors; });
  if (tensors.empty()) return;
  for (const auto& [name, tensor] : tensors) {
    const auto copy = tensor.contiguous();
    const auto* values = static_cast<const volatile char*>(copy.data_ptr());
    for (std::size_t i = 0; i < copy.nbytes(); ++i) static_cast<void>(values[i]);
  }
  expect_only_errors([&] { fingerprint(tensors); });
  checkpoint_title(checkpoint_kind(tensors));
  expect_only_errors([&] { split_checkpoint(tensors); });
  expect_only_errors([&] { normalise_vae_keys(vae_from_ldm(tensors)); });
}

}  // namespace forgedit::fuzzing
