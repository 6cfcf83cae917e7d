// Products with weights as dispatches, for kernels that are made of them.
#pragma once

#include <span>

#include "backend/api/recorder.h"
#include "ops/weight_shaders.h"

namespace gannet {

struct Products {
  const TensorView& x;              // F32[n_rows, n_in]
  const TensorView& y;              // F32[n_rows, outputs of all weights]
  std::byte* rows;                  // StepRows
  const TensorView* residual = {};  // as y
  // Of a shared expert: the products get sigmoid(gate) of their row before the residual, and where up is
  // given their activations are silu(x) * up.
  const TensorView* gate = {};  // F32[n_rows, 1]
  const TensorView* up = {};    // as x

  int64_t n_rows() const { return x.shape.dim[0]; }
  int64_t n_in() const { return x.shape.dim[1]; }
};

// Steps of at most so many rows are exact throughout.
inline bool few_rows(int64_t n_rows) {
  return n_rows <= kExactRows;
}

// Memory of rows that are rounded to 8 bits, for Tiles::kDots (round_rows.glsl).
struct RoundedRows {
  std::byte *codes = nullptr, *scales = nullptr;

  RoundedRows() = default;
  RoundedRows(std::byte* at, int64_t n_rows, int64_t n_in) : codes(at), scales(at + n_rows * n_in) {}
  static int64_t bytes(int64_t n_rows, int64_t n_in) { return (n_rows * n_in / 4 * 5 + 63) / 64 * 64; }
};

// x: a row per token, or with three axes several; rows of whole blocks of 32.
void record_rounding(const TensorView& x, std::byte* rows, const RoundedRows& to, Recorder& recorder);

// Whether there are such tiles for a type.
bool has_tiles(Tiles tiles, DType type);

// What the kernels of many rows are called in `linear`, by their tiles.
struct TilesKernel {
  Tiles tiles;
  const char* name;
};
inline constexpr TilesKernel kTilesKernels[] = {{Tiles::kFloats, "tiles"},
                                                {Tiles::kHalves, "f16"},
                                                {Tiles::kMatrices, "coopmat"},
                                                {Tiles::kDots, "int_dot"}};

// Rows that must be exact: of few all of them.
void record_exact_products(const Products& products, std::span<const TensorView> weights, Recorder& recorder);
// The other rows. Not with `up`, and not for kMatrices. `tiles` is for the weights that have them; `rounded`
// is x for kDots.
void record_product_tiles(const Products& products, std::span<const TensorView> weights, Tiles tiles,
                          const RoundedRows& rounded, Recorder& recorder);

}  // namespace gannet
