// Products of one or several weight matrices with the same activation rows as one piece of work for a team:
// the inside of matmul and linear. Rounds the activations where a weight type wants it, then hands out items
// (weight rows for few tokens, row panels times token ranges for many) of all matrices together.
#pragma once

#include "backend/api/kernel.h"
#include "backend/cpu/linear/linear.h"

namespace gannet::GANNET_ISA_NS {

inline constexpr int kMostProducts = 16;

struct Products {
  struct Weight {
    const LinearKernel* kernel;
    const uint8_t* rows;
    int64_t row_bytes, n_out;
  };
  int64_t n_tokens = 0, n_in = 0;
  bool rounded = false;  // the rounded activations are given
  int n_weights = 0;
  Weight weights[kMostProducts];

  // Operand 0 is x, the weights are the operands [first, end). From an OpSite: for workspace() and barriers()
  // only.
  Products(const OpSite& site, int first, int end, bool rounded);
  Products(const KernelArgs& args, int first, int end, bool rounded);

  int64_t workspace(int n_threads) const;
  int barriers(int n_threads) const;

  // y[t] receives the products of x[t] with the rows of all weights in order, and residual[t] on top when
  // that has memory, for the rows t that are live. `given` are the rounded rows when `rounded` says so.
  void run(const TensorView& x, const TensorView& given, const TensorView& residual, const TensorView& y,
           const StepRows& rows, std::byte* workspace, Worker& worker) const;

 private:
  struct Layout;
  Layout layout(int n_threads) const;
};

}  // namespace gannet::GANNET_ISA_NS
