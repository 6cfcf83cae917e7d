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
#include "ops/top_logits/top_logits.h"

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
         rows_name(shape) + (shape.n_hidden > 0 ? ".hidden" + std::to_string(shape.n_hidden) : "");
}

// The rows that get logits.
ValueId wanted_rows(GraphBuilder& b, ValueId rows, const GraphShape& shape) {
  if (shape.logits == LogitRows::kLast && shape.n_tokens > 1) return slice(b, rows, 0, shape.n_tokens - 1, 1);
  if (shape.logits == LogitRows::kChosen)
    return gather_rows(b, rows,
                       b.input("logit_rows", {DType::kI32, Shape(shape.n_chosen)}, InputSource::kLogitRows));
  return rows;
}

void put_logits(GraphBuilder& b, ValueId logits, const GraphShape& shape) {
  b.output("logits", logits);
  if (shape.n_top > 0) b.output("top", top_logits(b, logits, shape.n_top));
}

// Final norm, outputs and head of the trunk. All rows go through, as in the published definition; which of
// them are wasted is for the compiler to find (pass last_rows_only).
void finish_trunk(const BlockContext& c, ValueId stream, const std::string& norm, const std::string& head,
                  const GraphShape& shape) {
  ValueId h = rms_norm(c.builder, stream, c.vector(norm), c.hp.eps);
  if (shape.n_hidden > 0) {
    GANNET_CHECK(shape.hidden && (shape.logits == LogitRows::kNone || shape.logits == LogitRows::kChosen));
    h = gather_rows(
        c.builder, h,
        c.builder.input("hidden_rows", {DType::kI32, Shape(shape.n_hidden)}, InputSource::kHiddenRows));
  }
  if (shape.hidden) c.builder.output("hidden", h);
  if (shape.logits == LogitRows::kNone) return;
  put_logits(c.builder, wanted_rows(c.builder, c.product(h, head), shape), shape);
}

std::string first_present(const WeightTable& weights, std::initializer_list<std::string> names) {
  for (const std::string& name : names)
    if (weights.has(name)) return name;
  return *(names.end() - 1);
}

// The same of the MTP block, whose other rows nobody goes on from.
void finish_mtp(const BlockContext& c, ValueId stream, const GraphShape& shape) {
  GraphBuilder& b = c.builder;
  const std::string norm = first_present(
      c.weights, {block_tensor(c.hp.n_trunk(), "nextn.shared_head_norm.weight"), "output_norm.weight"});
  const ValueId h = wanted_rows(b, rms_norm(b, stream, c.vector(norm), c.hp.eps), shape);
  if (shape.hidden) b.output("hidden", h);
  if (shape.logits == LogitRows::kNone) return;
  const std::string head = mtp_head(c.hp, c.weights);
  if (shape.draft_head == 0) {
    put_logits(b, c.product(h, head), shape);
    return;
  }
  const TensorType type{c.weights.type(head).dtype, Shape(shape.draft_head, c.hp.n_embd)};
  put_logits(b, c.scaled(matmul(b, h, b.param(kDraftHead, type)), head), shape);
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
  return scaled(matmul(builder, x, param(name)), name);
}
ValueId BlockContext::scaled(ValueId y, const std::string& name) const {
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

std::string trunk_head(const WeightTable& weights) {
  return first_present(weights, {"output.weight", "token_embd.weight"});
}

std::string mtp_head(const Hyperparameters& hp, const WeightTable& weights) {
  return first_present(weights, {block_tensor(hp.n_trunk(), "nextn.shared_head_head.weight"), "output.weight",
                                 "token_embd.weight"});
}

Result<Graph> build_trunk(const Hyperparameters& hp, const WeightTable& weights, const GraphShape& shape) {
  GraphBuilder builder(graph_name("trunk", hp, shape));
  const TensorType ids{DType::kI32, Shape(shape.n_tokens)};
  const ValueId tokens = builder.input("tokens", ids, InputSource::kTokens);
  const BlockContext c{builder, hp, weights, builder.input("positions", ids, InputSource::kPositions)};
  ValueId x = embed(builder, c.param("token_embd.weight"), tokens);
  for (uint32_t n = 0; n < hp.n_trunk(); ++n) x = layer(c, n, x);
  finish_trunk(c, x, "output_norm.weight", trunk_head(weights), shape);
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
  finish_mtp(c, layer(c, n, x), shape);
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
