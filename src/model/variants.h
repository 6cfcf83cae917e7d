// Forms in which files in the wild store canonical tensors: fused projections, rows grouped by key head
// (older qwen3next), fused gate and up experts. Each function looks whether the file has its form and binds
// what it can.
#pragma once

#include "model/weights.h"

namespace gannet {

struct VariantContext {
  const GgufFile& file;
  const Hyperparameters& hp;
  WeightTable& table;
  std::vector<std::string>& problems;
};

// Block tensors of `block` that another form provides are put into the table.
void bind_variants(const VariantContext& context, uint32_t block);

}  // namespace gannet
