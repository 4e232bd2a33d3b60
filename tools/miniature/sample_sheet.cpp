#include "tools/miniature/sample_sheet.h"

#include "forgedit/io/charts/contact_sheet.h"
#include "forgedit/pipelines/model/picture.h"

namespace forgedit::miniature {
namespace {

constexpr int kColumns = 8;

}  // namespace

void write_sample_sheet(StableDiffusion& model, const EmojiPack& pack, int count, std::uint64_t seed,
                        const std::filesystem::path& font, const std::filesystem::path& path) {
  std::mt19937_64 engine(seed);
  std::vector<std::string> captions;
  std::vector<torch::Tensor> embeddings, latents;
  const auto side = model.unet->config().sample_size;
  for (int i = 0; i < count; ++i) {
    captions.push_back(caption(pack, random_scene(pack, engine, Split::held_back)));
    embeddings.push_back(model.encode_text(captions.back()).tokens);
    latents.push_back(initial_latents(seed + static_cast<std::uint64_t>(i), 4, side, side));
  }
  const auto unconditional = model.encode_unconditional();
  const auto drawn = model.decode_latents(
      Sampler(model, SampleOptions()).draw(torch::cat(latents), {torch::cat(embeddings), {}}, unconditional));
  std::vector<SheetRow> rows;
  for (int first = 0; first < count; first += kColumns) {
    SheetRow truths{"true", {}}, pictures{"drawn", {}};
    for (int i = first; i < std::min(count, first + kColumns); ++i) {
      const auto& text = captions[static_cast<std::size_t>(i)];
      truths.cells.push_back({render(pack, scene_of_caption(pack, text)), text});
      pictures.cells.push_back({tensor_to_image(drawn[i]), text});
    }
    rows.push_back(std::move(truths));
    rows.push_back(std::move(pictures));
  }
  write_png(path, draw_contact_sheet(rows, font, "Held-back captions, drawn by the miniature", 160));
}

}  // namespace forgedit::miniature
