// The table of weight types, the choice between rows and panels, and the rounding of activations.
#include "backend/cpu/linear/linear.h"

#include "backend/cpu/dot.h"

namespace gannet::GANNET_ISA_NS {

extern const LinearKernel kLinearFloat[], kLinear32[], kLinear256[], kLinearAny[];
int64_t block_scratch_bytes();  // panels.cpp
int64_t float_scratch_bytes();  // floats.cpp

const LinearKernel* find_linear(DType type) {
  for (const LinearKernel* table : {kLinearFloat, kLinear32, kLinear256, kLinearAny})
    for (const LinearKernel* k = table; k->rows != nullptr; ++k)
      if (k->type == type) return k;
  return nullptr;
}

void linear_panels(const LinearKernel& kernel, const LinearArgs& args, int64_t exact) {
  LinearArgs part = args;
  part.n_tokens = exact;
  if (exact > 0) kernel.rows(part);
  part.n_tokens = args.n_tokens - exact;
  part.x += exact;
  part.y += exact;
  if (part.n_tokens > 0) kernel.panels(kernel, part);
}

void linear_product(const LinearKernel& kernel, const LinearArgs& args, int64_t exact) {
  prefers_panels(kernel, args.n_tokens, exact) ? linear_panels(kernel, args, exact) : kernel.rows(args);
}

int64_t linear_scratch_bytes() {
  const int64_t block = block_scratch_bytes(), plain = float_scratch_bytes();
  return block > plain ? block : plain;
}

void quantize_act_piece(const float* x, int64_t from, int64_t n, int64_t row_n, void* memory) {
  const int64_t padded = act_padded(row_n);
  auto* q = static_cast<int8_t*>(memory);
  auto* d = reinterpret_cast<float*>(q + padded);
  auto* sums = reinterpret_cast<int16_t*>(q + padded + padded / 8);
  for (int64_t i = from; i < from + n; i += 32)
    quantize32(x + (i - from), q + act_place(i), d + i / 32, sums + i / 16);
  if (from + n < row_n) return;
  for (int64_t i = row_n; i < padded; i += 32) {
    for (int64_t j = i; j < i + 32; j += 4) __builtin_memset(q + act_place(j), 0, 4);
    d[i / 32] = 0;
    sums[i / 16] = sums[i / 16 + 1] = 0;
  }
}

void quantize_act(const float* x, int64_t n, void* memory) {
  quantize_act_piece(x, 0, n, n, memory);
}

}  // namespace gannet::GANNET_ISA_NS
