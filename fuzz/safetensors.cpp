// Safetensors files, whatever checkpoint they hold.
#include "fuzz/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  forgedit::fuzzing::read_weights_and_split(forgedit::fuzzing::as_text(data, size));
  return 0;
}
