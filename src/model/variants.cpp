#include "model/variants.h"

#include <cstring>

#include <fmt/core.h>

#include "model/tensors.h"

namespace gannet {
namespace {

// The file's tensor if it exists with this shape; a wrong shape is a problem.
const GgufTensor* take(const VariantContext& c, const std::string& name, const Shape& shape) {
  const GgufTensor* t = c.file.find_tensor(name);
  if (t == nullptr) return nullptr;
  if (t->shape == shape) return t;
  c.problems.push_back(
      fmt::format("{} is {}, expected {}", name, to_text({t->dtype, t->shape}), to_text({t->dtype, shape})));
  return nullptr;
}

// Rows [first, first + n) of a stored matrix, in place.
TensorView rows_of(const GgufTensor& t, int64_t first, int64_t n) {
  auto* data = const_cast<std::byte*>(t.data.data()) + first * row_bytes(t.dtype, t.shape.last());
  return contiguous_view(data, t.dtype, Shape(n, t.shape.last()));
}

struct RowRun {
  int64_t from, count;
};

// A matrix put together from runs of rows of `t`, in order. Rows of every type are independent, so this is
// lossless.
TensorView gather_rows(const VariantContext& c, const GgufTensor& t, const std::vector<RowRun>& runs) {
  const int64_t bytes = row_bytes(t.dtype, t.shape.last());
  int64_t n = 0;
  for (const RowRun& run : runs) n += run.count;
  std::byte* data = c.table.own(n * bytes);
  std::byte* at = data;
  for (const RowRun& run : runs) {
    std::memcpy(at, t.data.data() + run.from * bytes, static_cast<size_t>(run.count * bytes));
    at += run.count * bytes;
  }
  return contiguous_view(data, t.dtype, Shape(n, t.shape.last()));
}

// Full-attention block with one matrix for q (and gate), k and v.
void bind_fused_attention(const VariantContext& c, uint32_t n) {
  const int64_t q = int64_t{c.hp.n_heads} * c.hp.head_dim * (c.hp.arch_facts().gated_attention ? 2 : 1);
  const int64_t kv = int64_t{c.hp.n_kv_heads} * c.hp.head_dim;
  const GgufTensor* t = take(c, block_tensor(n, "attn_qkv.weight"), Shape(q + 2 * kv, c.hp.n_embd));
  if (t == nullptr) return;
  c.table.set(block_tensor(n, "attn_q.weight"), rows_of(*t, 0, q));
  c.table.set(block_tensor(n, "attn_k.weight"), rows_of(*t, q, kv));
  c.table.set(block_tensor(n, "attn_v.weight"), rows_of(*t, q + kv, kv));
  for (const char* part : {"attn_q.weight", "attn_k.weight", "attn_v.weight"})
    bind_scale(c, t->name, block_tensor(n, part), 1);
}

// Older qwen3next: one input matrix, rows grouped per key head as q, k, the v of its value heads, their z.
void bind_grouped_input(const VariantContext& c, uint32_t n) {
  const int64_t s = c.hp.delta_head_dim, hk = c.hp.n_k_heads, r = c.hp.n_v_heads / c.hp.n_k_heads;
  const GgufTensor* t = take(c, block_tensor(n, "ssm_in.weight"),
                             Shape(int64_t{c.hp.conv_channels()} + c.hp.value_width(), c.hp.n_embd));
  if (t == nullptr) return;
  const int64_t group = 2 * s + 2 * r * s;
  std::vector<RowRun> qkv, z;
  for (int64_t g = 0; g < hk; ++g) qkv.push_back({g * group, s});
  for (int64_t g = 0; g < hk; ++g) qkv.push_back({g * group + s, s});
  for (int64_t g = 0; g < hk; ++g) qkv.push_back({g * group + 2 * s, r * s});
  for (int64_t g = 0; g < hk; ++g) z.push_back({g * group + 2 * s + r * s, r * s});
  c.table.set(block_tensor(n, "attn_qkv.weight"), gather_rows(c, *t, qkv));
  c.table.set(block_tensor(n, "attn_gate.weight"), gather_rows(c, *t, z));
  for (const char* part : {"attn_qkv.weight", "attn_gate.weight"})
    bind_scale(c, t->name, block_tensor(n, part), 1);
}

// qwen3next: beta and alpha in one matrix, per key head first its betas, then its alphas.
void bind_grouped_gates(const VariantContext& c, uint32_t n) {
  const int64_t hk = c.hp.n_k_heads, r = c.hp.n_v_heads / c.hp.n_k_heads;
  const GgufTensor* t =
      take(c, block_tensor(n, "ssm_ba.weight"), Shape(2 * int64_t{c.hp.n_v_heads}, c.hp.n_embd));
  if (t == nullptr) return;
  std::vector<RowRun> beta, alpha;
  for (int64_t g = 0; g < hk; ++g) {
    beta.push_back({g * 2 * r, r});
    alpha.push_back({g * 2 * r + r, r});
  }
  c.table.set(block_tensor(n, "ssm_beta.weight"), gather_rows(c, *t, beta));
  c.table.set(block_tensor(n, "ssm_alpha.weight"), gather_rows(c, *t, alpha));
  for (const char* part : {"ssm_beta.weight", "ssm_alpha.weight"})
    bind_scale(c, t->name, block_tensor(n, part), 1);
}

// Gate and up of all experts in one stack. Stays fused: the experts op takes it as it is.
void bind_fused_experts(const VariantContext& c, uint32_t n) {
  const Shape shape(c.hp.n_experts, 2 * int64_t{c.hp.n_ff_expert}, c.hp.n_embd);
  const std::string name = block_tensor(n, "ffn_gate_up_exps.weight");
  const GgufTensor* t = take(c, name, shape);
  if (t == nullptr) return;
  c.table.set(name, contiguous_view(const_cast<std::byte*>(t->data.data()), t->dtype, t->shape));
  bind_scale(c, name, name, c.hp.n_experts);
  // The usual runner looks for the factors of the stack under the name of up.
  if (!c.table.has(scale_of(name)))
    bind_scale(c, block_tensor(n, "ffn_up_exps.weight"), name, c.hp.n_experts);
}

}  // namespace

void bind_variants(const VariantContext& c, uint32_t n) {
  if (c.hp.is_recurrent(n)) {
    if (c.file.find_tensor(block_tensor(n, "attn_qkv.weight")) == nullptr) bind_grouped_input(c, n);
    if (c.file.find_tensor(block_tensor(n, "ssm_beta.weight")) == nullptr) bind_grouped_gates(c, n);
  } else if (c.file.find_tensor(block_tensor(n, "attn_q.weight")) == nullptr) {
    bind_fused_attention(c, n);
  }
  if (c.hp.arch_facts().moe && c.file.find_tensor(block_tensor(n, "ffn_gate_exps.weight")) == nullptr)
    bind_fused_experts(c, n);
}

}  // namespace gannet
