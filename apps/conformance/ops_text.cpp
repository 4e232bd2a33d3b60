
#include "apps/conformance/case.h"
#include "forgedit/core/error.h"
#include "forgedit/core/torch.h"
#include "forgedit/text/clip_tokenizer.h"

namespace forgedit::conformance {

Outputs clip_tokenize(const Case& fixture) {
  const auto tokenizer = ClipTokenizer::from_directory(fixture.path("tokenizer"));
  const auto length = fixture.settings.value("max_length", std::size_t{77});
  std::vector<torch::Tensor> rows;
  for (const auto& text : fixture.settings.at("texts")) {
    rows.push_back(torch::tensor(tokenizer.encode(text.get<std::string>(), length).ids, torch::kLong));
  }
  return {{{"ids", torch::stack(rows)}}, {{"ids", {Comparison::Kind::equal, 0}}}};
}

}  // namespace forgedit::conformance
