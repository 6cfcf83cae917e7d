// Names and types of a published file without memory: what graphs are made from. For tests.
#pragma once

#include "model/mix.h"
#include "model/shapes.h"
#include "model/tensors.h"
#include "model/weights.h"

namespace gannet {

// Betas and alphas of qwen3next are listed as the loader gives them. Data is null, or `data` for all.
inline WeightTable types_for_test(const ModelShape& shape, const char* mix_name, void* data = nullptr) {
  std::vector<TensorSpec> specs;
  for (const TensorSpec& spec : declare_tensors(shape.hp)) {
    if (spec.name == "output.weight" && shape.tied_head) continue;
    if (!spec.required && !spec.name.ends_with("shared_head_norm.weight") && spec.name != "output.weight")
      continue;
    specs.push_back(spec);
  }
  std::vector<MixTensor> tensors;
  for (const TensorSpec& spec : specs) tensors.push_back({spec.name, spec.shape, DType::kF32});
  const std::vector<DType> types = mix_types(*find_mix(mix_name).value(), shape.hp, tensors);
  WeightTable table;
  for (size_t i = 0; i < specs.size(); ++i)
    table.set(specs[i].name, contiguous_view(data, types[i], specs[i].shape));
  return table;
}

}  // namespace gannet
