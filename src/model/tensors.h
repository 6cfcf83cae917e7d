// The tensors of a model as a table of records, made from the hyper-parameters alone. The loader, the
// synthesiser and the card print from the same table; nobody else knows a tensor name's shape.
#pragma once

#include <string>
#include <string_view>
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

// The tensor with the factor of a matrix's product (one number, of experts one each), as NVFP4 files have it
// beside the matrix: "X.scale" for "X.weight".
std::string scale_of(const std::string& weight);

// Whether a tensor of this name is of the model that hp describes: of one of its blocks, or the embedding,
// the last norm or the head. A file may carry others beside them (a vision tower, blocks that hp does not
// count, blocks for prediction in another naming), which mean nothing here.
bool is_model_tensor(std::string_view name, const Hyperparameters& hp);

// N of "blk.N.REST"; -1 for other names.
int64_t block_of(std::string_view name);

}  // namespace gannet
