// Building blocks shared by the families. Each takes the residual-stream rows it works on and returns its
// contribution; adding it to the stream is the caller's line, so the skeleton of a layer can be read in one
// place.
#pragma once

#include "ir/graph.h"
#include "model/weights.h"

namespace gannet {

// What every block needs while a graph is built.
struct BlockContext {
  GraphBuilder& builder;
  const Hyperparameters& hp;
  const WeightTable& weights;
  ValueId positions;  // I32[n_tokens]

  ValueId param(const std::string& name) const { return builder.param(name, weights.type(name)); }
  ValueId param(uint32_t block, const char* suffix) const;
  // A norm, gate or convolution weight: F32, widened from what the file stores.
  ValueId vector(const std::string& name) const;
  ValueId vector(uint32_t block, const char* suffix) const;
  // x times the matrix, and times its factor where the file has one.
  ValueId product(ValueId x, const std::string& name) const;
  ValueId product(ValueId x, uint32_t block, const char* suffix) const;
  // y times the factor that belongs to the matrix, where there is one.
  ValueId scaled(ValueId y, const std::string& name) const;
  int64_t n_tokens() const { return builder.shape(positions).dim[0]; }
};

// x F32[n_tokens, n_embd] (already normed) -> F32[n_tokens, n_embd].
ValueId attention_block(const BlockContext& c, uint32_t block,
                        ValueId x);  // gated where the family says so
// Only what later tokens see of these rows: their K and V go into the cache.
void keep_attention_inputs(const BlockContext& c, uint32_t block, ValueId x);
ValueId delta_net_block(const BlockContext& c, uint32_t block, ValueId x);     // Gated DeltaNet
ValueId feed_forward_block(const BlockContext& c, uint32_t block, ValueId x);  // dense or routed experts

// One whole layer on the residual stream.
ValueId layer(const BlockContext& c, uint32_t block, ValueId stream);

// State names of a block.
std::string kv_state(uint32_t block);
std::string conv_state(uint32_t block);
std::string delta_state(uint32_t block);

}  // namespace gannet
