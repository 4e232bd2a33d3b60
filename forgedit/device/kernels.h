#pragma once

#include <cstdint>

// Fused kernels for bfloat16 networks on a GPU (forgedit/device/cuda/*.cu; no_cuda.cpp without CUDA).
// Pointers are device memory, aligned to 16 bytes; `Bf16*` tensors are dense. "rows" are pixels or tokens,
// each with all its channels next to each other (channels-last). Sums run in a fixed order: the same input
// gives the same bytes. Nothing here synchronises; every call goes to `stream` (a cudaStream_t).
namespace forgedit::kernels {

using Bf16 = std::uint16_t;
using Stream = void*;

/// Channels come in vectors of this many (16 bytes); `rows_fit` says whether a width can be used.
constexpr std::int64_t kVector = 8;
/// Widest row that the row-wise kernels take.
constexpr std::int64_t kMaxNormWidth = 1280;
constexpr std::int64_t kMaxChannels = 4096;

struct GroupNormShape {
  std::int64_t batch = 0, pixels = 0, channels = 0, groups = 0;
};

/// Parameters of a group norm over x + addend, followed by SiLU where `silu`.
struct GroupNormInput {
  const Bf16* x = nullptr;         ///< (batch, pixels, channels)
  const Bf16* addend = nullptr;    ///< (batch, channels), or null
  std::int64_t addend_stride = 0;  ///< elements from one picture's to the next
  const Bf16* weight = nullptr;    ///< (channels)
  const Bf16* bias = nullptr;      ///< (channels)
  float eps = 1e-5F;
  bool silu = false;
};

/// Floats of scratch memory for the two calls below.
std::int64_t group_norm_workspace(const GroupNormShape& shape);
/// Writes y (as x) and stats (batch, groups, 2): mean and 1/deviation.
void group_norm_forward(const GroupNormShape& shape, const GroupNormInput& input, Bf16* y, float* stats,
                        float* workspace, Stream stream);
/// Writes y again from stats that a forward call left.
void group_norm_again(const GroupNormShape& shape, const GroupNormInput& input, const float* stats, Bf16* y,
                      Stream stream);

struct GroupNormGradients {
  Bf16* x = nullptr;
  Bf16* addend = nullptr;  ///< null: not wanted
  Bf16* weight = nullptr;  ///< null: not wanted, together with bias
  Bf16* bias = nullptr;
};
/// `tap`: a gradient to add to that of x (null: none), for a residual that branches off x.
void group_norm_backward(const GroupNormShape& shape, const GroupNormInput& input, const float* stats,
                         const Bf16* dy, const Bf16* tap, const GroupNormGradients& gradients,
                         float* workspace, Stream stream);

struct LayerNormShape {
  std::int64_t rows = 0, width = 0;
};
/// Parameters of a layer norm over sum = x + offset + residual.
struct LayerNormInput {
  const Bf16* x = nullptr;         ///< (rows, width)
  const Bf16* offset = nullptr;    ///< (width), or null
  const Bf16* residual = nullptr;  ///< (rows, width), or null
  const Bf16* weight = nullptr;    ///< (width)
  const Bf16* bias = nullptr;      ///< (width)
  float eps = 1e-5F;
};
struct LayerNormOutput {
  Bf16* sum = nullptr;     ///< (rows, width); not written where offset and residual are null
  Bf16* normed = nullptr;  ///< (rows, width)
  float* stats = nullptr;  ///< (rows, 2): mean and 1/deviation
};
void layer_norm_forward(const LayerNormShape& shape, const LayerNormInput& input,
                        const LayerNormOutput& output, Stream stream);
std::int64_t layer_norm_workspace(std::int64_t width);

/// What the backward pass needs of the forward one.
struct LayerNormSaved {
  const Bf16* sum = nullptr;     ///< x itself where nothing was added
  const Bf16* weight = nullptr;  ///< (width)
  const float* stats = nullptr;  ///< as the forward call wrote them
};
struct LayerNormGradients {
  Bf16* x = nullptr;       ///< of the sum
  Bf16* weight = nullptr;  ///< null: not wanted, together with bias and offset
  Bf16* bias = nullptr;
  Bf16* offset = nullptr;  ///< may be null alone
};
/// From dnormed and, where not null, dsum.
void layer_norm_backward(const LayerNormShape& shape, const LayerNormSaved& saved, const Bf16* dnormed,
                         const Bf16* dsum, const LayerNormGradients& gradients, float* workspace,
                         Stream stream);

/// x (rows, 2·width) + bias (2·width) -> y (rows, width): first half times gelu of the second.
void geglu_forward(std::int64_t rows, std::int64_t width, const Bf16* x, const Bf16* bias, Bf16* y,
                   Stream stream);
std::int64_t geglu_workspace(std::int64_t width);
/// dbias, and y as the forward call wrote it: null when not wanted.
void geglu_backward(std::int64_t rows, std::int64_t width, const Bf16* x, const Bf16* bias, const Bf16* dy,
                    Bf16* dx, Bf16* dbias, Bf16* y, float* workspace, Stream stream);

/// y = x + bias + residual; bias (channels), residual may be null.
void add_bias_residual(std::int64_t rows, std::int64_t channels, const Bf16* x, const Bf16* bias,
                       const Bf16* residual, Bf16* y, Stream stream);
std::int64_t column_sum_workspace(std::int64_t channels);
/// sums (channels) over rows.
void column_sum(std::int64_t rows, std::int64_t channels, const Bf16* x, Bf16* sums, float* workspace,
                Stream stream);

/// joined (rows, first + second) <-> its two parts.
void join_channels(std::int64_t rows, std::int64_t first, std::int64_t second, const Bf16* a, const Bf16* b,
                   Bf16* joined, Stream stream);
void split_channels(std::int64_t rows, std::int64_t first, std::int64_t second, const Bf16* joined, Bf16* a,
                    Bf16* b, Stream stream);

/// A map (batch, height, width, channels) that a convolution of it enlarged twofold starts from.
struct PhasesShape {
  std::int64_t batch = 0, height = 0, width = 0, channels = 0;
};
/// weight (out, 3, 3, in) of a convolution behind a twofold enlargement by nearest neighbours -> phases
/// (out, 4, 2, 2, in): that of one over the small map, padded by one, for each phase 2·(row mod 2) +
/// column mod 2 of the large one.
void upsample_weight(std::int64_t out, std::int64_t in, const Bf16* weight, Bf16* phases, Stream stream);
void upsample_weight_backward(std::int64_t out, std::int64_t in, const Bf16* dphases, Bf16* dweight,
                              Stream stream);
/// What that convolution gives, phases (batch, height + 1, width + 1, channels, 4), + bias (channels) -> y
/// (batch, 2·height, 2·width, channels); and back, zero where a value is no part of y.
void join_phases(const PhasesShape& shape, const Bf16* phases, const Bf16* bias, Bf16* y, Stream stream);
void split_phases(const PhasesShape& shape, const Bf16* dy, Bf16* dphases, Stream stream);

struct AttentionShape {
  std::int64_t batch = 0, heads = 0, queries = 0, keys = 0, head = 0;
};
/// Values of every head, a token's next to each other; strides count elements.
struct AttentionRows {
  const Bf16* data = nullptr;
  std::int64_t batch_stride = 0, head_stride = 0, token_stride = 0;
};
/// Head sizes 40 and 80, keys in whole tiles of 64.
bool query_gradient_fits(const AttentionShape& shape);
/// dq (batch, queries, heads, head) of softmax(scale·qkᵀ)·v = out with the gradient dout; sums (batch, heads,
/// queries): the logarithms of the softmax's sums.
void query_gradient(const AttentionShape& shape, const AttentionRows& q, const AttentionRows& k,
                    const AttentionRows& v, const AttentionRows& out, const AttentionRows& dout,
                    const float* sums, float scale, Bf16* dq, Stream stream);

/// A run of values with one gradient pointer; `offset` counts from the start of the flat vectors.
struct AdamChunk {
  const Bf16* gradient = nullptr;
  std::int64_t offset = 0;
  std::int64_t count = 0;
};
constexpr std::int64_t kAdamChunk = 65536;

struct AdamStep {
  float lr = 0;
  float beta1 = 0.9F, beta2 = 0.999F, eps = 1e-8F;
  float correction1 = 1, correction2 = 1;  ///< 1 - β^step
};
/// One Adam step. A float32 weight is kept as `high` (bfloat16, what networks compute with) and `low` (what
/// rounding took off its bits), so that it costs no third copy.
void adam_step(const AdamChunk* chunks, std::int64_t chunk_count, Bf16* high, std::int16_t* low,
               float* exp_avg, float* exp_avg_sq, const AdamStep& settings, Stream stream);
/// weights (rows, channels, pixels) -> their halves, as adam_step has them: (rows, pixels, channels).
void split_weights(std::int64_t rows, std::int64_t channels, std::int64_t pixels, const float* weights,
                   Bf16* high, std::int16_t* low, Stream stream);

/// Values that share the scales of their codes.
constexpr std::int64_t kAdamBlock = 256;
/// Adam's averages as codes (adam_codes.h), one of each a weight, and their scales, two a block.
struct AdamCodes {
  std::int8_t* exp_avg = nullptr;
  std::uint8_t* exp_avg_sq = nullptr;
  float* scales = nullptr;
};
/// The same step over averages of a byte each. Offsets are multiples of kAdamBlock, and the flat vectors go
/// on to whole blocks.
void adam_step_8bit(const AdamChunk* chunks, std::int64_t chunk_count, Bf16* high, std::int16_t* low,
                    const AdamCodes& codes, const AdamStep& settings, std::uint32_t step, Stream stream);

}  // namespace forgedit::kernels
