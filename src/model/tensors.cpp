#include "model/tensors.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>

namespace gannet {
namespace {

void declare_attention(const Hyperparameters& hp, uint32_t n, std::vector<TensorSpec>& out) {
  const int64_t q = int64_t{hp.n_heads} * hp.head_dim, kv = int64_t{hp.n_kv_heads} * hp.head_dim,
                d = hp.n_embd;
  const int64_t q_rows = hp.arch_facts().gated_attention ? 2 * q : q;  // per head: query rows, then gate rows
  out.push_back({block_tensor(n, "attn_q.weight"), Shape(q_rows, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "attn_k.weight"), Shape(kv, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "attn_v.weight"), Shape(kv, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "attn_q_norm.weight"), Shape(hp.head_dim), TensorRole::kVector});
  out.push_back({block_tensor(n, "attn_k_norm.weight"), Shape(hp.head_dim), TensorRole::kVector});
  out.push_back({block_tensor(n, "attn_output.weight"), Shape(d, q), TensorRole::kMatrix});
}

void declare_delta_net(const Hyperparameters& hp, uint32_t n, std::vector<TensorSpec>& out) {
  const int64_t d = hp.n_embd, channels = hp.conv_channels(), value = hp.value_width();
  out.push_back({block_tensor(n, "attn_qkv.weight"), Shape(channels, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "attn_gate.weight"), Shape(value, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "ssm_beta.weight"), Shape(hp.n_v_heads, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "ssm_alpha.weight"), Shape(hp.n_v_heads, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "ssm_conv1d.weight"), Shape(channels, hp.conv_kernel), TensorRole::kVector});
  out.push_back({block_tensor(n, "ssm_dt.bias"), Shape(hp.n_v_heads), TensorRole::kVector});
  out.push_back({block_tensor(n, "ssm_a"), Shape(hp.n_v_heads), TensorRole::kVector});
  out.push_back({block_tensor(n, "ssm_norm.weight"), Shape(hp.delta_head_dim), TensorRole::kVector});
  out.push_back({block_tensor(n, "ssm_out.weight"), Shape(d, value), TensorRole::kMatrix});
}

void declare_feed_forward(const Hyperparameters& hp, uint32_t n, std::vector<TensorSpec>& out) {
  const int64_t d = hp.n_embd;
  if (!hp.arch_facts().moe) {
    out.push_back({block_tensor(n, "ffn_gate.weight"), Shape(hp.n_ff, d), TensorRole::kMatrix});
    out.push_back({block_tensor(n, "ffn_up.weight"), Shape(hp.n_ff, d), TensorRole::kMatrix});
    out.push_back({block_tensor(n, "ffn_down.weight"), Shape(d, hp.n_ff), TensorRole::kMatrix});
    return;
  }
  const int64_t e = hp.n_experts, fe = hp.n_ff_expert, fs = hp.n_ff_shared;
  out.push_back({block_tensor(n, "ffn_gate_inp.weight"), Shape(e, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "ffn_gate_exps.weight"), Shape(e, fe, d), TensorRole::kExperts});
  out.push_back({block_tensor(n, "ffn_up_exps.weight"), Shape(e, fe, d), TensorRole::kExperts});
  out.push_back({block_tensor(n, "ffn_down_exps.weight"), Shape(e, d, fe), TensorRole::kExperts});
  if (!hp.arch_facts().shared_expert) return;
  out.push_back({block_tensor(n, "ffn_gate_inp_shexp.weight"), Shape(d), TensorRole::kVector});
  out.push_back({block_tensor(n, "ffn_gate_shexp.weight"), Shape(fs, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "ffn_up_shexp.weight"), Shape(fs, d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "ffn_down_shexp.weight"), Shape(d, fs), TensorRole::kMatrix});
}

void declare_mtp(const Hyperparameters& hp, uint32_t n, std::vector<TensorSpec>& out) {
  const int64_t d = hp.n_embd, v = hp.n_vocab;
  out.push_back({block_tensor(n, "nextn.eh_proj.weight"), Shape(d, 2 * d), TensorRole::kMatrix});
  out.push_back({block_tensor(n, "nextn.enorm.weight"), Shape(d), TensorRole::kVector});
  out.push_back({block_tensor(n, "nextn.hnorm.weight"), Shape(d), TensorRole::kVector});
  out.push_back({block_tensor(n, "nextn.shared_head_norm.weight"), Shape(d), TensorRole::kVector, false});
  out.push_back({block_tensor(n, "nextn.embed_tokens.weight"), Shape(v, d), TensorRole::kEmbedding, false});
  out.push_back({block_tensor(n, "nextn.shared_head_head.weight"), Shape(v, d), TensorRole::kHead, false});
}

}  // namespace

std::string block_tensor(uint32_t block, const char* suffix) {
  return fmt::format("blk.{}.{}", block, suffix);
}

std::string scale_of(const std::string& weight) {
  return weight.substr(0, weight.rfind('.')) + ".scale";
}

int64_t block_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return -1;
  int64_t block = -1;
  const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), block);
  const bool whole = error == std::errc() && end != name.data() + name.size() && *end == '.';
  return whole && block >= 0 ? block : -1;
}

bool is_model_tensor(std::string_view name, const Hyperparameters& hp) {
  if (const int64_t block = block_of(name); block >= 0) return block < int64_t{hp.n_blocks};
  constexpr std::array<std::string_view, 3> kOutside = {"token_embd.", "output_norm.", "output."};
  return std::ranges::any_of(kOutside, [&](std::string_view stem) { return name.starts_with(stem); });
}

std::vector<TensorSpec> declare_tensors(const Hyperparameters& hp) {
  std::vector<TensorSpec> out;
  const int64_t d = hp.n_embd, v = hp.n_vocab;
  out.push_back({"token_embd.weight", Shape(v, d), TensorRole::kEmbedding});
  for (uint32_t n = 0; n < hp.n_blocks; ++n) {
    out.push_back({block_tensor(n, "attn_norm.weight"), Shape(d), TensorRole::kVector});
    if (hp.is_recurrent(n))
      declare_delta_net(hp, n, out);
    else
      declare_attention(hp, n, out);
    out.push_back({block_tensor(n, hp.arch_facts().ffn_norm), Shape(d), TensorRole::kVector});
    declare_feed_forward(hp, n, out);
    if (n >= hp.n_trunk()) declare_mtp(hp, n, out);
  }
  out.push_back({"output_norm.weight", Shape(d), TensorRole::kVector});
  out.push_back({"output.weight", Shape(v, d), TensorRole::kHead, false});
  return out;
}

}  // namespace gannet
