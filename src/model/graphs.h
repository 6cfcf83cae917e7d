// Graphs of a model: the trunk and the MTP block, composed of the building blocks of src/model/blocks. A
// graph is made for a number of rows; whose they are, positions and state are data.
#pragma once

#include "ir/graph.h"
#include "model/weights.h"
#include "state/sequence_state.h"

namespace gannet {

// Which rows get logits: none, the last of the run, all, or those that an input names when the graph runs.
enum class LogitRows : uint8_t { kNone, kLast, kAll, kChosen };

struct GraphShape {
  int64_t n_tokens = 1;
  LogitRows logits = LogitRows::kLast;
  bool hidden = false;   // also return the normed hidden rows of all tokens (the MTP block's input)
  int64_t n_chosen = 0;  // kChosen: so many rows

  bool operator==(const GraphShape&) const = default;
};

// Inputs: tokens, positions, for kChosen logit_rows (InputSource). Outputs "logits" F32[rows, n_vocab]
// (unless kNone), "hidden" F32[n_tokens, n_embd] if asked for. States as state_layout() names them.
Result<Graph> build_trunk(const Hyperparameters& hp, const WeightTable& weights, const GraphShape& shape);

// The MTP block (hp.n_mtp must be 1). Inputs: tokens, positions and hidden; row i of hidden is the normed
// trunk row (or this block's own "hidden") of the token before tokens[i]. Outputs as build_trunk; logits row
// i predicts the token after tokens[i]. With neither logits nor hidden rows wanted only K and V are made:
// the block is a single layer, so nothing else of a row is ever looked at again.
Result<Graph> build_mtp(const Hyperparameters& hp, const WeightTable& weights, const GraphShape& shape);

// What a sequence keeps for the trunk, and for the trunk and the MTP block.
StateLayout trunk_state_layout(const Hyperparameters& hp, DType k_type, DType v_type);
StateLayout state_layout(const Hyperparameters& hp, DType k_type, DType v_type);

}  // namespace gannet
