// CLIP's tokenizer folder: vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json, and a
// text.
#include "forgedit/text/clip_tokenizer.h"

#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  const auto& folder = fuzzing::input_folder();
  const auto parts = fuzzing::split_parts(fuzzing::as_text(data, size), 5);
  folder.write("vocab.json", parts[0]);
  folder.write("merges.txt", parts[1]);
  const char* const optional_files[] = {"tokenizer_config.json", "special_tokens_map.json"};
  for (std::size_t i = 0; i < 2; ++i) {
    if (parts[2 + i].empty()) {
      folder.remove(optional_files[i]);
    } else {
      folder.write(optional_files[i], parts[2 + i]);
    }
  }
  fuzzing::expect_only_errors([&] {
    const auto tokenizer = ClipTokenizer::from_directory(folder.path());
    const auto encoding = tokenizer.encode(parts[4]);
    if (encoding.ids.size() != 77) std::abort();
    for (const auto id : encoding.ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.vocab_size()) std::abort();
    }
    tokenizer.decode(encoding.ids);
  });
  return 0;
}
