// How often a token reads a tensor of the file, known from the hyper-parameters alone: what says which
// weights are worth the best memory first.
#pragma once

#include "gguf/gguf.h"
#include "model/hyperparameters.h"

namespace gannet {

// Share of the tensor's bytes that generating one token reads, on average: 1 for what every token reads, the
// chosen among all for experts, next to nothing for an embedding that is not the head as well, nothing for
// the blocks that only predict further tokens and for tensors that are not of the model.
double reads_per_token(const GgufFile& file, const Hyperparameters& hp, const GgufTensor& tensor);

}  // namespace gannet
