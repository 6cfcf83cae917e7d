// Products of weight rows with activation rows for every stored weight type: the inside of matmul,
// expert_matmul and routed_experts. One table of functions per weight type and instruction set; the functions
// know nothing of threads, tensors or ops.
//
// A result depends only on the weight row, the activation row and the path (rows or panels), never on what
// else is computed in the same call. The two paths add in different orders, so they agree to float32
// rounding, not bitwise: what must be exact goes by rows, however much it is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/act8.h"
#include "tensor/dtype.h"

namespace gannet::GANNET_ISA_NS {

struct LinearArgs {
  const uint8_t* w;   // first weight row
  int64_t row_bytes;  // distance of weight rows
  int64_t n_rows;     // weight rows to multiply
  int64_t n_in;       // elements of a row
  const ActRow* x;    // n_tokens rows
  int64_t n_tokens;
  float* const* y;  // y[t][y_first + r] receives the product of row r with x[t]; y[t] need not be aligned
  int64_t y_first;
  std::byte* scratch;  // linear_scratch_bytes(), 64-byte aligned, private to the caller; for panels() only
  // Where the caller goes on reading weights, fetched while the last rows are multiplied; null: behind them.
  const uint8_t* next = nullptr;
};

struct LinearKernel {
  DType type;
  bool rounds;  // multiplies with ActRow::q (else with ActRow::x)
  int group;    // block types: see decode_32.h
  int bias;
  bool offsets, is_signed;
  int most_code;  // the largest code; 0: codes are signed

  // For any number of tokens: decodes a few weight rows and multiplies them with token after token. The
  // faster way up to row_tokens.
  int64_t row_tokens;
  void (*rows)(const LinearArgs& args);
  // For any number of tokens: decodes kLanes rows into a panel, then multiplies it with all tokens.
  void (*panels)(const LinearKernel& kernel, const LinearArgs& args);
  // Decodes units [first, first + n) of up to kLanes rows; internal to panels().
  void (*pack)(const LinearArgs& args, int64_t row, int64_t first, int64_t n, uint8_t* codes, float* scales,
               float* offsets);
};

// The functions for a weight type (is_weight_type() of ops/weight_type.h), never null for those.
const LinearKernel* find_linear(DType type);

// Whether panels are the faster way for the tokens that need not be exact.
GANNET_INLINE bool prefers_panels(const LinearKernel& kernel, int64_t n_tokens, int64_t exact) {
  return n_tokens - exact > kernel.row_tokens;
}

// The first `exact` tokens by rows, the others by panels.
void linear_panels(const LinearKernel& kernel, const LinearArgs& args, int64_t exact);

// The first `exact` tokens by rows, the others the faster way.
void linear_product(const LinearKernel& kernel, const LinearArgs& args, int64_t exact);

int64_t linear_scratch_bytes();

// Rounds n floats (n a multiple of 32) into `memory` (act_bytes(n)).
void quantize_act(const float* x, int64_t n, void* memory);

// Rounds n floats, a multiple of 32, that lie `from` elements into a row of which `memory` holds the rounded
// form; the piece that ends the row also clears the padding.
void quantize_act_piece(const float* x, int64_t from, int64_t n, int64_t row_n, void* memory);

}  // namespace gannet::GANNET_ISA_NS
