// Shapes of the published models by short name, and a tiny one per family for tests. Sizes only: no weights,
// no vocabulary. Source: the configurations of the published checkpoints.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/hyperparameters.h"
#include "model/tensors.h"

namespace gannet {

struct ModelShape {
  std::string name;
  Hyperparameters hp;      // without MTP block; n_vocab and the layer pattern are set
  bool tied_head = false;  // the embedding is the output matrix too
};

// What a user may change of a named shape.
struct ShapeChanges {
  std::optional<Architecture> arch;  // must be the shape's own; decides which "tiny" is meant
  std::optional<uint32_t> n_layers;  // trunk layers
  std::optional<uint32_t> n_vocab;
  bool mtp = false;  // add the block that predicts the token after the next
};

// "tiny", "0.6b", ..., "397b-a17b".
std::vector<std::string> shape_names();

// The shape `name`, changed. Errors (kUsage): unknown name (lists the known ones), "tiny" without
// architecture, an architecture that is not the shape's, an MTP block for a family without one, sizes out of
// range.
Result<ModelShape> model_shape(std::string_view name, const ShapeChanges& changes);

// The tensors that a published file of this shape holds, in the forms of such files: the canonical ones but
// for qwen3next, whose betas and alphas are one matrix (variants.h reads it). No optional copies of the
// embedding.
std::vector<TensorSpec> published_tensors(const ModelShape& shape);

// Sets the number of trunk layers and MTP blocks and the layer pattern that follows from them.
void set_depth(Hyperparameters& hp, uint32_t n_trunk, uint32_t n_mtp);

}  // namespace gannet
