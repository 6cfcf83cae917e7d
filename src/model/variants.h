// Forms in which files in the wild store canonical tensors: fused projections, rows grouped by key head
// (older qwen3next), fused gate and up experts. Each function looks whether the file has its form and binds
// what it can.
#pragma once

#include <set>

#include "model/weights.h"

namespace gannet {

struct VariantContext {
  const GgufFile& file;
  const Hyperparameters& hp;
  WeightTable& table;
  std::vector<std::string>& problems;
  std::set<std::string>& scales;  // names of the file's scale tensors that were bound
};

// Binds the factor that the file stores for its matrix `stored` (if it does) as that of the canonical matrix
// `name`: `n` numbers, as scale_of(name).
void bind_scale(const VariantContext& context, const std::string& stored, const std::string& name, int64_t n);

// Block tensors of `block` that another form provides are put into the table.
void bind_variants(const VariantContext& context, uint32_t block);

}  // namespace gannet
