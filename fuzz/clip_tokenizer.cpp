// CLIP's tokenizer folder: vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json, a text,
// tokenizer.json and added_tokens.json. Without a vocab.json only tokenizer.json is there.
#include <utility>

#include "forgedit/text/clip_tokenizer.h"

#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  const auto& folder = fuzzing::input_folder();
  const auto parts = fuzzing::split_parts(fuzzing::as_text(data, size), 7);
  folder.write("merges.txt", parts[1]);
  const std::pair<const char*, std::size_t> optional_files[] = {{"vocab.json", 0},
                                                                {"tokenizer_config.json", 2},
                                                                {"special_tokens_map.json", 3},
                                                                {"tokenizer.json", 5},
                                                                {"added_tokens.json", 6}};
  for (const auto& [name, part] : optional_files) {
    if (parts[part].empty()) {
      folder.remove(name);
    } else {
      folder.write(name, parts[part]);
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
