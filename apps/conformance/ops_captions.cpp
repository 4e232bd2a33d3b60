
#include "apps/conformance/case.h"
#include "forgedit/core/torch.h"
#include "forgedit/pipelines/model/caption.h"

namespace forgedit::conformance {
namespace {

CaptionSearch search_of(const nlohmann::json& settings, const CaptionSearch& fallback) {
  CaptionSearch search;
  search.max_length = settings.value("max_length", fallback.max_length);
  search.num_beams = settings.value("num_beams", fallback.num_beams);
  search.length_penalty = settings.value("length_penalty", fallback.length_penalty);
  search.early_stopping = settings.value("early_stopping", fallback.early_stopping);
  return search;
}

}  // namespace

// Outputs: image_embeds, logits, generated_PICTURE (greedy), beamBEAMS_PICTURE, and decode_INDEX from
// case.json.
Outputs blip(const Case& fixture) {
  torch::NoGradGuard no_grad;
  const auto folder = fixture.path("model");
  auto model = load_blip(folder, fixture.policy.device);
  const auto image_embeds = model->encode_image(fixture.input("pixel_values").to(fixture.policy.device));
  const auto greedy = search_of(fixture.settings, {});
  const auto beam = search_of(fixture.settings.value("beam", nlohmann::json::object()), greedy);

  Outputs outputs;
  for (const auto& [name, reference] : fixture.out) {
    int beams = 0, picture = 0;
    if (name == "image_embeds") {
      outputs.tensors[name] = image_embeds;
    } else if (name == "logits") {
      outputs.tensors[name] =
          model->decode(fixture.input("decoder_input_ids").to(fixture.policy.device), image_embeds);
    } else if (std::sscanf(name.c_str(), "generated_%d", &picture) == 1 ||
               std::sscanf(name.c_str(), "beam%d_%d", &beams, &picture) == 2) {
      auto search = beams > 0 ? beam : greedy;
      if (beams > 0) search.num_beams = beams;
      const auto ids = generate_caption(model, image_embeds.narrow(0, picture, 1), search);
      outputs.tensors[name] = torch::tensor(ids, torch::kLong);
      outputs.comparisons[name] = {Comparison::Kind::equal, 0};
    }
  }
  if (const auto decode = fixture.settings.find("decode"); decode != fixture.settings.end()) {
    const auto tokenizer = WordPieceTokenizer::from_directory(folder);
    const auto ids = decode->at("ids").get<std::vector<std::vector<std::int64_t>>>();
    const auto texts = decode->at("text").get<std::vector<std::string>>();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      outputs.differences["decode_" + std::to_string(i)] = tokenizer.decode(ids.at(i)) == texts[i] ? 0 : 1;
    }
  }
  return outputs;
}

}  // namespace forgedit::conformance
