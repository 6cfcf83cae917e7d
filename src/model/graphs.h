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
  bool hidden = false;     // also return normed hidden rows (the MTP block's input)
  int64_t n_chosen = 0;    // kChosen: so many rows
  int64_t n_hidden = 0;    // of the trunk: hidden rows of so many rows that an input names; 0: of all
  int64_t draft_head = 0;  // of the MTP block: logits of the rows of kDraftHead, so many; 0: of its own head
  int64_t n_top = 0;       // also the so many likeliest of each row of logits (op top_logits)

  bool operator==(const GraphShape&) const = default;
};

// Inputs: tokens, positions, for kChosen logit_rows, for n_hidden hidden_rows (InputSource). Outputs "logits"
// F32[rows, n_vocab] (unless kNone) and of it "top" I32[rows, 2 n_top], "hidden" F32[n_hidden or n_tokens,
// n_embd], each if asked for. With n_hidden, logits must be kNone or kChosen, of rows among those: logit_rows
// counts them as hidden_rows has them.
// States as state_layout() names them.
Result<Graph> build_trunk(const Hyperparameters& hp, const WeightTable& weights, const GraphShape& shape);

// The MTP block (hp.n_mtp must be 1). Inputs: tokens, positions and hidden; row i of hidden is the normed
// trunk row (or this block's own "hidden") of the token before tokens[i]. Outputs as build_trunk, but
// "hidden" has the rows that get logits (all, if none do): drafts go on from those only. Logits row i
// predicts the token after tokens[i]. With neither logits nor hidden rows wanted only K and V are made: the
// block is a single layer, so nothing else of a row is ever looked at again.
Result<Graph> build_mtp(const Hyperparameters& hp, const WeightTable& weights, const GraphShape& shape);

// Names of the matrices that make logits of the trunk's rows and of the MTP block's.
std::string trunk_head(const WeightTable& weights);
std::string mtp_head(const Hyperparameters& hp, const WeightTable& weights);
// Rows of it in another order, bound by this name, for GraphShape::draft_head.
inline constexpr const char* kDraftHead = "draft_head.weight";

// What a sequence keeps for the trunk, and for the trunk and the MTP block.
StateLayout trunk_state_layout(const Hyperparameters& hp, DType k_type, DType v_type);
StateLayout state_layout(const Hyperparameters& hp, DType k_type, DType v_type);

}  // namespace gannet
