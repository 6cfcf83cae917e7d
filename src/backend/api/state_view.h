// What an op sees of a sequence's state. The state module owns the memory and fills these views before a plan
// runs; kernels read and write through them, so nothing is gathered and nothing is copied back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace gannet {

// K and V of one attention layer of one sequence, in pages of `page_tokens` tokens. Token t lies in page
// t / page_tokens at slot t % page_tokens; inside a page, K is [n_kv_heads, page_tokens, head_dim] of k_type
// at k_offset and V the same of v_type at v_offset. K is stored after norm and RoPE.
struct KvView {
  std::byte* const* pages = nullptr;  // covers n_past plus the tokens of this run
  int64_t k_offset = 0, v_offset = 0;
  int64_t page_tokens = 0;
  int64_t n_kv_heads = 0, head_dim = 0;
  DType k_type = DType::kF16, v_type = DType::kF16;
  int64_t n_past = 0;  // tokens already stored; the run appends its own behind them
};

// A fixed-size recurrent state (conv window or delta matrix), F32. `read` holds the state before this run,
// the kernel leaves the state after it in `write`. They are the same memory unless the old state must survive
// (snapshot, fork).
struct RecurrentView {
  const float* read = nullptr;
  float* write = nullptr;
};

}  // namespace gannet
