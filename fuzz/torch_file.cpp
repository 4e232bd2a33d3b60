// PyTorch files of both layouts, whatever checkpoint they hold; and their two formats by themselves, in
// memory of exactly their size, where AddressSanitizer sees the first byte too many.
#include "forgedit/io/pickle.h"
#include "forgedit/io/zip_archive.h"
#include "fuzz/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  const auto bytes = fuzzing::as_text(data, size);
  const std::string origin = "input";
  fuzzing::expect_only_errors([&] { read_pickle(bytes, 0, origin); });
  fuzzing::expect_only_errors([&] {
    for (const auto& item : read_zip_directory(bytes, origin)) {
      const auto place = item.second;
      if (place.begin > size || place.size > size - place.begin) std::abort();
      fuzzing::expect_only_errors([&] { read_pickle(bytes.substr(place.begin, place.size), 0, origin); });
    }
  });
  fuzzing::read_weights_and_split(bytes);
  return 0;
}
