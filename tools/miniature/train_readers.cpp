#include "tools/miniature/train_readers.h"

#include <limits>

#include "forgedit/io/pictures/model_image.h"

namespace forgedit::miniature {
namespace {

torch::Tensor channels(const std::array<double, 3>& values, const c10::Device& device) {
  return torch::tensor(at::ArrayRef<double>(values.data(), 3), torch::kDouble)
      .to(device, torch::kFloat)
      .view({1, 3, 1, 1});
}

/// What both readers train on: tensors that each batch is written into.
struct ReaderBatch {
  torch::Tensor pixels, rows, ids;

  ReaderBatch(const torch::Tensor& all_ids, std::int64_t count, const c10::Device& device)
      : pixels(torch::empty({count, 3, kEmojiSide, kEmojiSide}, torch::dtype(torch::kFloat).device(device))),
        rows(torch::empty({count}, torch::dtype(torch::kLong).device(device))),
        ids(torch::empty({count, all_ids.size(1)}, torch::dtype(torch::kLong).device(device))),
        all_ids_(all_ids.to(device)),
        mean_(channels(ModelImageConfig().image_mean, device)),
        deviation_(channels(ModelImageConfig().image_std, device)) {}

  void next(const PicturePool& pool) {
    pool.next_batch(pixels, rows);
    pixels.sub_(mean_).div_(deviation_);
    ids.copy_(all_ids_.index_select(0, rows));
  }

 private:
  torch::Tensor all_ids_, mean_, deviation_;
};

}  // namespace

void train_clip(ClipModel& clip, const PicturePool& pool, const torch::Tensor& ids, const c10::Device& device,
                const TrainOptions& options) {
  torch::manual_seed(options.seed);
  const auto dtype = compute_type(device);
  ReaderBatch batch(ids, options.batch, device);
  const auto answers = torch::arange(options.batch, torch::dtype(torch::kLong).device(device));
  const auto others = torch::eye(options.batch, torch::dtype(torch::kBool).device(device)).logical_not();
  Replica replica{device,
                  std::make_unique<FlatAdamW>(std::vector<torch::nn::Module*>{clip.get()}, dtype,
                                              options.weight_decay, options.ema_decay),
                  {},
                  {}};
  replica.next_batch = [&] { batch.next(pool); };
  replica.loss = [&] {
    const auto pictures = clip->encode_image(batch.pixels.to(dtype)).to(torch::kFloat);
    const auto texts = clip->encode_text(batch.ids).to(torch::kFloat);
    const auto same = batch.rows.unsqueeze(0).eq(batch.rows.unsqueeze(1)).logical_and(others);
    const auto logits =
        clip->logits_per_image(pictures, texts).masked_fill(same, -std::numeric_limits<float>::infinity());
    return (torch::cross_entropy_loss(logits, answers) + torch::cross_entropy_loss(logits.t(), answers)) / 2;
  };
  run_training(options, single_task("clip", std::move(replica)));
}

void train_captioner(BlipForConditionalGeneration& blip, const PicturePool& pool, const torch::Tensor& ids,
                     const c10::Device& device, const TrainOptions& options) {
  torch::manual_seed(options.seed);
  const auto dtype = compute_type(device);
  const auto pad = blip->config().text.pad_token_id;
  ReaderBatch batch(ids, options.batch, device);
  const auto length = ids.size(1);
  Replica replica{device,
                  std::make_unique<FlatAdamW>(std::vector<torch::nn::Module*>{blip.get()}, dtype,
                                              options.weight_decay, options.ema_decay),
                  {},
                  {}};
  replica.next_batch = [&] { batch.next(pool); };
  replica.loss = [&] {
    const auto logits = blip(batch.pixels.to(dtype), batch.ids.narrow(1, 0, length - 1)).to(torch::kFloat);
    return torch::cross_entropy_loss(logits.flatten(0, 1), batch.ids.narrow(1, 1, length - 1).flatten(), {},
                                     at::Reduction::Mean, pad);
  };
  run_training(options, single_task("captioner", std::move(replica)));
}

}  // namespace forgedit::miniature
