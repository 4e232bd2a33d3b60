#include "forgedit/core/error.h"
#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"

// For builds without CUDA. There are no devices, and cuda::built() keeps callers from functions that need
// one.
namespace forgedit {
namespace {

[[noreturn]] void unreachable() {
  throw failure("this program was built without CUDA");
}

}  // namespace

namespace cuda {

bool built() {
  return false;
}
int device_count() {
  return 0;
}
std::string device_name(int) {
  return {};
}
int compute_capability(int) {
  return 0;
}
std::int64_t peak_memory(int) {
  return 0;
}
void reset_peak_memory(int) {}
void empty_cache() {}
std::int64_t free_memory(int) {
  return 0;
}
void limit_memory(int, std::int64_t) {}
void synchronize(int) {}
void* current_stream(int) {
  return nullptr;
}

struct Upload::State {};
Upload::Upload(int, const std::vector<Piece>&) {
  unreachable();
}
Upload::~Upload() = default;
void Upload::finish() {}

struct StreamScope::State {};
StreamScope::StreamScope(int) {}
StreamScope::~StreamScope() = default;

struct SideStream::State {};
SideStream::SideStream(int) {}
SideStream::~SideStream() = default;

struct Graph::State {};
Graph::Graph(int) {
  unreachable();
}
Graph::~Graph() = default;
void Graph::make_pool(std::int64_t) {}
void Graph::run_once(const std::function<void()>&) {}
void Graph::record(const std::function<void()>&) {}
void Graph::launch() {}

}  // namespace cuda

namespace kernels {

using std::int64_t;

int64_t group_norm_workspace(const GroupNormShape&) {
  unreachable();
}
void group_norm_forward(const GroupNormShape&, const GroupNormInput&, Bf16*, float*, float*, Stream) {
  unreachable();
}
int64_t group_norm_parts(const GroupNormShape&) {
  unreachable();
}
void join_channels_summed(const GroupNormShape&, int64_t, const Bf16*, const Bf16*, Bf16*, float*, Stream) {
  unreachable();
}
void group_norm_from_sums(const GroupNormShape&, const GroupNormInput&, const float*, int64_t, Bf16*,
                          Stream) {
  unreachable();
}
void group_norm_again(const GroupNormShape&, const GroupNormInput&, const float*, Bf16*, Stream) {
  unreachable();
}
void group_norm_backward(const GroupNormShape&, const GroupNormInput&, const float*, const Bf16*, const Bf16*,
                         const GroupNormGradients&, float*, Stream) {
  unreachable();
}
void layer_norm_forward(const LayerNormShape&, const LayerNormInput&, const LayerNormOutput&, Stream) {
  unreachable();
}
int64_t layer_norm_workspace(int64_t) {
  unreachable();
}
void layer_norm_backward(const LayerNormShape&, const LayerNormSaved&, const Bf16*, const Bf16*,
                         const LayerNormGradients&, float*, Stream) {
  unreachable();
}
bool conv3x3_fits(const ConvShape&) {
  return false;
}
void conv3x3(const ConvShape&, const ConvInput&, Bf16*, float*, Stream) {
  unreachable();
}
bool geglu_product_fits(const GegluProductShape&) {
  return false;
}
void geglu_product(const GegluProductShape&, const Bf16*, const Bf16*, const Bf16*, Bf16*, Bf16*, Stream) {
  unreachable();
}
int64_t geglu_workspace(int64_t) {
  unreachable();
}
void geglu_forward(int64_t, int64_t, const Bf16*, const Bf16*, Bf16*, Stream) {
  unreachable();
}
void geglu_backward(int64_t, int64_t, const Bf16*, const Bf16*, const Bf16*, Bf16*, Bf16*, Bf16*, float*,
                    Stream) {
  unreachable();
}
void add_bias_residual(int64_t, int64_t, const Bf16*, const Bf16*, const Bf16*, Bf16*, Stream) {
  unreachable();
}
int64_t column_sum_workspace(int64_t) {
  unreachable();
}
void column_sum(int64_t, int64_t, const Bf16*, Bf16*, float*, Stream) {
  unreachable();
}
void join_channels(int64_t, int64_t, int64_t, const Bf16*, const Bf16*, Bf16*, Stream) {
  unreachable();
}
void split_channels(int64_t, int64_t, int64_t, const Bf16*, Bf16*, Bf16*, Stream) {
  unreachable();
}
void upsample_weight(int64_t, int64_t, const Bf16*, Bf16*, Stream) {
  unreachable();
}
void upsample_weight_backward(int64_t, int64_t, const Bf16*, Bf16*, Stream) {
  unreachable();
}
void join_phases(const PhasesShape&, const Bf16*, const Bf16*, Bf16*, Stream) {
  unreachable();
}
void split_phases(const PhasesShape&, const Bf16*, Bf16*, Stream) {
  unreachable();
}
bool query_gradient_fits(const AttentionShape&) {
  return false;
}
void query_gradient(const AttentionShape&, const AttentionRows&, const AttentionRows&, const AttentionRows&,
                    const AttentionRows&, const AttentionRows&, const float*, float, Bf16*, Stream) {
  unreachable();
}
bool attention_gradients_fit(const AttentionShape&) {
  return false;
}
int64_t attention_gradients_workspace(const AttentionShape&) {
  unreachable();
}
void attention_gradients(const AttentionShape&, const AttentionRows&, const AttentionRows&,
                         const AttentionRows&, const AttentionRows&, const AttentionRows&, const float*,
                         float, const AttentionGradients&, float*, Stream) {
  unreachable();
}
void adam_step(const AdamChunk*, int64_t, Bf16*, std::int16_t*, const AdamAverages&, const AdamStep&,
               std::uint32_t, Stream) {
  unreachable();
}
void adam_step_8bit(const AdamChunk*, int64_t, Bf16*, std::int16_t*, const AdamCodes&, const AdamStep&,
                    std::uint32_t, Stream) {
  unreachable();
}
void split_weights(int64_t, int64_t, int64_t, const float*, Bf16*, std::int16_t*, Stream) {
  unreachable();
}

}  // namespace kernels
}  // namespace forgedit
