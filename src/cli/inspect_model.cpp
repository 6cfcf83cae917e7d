#include "cli/inspect_model.h"

#include <fmt/format.h>

#include "cli/inspect_text.h"
#include "engine/model.h"
#include "model/graphs.h"
#include "model/weights.h"

namespace gannet {
namespace {

struct BlockBytes {
  uint64_t dense = 0, experts = 0;
};

// Bytes of a block's matrices that every token reads, and of its expert stacks.
BlockBytes block_bytes(const WeightTable& weights, uint32_t n) {
  const std::string prefix = fmt::format("blk.{}.", n);
  BlockBytes b;
  for (auto it = weights.all().lower_bound(prefix);
       it != weights.all().end() && it->first.starts_with(prefix); ++it) {
    const auto bytes = static_cast<uint64_t>(tensor_bytes(it->second.dtype, it->second.shape));
    (it->first.find("_exps.") != std::string::npos ? b.experts : b.dense) += bytes;
  }
  return b;
}

std::string layer_text(const Hyperparameters& hp, uint32_t n) {
  std::string text = hp.is_recurrent(n) ? fmt::format("Gated DeltaNet, {} key and {} value heads x {}",
                                                      hp.n_k_heads, hp.n_v_heads, hp.delta_head_dim)
                                        : fmt::format("{}attention, {} heads x {}, {} KV heads",
                                                      hp.arch_facts().gated_attention ? "gated " : "",
                                                      hp.n_heads, hp.head_dim, hp.n_kv_heads);
  if (hp.arch_facts().moe)
    text += fmt::format("; {} experts x {}, {} per token{}", hp.n_experts, hp.n_ff_expert, hp.n_experts_used,
                        hp.arch_facts().shared_expert ? fmt::format(" + shared {}", hp.n_ff_shared) : "");
  else
    text += fmt::format("; feed-forward {}", hp.n_ff);
  return n >= hp.n_trunk() ? "MTP: " + text : text;
}

}  // namespace

Result<std::string> inspect_model(const GgufFile& file) {
  const Hyperparameters hp = GANNET_TRY(read_hyperparameters(file));
  const WeightTable weights = GANNET_TRY(load_weights(file, hp));
  std::string out;
  for (const ModelNote& note : file_notes(file, hp)) out += fmt::format("note: {}\n", note.text);
  out += out.empty() ? "Hyper-parameters\n" : "\nHyper-parameters\n";
  const std::string keys = print_hyperparameters(hp);
  for (size_t at = 0; at < keys.size();) {
    const size_t end = keys.find('\n', at);
    out += "  " + keys.substr(at, end - at + 1);
    at = end + 1;
  }

  out += "\nLayers (bytes of weights; of the experts only those one token uses are read)\n";
  uint64_t dense = 0, experts = 0;
  for (uint32_t n = 0; n < hp.n_blocks; ++n) {
    const BlockBytes b = block_bytes(weights, n);
    out += fmt::format("  {:>3}  {:>10} {:>10}  {}\n", n, human_bytes(b.dense),
                       b.experts ? human_bytes(b.experts) : "", layer_text(hp, n));
    if (n >= hp.n_trunk()) continue;
    dense += b.dense;
    experts += hp.n_experts ? b.experts / hp.n_experts * hp.n_experts_used : 0;
  }

  const std::string head_name = trunk_head(weights);
  const TensorView head = weights.view(head_name);
  const auto head_bytes = static_cast<uint64_t>(tensor_bytes(head.dtype, head.shape));
  const StateLayout state = trunk_state_layout(hp, DType::kF16, DType::kF16);
  const auto recurrent = static_cast<uint64_t>(state.recurrent_bytes());
  out += "\nBytes moved per generated token\n";
  out += fmt::format("  layers              {}\n", human_bytes(dense));
  if (experts) out += fmt::format("  chosen experts      {}\n", human_bytes(experts));
  out += fmt::format("  head ({}) {}\n", head_name, human_bytes(head_bytes));
  if (recurrent)
    out += fmt::format("  recurrent state     {} (read and written once)\n", human_bytes(2 * recurrent));
  out += fmt::format("  KV cache            {} per token of context (f16)\n",
                     human_bytes(static_cast<uint64_t>(state.kv_bytes_per_token())));
  out += fmt::format("  total at context 0  {}\n", human_bytes(dense + experts + head_bytes + 2 * recurrent));
  return out;
}

}  // namespace gannet
