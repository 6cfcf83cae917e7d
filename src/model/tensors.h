// The tensors of a model as a table of records, made from the hyper-parameters alone. The loader, the
// synthesiser and the card print from the same table; nobody else knows a tensor name's shape.
#pragma once

#include <string>
#include <vector>

#include "model/hyperparameters.h"
#include "tensor/shape.h"

namespace gannet {

enum class TensorRole : uint8_t {
  kEmbedding,
  kHead,
  kMatrix,   // goes through matmul; any weight type
  kExperts,  // stacked matrices of the experts; any weight type
  kVector,   // norms, gates, conv taps: used as F32, widened at load when stored as F16 or BF16
};

struct TensorSpec {
  std::string name;
  Shape shape;  // slowest axis first
  TensorRole role;
  bool required = true;
};

// Canonical tensors: what the graph functions ask for. Files may store some of them in other forms
// (variants.h).
std::vector<TensorSpec> declare_tensors(const Hyperparameters& hp);

// "blk.N.SUFFIX"
std::string block_tensor(uint32_t block, const char* suffix);

}  // namespace gannet
