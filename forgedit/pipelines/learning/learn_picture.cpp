#include "forgedit/pipelines/learning/learn_picture.h"

#include "forgedit/pipelines/model/picture.h"

namespace forgedit {

EncodedPicture encode_picture(StableDiffusion& model, const Image& grid, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  auto latents = model.encode_image(image_to_tensor(grid), generator);
  return {latents, generator};
}

LearnResult learn_picture(StableDiffusion& model, const EncodedPicture& picture, const std::string& text,
                          const LearnOptions& options, const ProgressCallback& progress) {
  const auto batches = random_learn_batches(options, picture.latents, picture.generator,
                                            model.settings.noise.num_train_timesteps);
  return learn(model, picture.latents, text, options, batches, progress);
}

}  // namespace forgedit
