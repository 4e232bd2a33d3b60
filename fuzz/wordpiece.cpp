// BERT's tokenizer folder: tokenizer.json (where the input starts with a brace) or vocab.txt, and a text.
#include "forgedit/text/wordpiece.h"

#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  const auto& folder = fuzzing::input_folder();
  const auto parts = fuzzing::split_parts(fuzzing::as_text(data, size), 2);
  const bool json = parts[0].starts_with('{');
  folder.remove(json ? "vocab.txt" : "tokenizer.json");
  folder.write(json ? "tokenizer.json" : "vocab.txt", parts[0]);
  fuzzing::expect_only_errors([&] {
    const auto tokenizer = WordPieceTokenizer::from_directory(folder.path());
    const auto ids = tokenizer.tokenize(parts[1]);
    for (const auto id : ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.vocab_size()) std::abort();
    }
    tokenizer.decode(ids);
  });
  return 0;
}
