#pragma once

#include <cstdint>

// Fused kernels for bfloat16 networks on a GPU (forgedit/device/cuda/*.cu; no_cuda.cpp in builds without
// CUDA). Pointers are device memory, aligned to 16 bytes; `Bf16*` tensors are dense. "rows" are pixels or
// tokens, each with adjacent channels (channels-last). Sums have a fixed order: the same input gives the same
// bytes. No function waits for the device; all work goes to `stream` (a cudaStream_t).
namespace forgedit::kernels {

using Bf16 = std::uint16_t;
using Stream = void*;

/// Values per vector (16 bytes). Channels must be whole vectors; nn::fused::fits checks this.
constexpr std::int64_t kVector = 8;
/// The widest row that the row-wise kernels support.
constexpr std::int64_t kMaxNormWidth = 1280;
constexpr std::int64_t kMaxChannels = 4096;

struct GroupNormShape {
  std::int64_t batch = 0, pixels = 0, channels = 0, groups = 0;
};

/// Inputs of a group norm over x + addend, followed by SiLU if `silu`.
struct GroupNormInput {
  const Bf16* x = nullptr;         ///< (batch, pixels, channels)
  const Bf16* addend = nullptr;    ///< (batch, channels), or null
  std::int64_t addend_stride = 0;  ///< elements between the rows of two pictures
  const Bf16* weight = nullptr;    ///< (channels)
  const Bf16* bias = nullptr;      ///< (channels)
  float eps = 1e-5F;
  bool silu = false;
};

/// The number of floats that `workspace` of the forward and backward calls needs.
std::int64_t group_norm_workspace(const GroupNormShape& shape);
/// Writes y (shape of x) and stats (batch, groups, 2): mean and 1/deviation.
void group_norm_forward(const GroupNormShape& shape, const GroupNormInput& input, Bf16* y, float* stats,
                        float* workspace, Stream stream);
/// Writes y from sums (batch, count, groups, 2) that conv3x3 or join_channels_summed wrote with x. Nothing is
/// kept for a backward pass.
void group_norm_from_sums(const GroupNormShape& shape, const GroupNormInput& input, const float* sums,
                          std::int64_t count, Bf16* y, Stream stream);
/// Writes y again, from the stats of a forward call.
void group_norm_again(const GroupNormShape& shape, const GroupNormInput& input, const float* stats, Bf16* y,
                      Stream stream);

struct GroupNormGradients {
  Bf16* x = nullptr;
  Bf16* addend = nullptr;  ///< null: not computed
  Bf16* weight = nullptr;  ///< null: not computed; then bias is null too
  Bf16* bias = nullptr;
};
/// Computes the gradients from stats and dy. `dpassthrough` is a gradient to add to that of x, for a residual
/// that branches off x, or null.
void group_norm_backward(const GroupNormShape& shape, const GroupNormInput& input, const float* stats,
                         const Bf16* dy, const Bf16* dpassthrough, const GroupNormGradients& gradients,
                         float* workspace, Stream stream);

struct LayerNormShape {
  std::int64_t rows = 0, width = 0;
};
/// Inputs of a layer norm over sum = x + offset + residual.
struct LayerNormInput {
  const Bf16* x = nullptr;         ///< (rows, width)
  const Bf16* offset = nullptr;    ///< (width), or null
  const Bf16* residual = nullptr;  ///< (rows, width), or null
  const Bf16* weight = nullptr;    ///< (width)
  const Bf16* bias = nullptr;      ///< (width)
  float eps = 1e-5F;
};
struct LayerNormOutput {
  Bf16* sum = nullptr;     ///< (rows, width); not written if offset and residual are null
  Bf16* normed = nullptr;  ///< (rows, width)
  float* stats = nullptr;  ///< (rows, 2): mean and 1/deviation
};
void layer_norm_forward(const LayerNormShape& shape, const LayerNormInput& input,
                        const LayerNormOutput& output, Stream stream);
std::int64_t layer_norm_workspace(std::int64_t width);

/// Values of the forward pass that the backward pass needs.
struct LayerNormSaved {
  const Bf16* sum = nullptr;     ///< x itself if nothing was added
  const Bf16* weight = nullptr;  ///< (width)
  const float* stats = nullptr;  ///< as written by the forward call
};
struct LayerNormGradients {
  Bf16* x = nullptr;       ///< the gradient of sum, which x and residual share
  Bf16* weight = nullptr;  ///< null: not computed; then bias and offset are null too
  Bf16* bias = nullptr;
  Bf16* offset = nullptr;  ///< may be null alone
};
/// Computes the gradients from dnormed and, unless it is null, dsum.
void layer_norm_backward(const LayerNormShape& shape, const LayerNormSaved& saved, const Bf16* dnormed,
                         const Bf16* dsum, const LayerNormGradients& gradients, float* workspace,
                         Stream stream);

/// x (rows, 2·width) + bias (2·width) -> y (rows, width): first half times gelu of the second half.
void geglu_forward(std::int64_t rows, std::int64_t width, const Bf16* x, const Bf16* bias, Bf16* y,
                   Stream stream);
/// The first layer of a feed-forward and its GEGLU: x (rows, depth), weight (2·width, depth).
struct GegluProductShape {
  std::int64_t rows = 0, depth = 0, width = 0;
};
/// Whether geglu_product supports the shape: depths in multiples of 64, up to 320 if the width is a multiple
/// of 128, up to 640 if it is one of 64. It needs a device of compute capability 9.0, and a build with code
/// for 9.0a.
bool geglu_product_fits(const GegluProductShape& shape);
/// products (rows, 2·width) = x·weightᵀ, and what geglu_forward would make of them without rounding -> y
/// (rows, width). products may be null.
void geglu_product(const GegluProductShape& shape, const Bf16* x, const Bf16* weight, const Bf16* bias,
                   Bf16* products, Bf16* y, Stream stream);
std::int64_t geglu_workspace(std::int64_t width);
/// Writes dx and, unless they are null, dbias and y (as geglu_forward wrote it). dx may be x, and y may be
/// dy.
void geglu_backward(std::int64_t rows, std::int64_t width, const Bf16* x, const Bf16* bias, const Bf16* dy,
                    Bf16* dx, Bf16* dbias, Bf16* y, float* workspace, Stream stream);

/// A 3x3 convolution with a border of one zero: (batch, height, width, in) -> (batch, height, width, out).
/// `norm_groups` are those of the group norm after it.
struct ConvShape {
  std::int64_t batch = 0, height = 0, width = 0, in = 0, out = 0, norm_groups = 0;
};
struct ConvInput {
  const Bf16* x = nullptr;
  const Bf16* weight = nullptr;    ///< (out, 3, 3, in)
  const Bf16* addend = nullptr;    ///< (batch, out)
  std::int64_t addend_stride = 0;  ///< elements between the rows of two pictures
  const Bf16* residual = nullptr;  ///< (batch, height, width, out), or null
};
/// Pixels of which conv3x3 adds up values.
constexpr std::int64_t kConvSumPixels = 64;
/// Whether conv3x3 supports the shape and fills the device with it: multiples of 64 input and 320 output
/// channels; widths of 8, 16, 32 or 64; at least four rows; 64, 128 or a multiple of 256 pixels per picture,
/// and a multiple of 256 in all; groups of an even number of channels that divides 160. It needs a device of
/// compute capability 9.0, and a build with code for 9.0a.
bool conv3x3_fits(const ConvShape& shape);
/// Writes y = conv(x) + addend + residual, and sums (batch, pixels / kConvSumPixels, norm_groups, 2): sum and
/// sum of squares of y, not rounded, in each group of channels.
void conv3x3(const ConvShape& shape, const ConvInput& input, Bf16* y, float* sums, Stream stream);

/// y = x + bias + residual. bias (channels) and residual may be null.
void add_bias_residual(std::int64_t rows, std::int64_t channels, const Bf16* x, const Bf16* bias,
                       const Bf16* residual, Bf16* y, Stream stream);
std::int64_t column_sum_workspace(std::int64_t channels);
/// sums (channels): x summed over rows.
void column_sum(std::int64_t rows, std::int64_t channels, const Bf16* x, Bf16* sums, float* workspace,
                Stream stream);

/// joined (rows, first + second) <-> its two parts a and b.
void join_channels(std::int64_t rows, std::int64_t first, std::int64_t second, const Bf16* a, const Bf16* b,
                   Bf16* joined, Stream stream);
void split_channels(std::int64_t rows, std::int64_t first, std::int64_t second, const Bf16* joined, Bf16* a,
                    Bf16* b, Stream stream);

/// The number of parts of a picture that the next function sums up.
std::int64_t group_norm_parts(const GroupNormShape& shape);
/// The same as join_channels, and sums (batch, group_norm_parts, groups, 2) of joined, whose shape is
/// `shape`.
void join_channels_summed(const GroupNormShape& shape, std::int64_t first, const Bf16* a, const Bf16* b,
                          Bf16* joined, float* sums, Stream stream);

/// A feature map (batch, height, width, channels) before upsampling to twice the size and a 3x3 convolution.
struct PhasesShape {
  std::int64_t batch = 0, height = 0, width = 0, channels = 0;
};
/// weight (out, 3, 3, in) of a 3x3 convolution after nearest-neighbour upsampling to twice the size -> phases
/// (out, 4, 2, 2, in): weights of the equal 2x2 convolutions of the small map, padded by one. There is one
/// for each phase 2·(row mod 2) + column mod 2 of the large map.
void upsample_weight(std::int64_t out, std::int64_t in, const Bf16* weight, Bf16* phases, Stream stream);
void upsample_weight_backward(std::int64_t out, std::int64_t in, const Bf16* dphases, Bf16* dweight,
                              Stream stream);
/// join_phases: the output of that convolution, phases (batch, height + 1, width + 1, channels, 4), + bias
/// (channels) -> y (batch, 2·height, 2·width, channels). split_phases: its backward pass, with zeros for
/// values that are not in y.
void join_phases(const PhasesShape& shape, const Bf16* phases, const Bf16* bias, Bf16* y, Stream stream);
void split_phases(const PhasesShape& shape, const Bf16* dy, Bf16* dphases, Stream stream);

struct AttentionShape {
  std::int64_t batch = 0, heads = 0, queries = 0, keys = 0, head = 0;
};
/// The values of all heads; those of one token and head are adjacent. Strides count elements.
struct AttentionRows {
  const Bf16* data = nullptr;
  std::int64_t batch_stride = 0, head_stride = 0, token_stride = 0;
};
/// Whether query_gradient supports the shape: head size 40 or 80, and a multiple of 64 keys.
bool query_gradient_fits(const AttentionShape& shape);
/// Computes dq (batch, queries, heads, head), the gradient of q in out = softmax(scale·qkᵀ)·v for the
/// gradient dout of out. sums (batch, heads, queries) are the logarithms of the softmax's denominators.
void query_gradient(const AttentionShape& shape, const AttentionRows& q, const AttentionRows& k,
                    const AttentionRows& v, const AttentionRows& out, const AttentionRows& dout,
                    const float* sums, float scale, Bf16* dq, Stream stream);

/// Whether attention_gradients supports the shape: head size 40, and positive multiples of 64 queries and of
/// 64 keys, because the kernels process tiles of 64 tokens without masks. It needs a device of compute
/// capability 9.0, and a build with code for 9.0a.
bool attention_gradients_fit(const AttentionShape& shape);
/// The number of floats that `workspace` of attention_gradients needs.
std::int64_t attention_gradients_workspace(const AttentionShape& shape);
struct AttentionGradients {
  Bf16* q = nullptr;  ///< (batch, queries, heads, head)
  Bf16* k = nullptr;  ///< (batch, keys, heads, head)
  Bf16* v = nullptr;  ///< (batch, keys, heads, head)
};
/// Computes all gradients of out = softmax(scale·qkᵀ)·v for the gradient dout of out, if
/// attention_gradients_fit. `sums` is that of query_gradient. Throws a failure if data or strides of q, k, v,
/// out or dout are not multiples of 16 bytes.
void attention_gradients(const AttentionShape& shape, const AttentionRows& q, const AttentionRows& k,
                         const AttentionRows& v, const AttentionRows& out, const AttentionRows& dout,
                         const float* sums, float scale, const AttentionGradients& gradients,
                         float* workspace, Stream stream);

/// A run of values whose gradients are adjacent. `offset` is its place in the flat vectors.
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
/// Adam's averages, one of each per weight.
struct AdamAverages {
  Bf16* exp_avg = nullptr;
  Bf16* exp_avg_sq = nullptr;
};
/// Makes one Adam step. A float32 weight is stored as `high`, the bfloat16 weight that networks use, and
/// `low`, the bits that rounding removed. So training needs no separate float32 copy. The averages are
/// rounded stochastically by a fixed pattern of places and steps (adam_bits): without bias, and reproducibly.
/// `step` is the number of the step, from 1.
void adam_step(const AdamChunk* chunks, std::int64_t chunk_count, Bf16* high, std::int16_t* low,
               const AdamAverages& averages, const AdamStep& settings, std::uint32_t step, Stream stream);
/// weights (rows, channels, pixels) -> their two halves in the format of adam_step, (rows, pixels, channels).
void split_weights(std::int64_t rows, std::int64_t channels, std::int64_t pixels, const float* weights,
                   Bf16* high, std::int16_t* low, Stream stream);

/// The number of values that share the scales of their codes.
constexpr std::int64_t kAdamBlock = 256;
/// Adam's averages as codes (adam_codes.h): one code of each average per weight, two scales per block.
struct AdamCodes {
  std::int8_t* exp_avg = nullptr;
  std::uint8_t* exp_avg_sq = nullptr;
  float* scales = nullptr;
};
/// Makes one Adam step with averages of one byte each. Offsets must be multiples of kAdamBlock, and the flat
/// vectors must be padded to whole blocks.
void adam_step_8bit(const AdamChunk* chunks, std::int64_t chunk_count, Bf16* high, std::int16_t* low,
                    const AdamCodes& codes, const AdamStep& settings, std::uint32_t step, Stream stream);

}  // namespace forgedit::kernels
