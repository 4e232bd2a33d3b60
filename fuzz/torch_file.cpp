// PyTorch files of both layouts, whatever checkpoint they hold; and their two formats by themselves (of zip
// also the packed entries, which workbooks have), in memory of exactly their size, where AddressSanitizer
// sees the first byte too many.
#include "forgedit/io/archive/zip.h"
#include "forgedit/io/weights/pickle.h"
#include "fuzz/weights.h"

namespace {
constexpr std::size_t kMaxUnpacked = 1 << 20;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  const auto bytes = fuzzing::as_text(data, size);
  const std::string origin = "input";
  fuzzing::expect_only_errors([&] { read_pickle(bytes, 0, origin); });
  fuzzing::expect_only_errors([&] {
    for (const auto& item : read_zip_directory(bytes, origin)) {
      const auto place = item.second;
      if (place.begin > size || place.packed_size > size - place.begin) std::abort();
      fuzzing::expect_only_errors([&] { unpack_zip_entry(bytes, place, kMaxUnpacked, origin); });
      fuzzing::expect_only_errors(
          [&] { read_pickle(bytes.substr(place.begin, place.packed_size), 0, origin); });
    }
  });
  fuzzing::read_weights_and_split(bytes);
  return 0;
}
