#include "model/graphs.h"

#include "model/blocks/blocks.h"
#include "model/tensors.h"
#include "ops/binary/binary.h"
#include "ops/cast/cast.h"
#include "ops/concat/concat.h"
#include "ops/embed/embed.h"
#include "ops/gather_rows/gather_rows.h"
#include "ops/matmul/matmul.h"
#include "ops/reshape/reshape.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/slice/slice.h"

namespace gannet {
namespace {

std::string rows_name(const GraphShape& shape) {
  switch (shape.logits) {
    case LogitRows::kNone:
      return "none";
    case LogitRows::kLast:
      return "last";
    case LogitRows::kAll:
      return "all";
    case LogitRows::kChosen:
      break;
  }
  return "chosen" + std::to_string(shape.n_chosen);
}

std::string graph_name(const char* part, const Hyperparameters& hp, const GraphShape& shape) {
  return std::string(hp.arch_facts().name) + "." + part + ".t" + std::to_string(shape.n_tokens) + "." +
         rows_name(shape);
}

// Final norm, outputs and head. All rows go through, as in the published definition; which of them are
// wasted is for the compiler to find (pass last_rows_only).
void finish_rows(const BlockContext& c, ValueId stream, const std::string& norm, const std::string& head,
                 const GraphShape& shape) {
  GraphBuilder& b = c.builder;
  const ValueId h = rms_norm(b, stream, c.vector(norm), c.hp.eps);
  if (shape.hidden) b.output("hidden", h);
  if (shape.logits == LogitRows::kNone) return;
  ValueId logits = c.product(h, head);
  if (shape.logits == LogitRows::kLast && shape.n_tokens > 1)
    logits = slice(b, logits, 0, shape.n_tokens - 1, 1);
  if (shape.logits == LogitRows::kChosen)
    logits = gather_rows(
        b, logits, b.input("logit_rows", {DType::kI32, Shape(shape.n_chosen)}, InputSource::kLogitRows));
  b.output("logits", logits);
}

std::string first_present(const WeightTable& weights, std::initializer_list<std::string> names) {
  for (const std::string& name : names)
    if (weights.has(name)) return name;
  return *(names.end() - 1);
}

}  // namespace

ValueId BlockContext::param(uint32_t block, const char* suffix) const {
  return param(block_tensor(block, suffix));
}

ValueId BlockContext::vector(const std::string& name) const {
  const ValueId stored = param(name);
  return builder.type(stored).dtype == DType::kF32 ? stored : cast(builder, stored);
}
ValueId BlockContext::vector(uint32_t block, const char* suffix) const {
  return vector(block_tensor(block, suffix));
}

ValueId BlockContext::product(ValueId x, const std::string& name) const {
  const ValueId y = matmul(builder, x, param(name));
  const std::string scale = scale_of(name);
  return weights.has(scale) ? mul(builder, y, reshape(builder, vector(scale), Shape(1, 1))) : y;
}
ValueId BlockContext::product(ValueId x, uint32_t block, const char* suffix) const {
  return product(x, block_tensor(block, suffix));
}

ValueId layer(const BlockContext& c, uint32_t n, ValueId x) {
  GraphBuilder& b = c.builder;
  const ValueId a = rms_norm(b, x, c.vector(n, "attn_norm.weight"), c.hp.eps);
  x = add(b, x, c.hp.is_recurrent(n) ? delta_net_block(c, n, a) : attention_block(c, n, a));
  const ValueId f = rms_norm(b, x, c.vector(n, c.hp.arch_facts().ffn_norm), c.hp.eps);
  return add(b, x, feed_forward_block(c, n, f));
}

Result<Graph> build_trunk(const Hyperparameters& hp, const WeightTable& weights, const GraphShape& shape) {
  GraphBuilder builder(graph_name("trunk", hp, shape));
  const TensorType ids{DType::kI32, Shape(shape.n_tokens)};
  const ValueId tokens = builder.input("tokens", ids, InputSource::kTokens);
  const BlockContext c{builder, hp, weights, builder.input("positions", ids, InputSource::kPositions)};
  ValueId x = embed(builder, c.param("token_embd.weight"), tokens);
  for (uint32_t n = 0; n < hp.n_trunk(); ++n) x = layer(c, n, x);
  finish_rows(c, x, "output_norm.weight", first_present(weights, {"output.weight", "token_embd.weight"}),
              shape);
  return builder.finish();
}

Result<Graph> build_mtp(const Hyperparameters& hp, const WeightTable& weights, const GraphShape& shape) {
  GANNET_CHECK(hp.n_mtp == 1, "the model has no MTP block");
  const uint32_t n = hp.n_trunk();
  GraphBuilder builder(graph_name("mtp", hp, shape));
  const TensorType ids{DType::kI32, Shape(shape.n_tokens)};
  const ValueId tokens = builder.input("tokens", ids, InputSource::kTokens);
  const BlockContext c{builder, hp, weights, builder.input("positions", ids, InputSource::kPositions)};
  const ValueId hidden =
      builder.input("hidden", {DType::kF32, Shape(shape.n_tokens, hp.n_embd)}, InputSource::kHidden);

  const std::string table =
      first_present(weights, {block_tensor(n, "nextn.embed_tokens.weight"), "token_embd.weight"});
  const ValueId embedded = embed(builder, c.param(table), tokens);
  const ValueId e = rms_norm(builder, embedded, c.vector(n, "nextn.enorm.weight"), hp.eps);
  const ValueId h = rms_norm(builder, hidden, c.vector(n, "nextn.hnorm.weight"), hp.eps);
  ValueId x = c.product(concat(builder, {e, h}, 1), n, "nextn.eh_proj.weight");
  if (shape.logits == LogitRows::kNone && !shape.hidden) {
    keep_attention_inputs(c, n, rms_norm(builder, x, c.vector(n, "attn_norm.weight"), hp.eps));
    return builder.finish();
  }
  x = layer(c, n, x);
  finish_rows(
      c, x, first_present(weights, {block_tensor(n, "nextn.shared_head_norm.weight"), "output_norm.weight"}),
      first_present(weights,
                    {block_tensor(n, "nextn.shared_head_head.weight"), "output.weight", "token_embd.weight"}),
      shape);
  return builder.finish();
}

StateLayout trunk_state_layout(const Hyperparameters& hp, DType k_type, DType v_type) {
  StateLayout layout;
  const int64_t heads = hp.n_v_heads, key_heads = hp.n_k_heads, size = hp.delta_head_dim;
  for (uint32_t n = 0; n < hp.n_trunk(); ++n) {
    if (!hp.is_recurrent(n)) {
      layout.kv.push_back({kv_state(n), hp.n_kv_heads, hp.head_dim, k_type, v_type});
      continue;
    }
    const int64_t channels = hp.conv_channels();
    layout.recurrent.push_back({conv_state(n), Shape(hp.conv_kernel - 1, channels), channels});
    // Of a token: decay, key and error, as RecurrentView has them.
    layout.recurrent.push_back(
        {delta_state(n), Shape(heads, size, size), heads + key_heads * size + heads * size});
  }
  return layout;
}

StateLayout state_layout(const Hyperparameters& hp, DType k_type, DType v_type) {
  StateLayout layout = trunk_state_layout(hp, k_type, v_type);
  for (uint32_t n = hp.n_trunk(); n < hp.n_blocks; ++n)
    layout.kv.push_back({kv_state(n), hp.n_kv_heads, hp.head_dim, k_type, v_type, StatePart::kMtp});
  return layout;
}

}  // namespace gannet
