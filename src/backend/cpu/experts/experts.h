// The experts of a mixture layer, the inside of the ops routed_experts and moe: choice of the experts, their
// gate and up products, the weighted sum of their down products, and what moe adds to that (a shared expert,
// the residual). See experts.cpp for how the work is split.
#pragma once

#include "backend/api/kernel.h"
#include "base/worker.h"
#include "tensor/shape.h"

namespace gannet::GANNET_ISA_NS {

struct MixtureSizes {
  int64_t n_tokens, n_embd, n_ff, n_experts, top_k;
  int64_t n_shared;                   // inner size of the shared expert, 0 without one
  bool routes;                        // chooses from logits; otherwise the choice is given
  bool rounded;                       // the rounded x is given
  DType gate, up, down, shared_down;  // types of the weights; up like gate when they are one matrix
};

// What is not given is null.
struct MixtureArgs {
  const TensorView* x;
  const TensorView* q;                  // rounded rows of x (tensor/act8.h)
  const TensorView *experts, *weights;  // the choice, or
  const TensorView* logits;
  const TensorView *gate, *up, *down;  // up null: rows n_ff .. of gate
  const TensorView *shared_gate, *shared_up, *shared_down, *shared_scale;
  const TensorView* residual;
  const TensorView* y;
};

int64_t mixture_workspace(const MixtureSizes& sizes, int n_threads);

// How often run_mixture makes the members wait inside.
int mixture_barriers(const MixtureSizes& sizes);

// Every member of the team calls it; y is complete when all have returned, in the rows that are live.
void run_mixture(const MixtureSizes& sizes, const MixtureArgs& args, const StepRows& rows,
                 std::byte* workspace, Worker& worker);

}  // namespace gannet::GANNET_ISA_NS
