// A tile of outputs and rows by one group, some weights after the other through shared memory. Who includes this says
// which outputs and rows they are:
struct WeightRow {
  Weights w;
  uint row;
};
WeightRow tile_output(uint output_of_tile);
uint tile_row(uint row_of_tile);  // the element of x that the row begins with, of rounded ones its number
//
// There are three ways, chosen by a define: products of floats; HALVES, for which weights and activations are rounded
// to 16 bits; and DOTS of whole numbers, for which activations were rounded to 8 bits (ops/linear/round_rows.glsl). Sums are
// floats in all of them, or exact. Each says
//   kTileRows, kTileOutputs              how large the tile is
//   kRowsEach, kOutputsEach              and what an invocation has of it
//   row_in_tile(i), output_in_tile(j)    which those are
//   multiply_tile(x, scales, n, aligned) leaves the products in sum[kOutputsEach * i + j]
#if defined(DOTS)
#include "backend/vulkan/tiles_of_dots.glsl"
#elif defined(HALVES)
#include "backend/vulkan/tiles_of_halves.glsl"
#else
#include "backend/vulkan/tiles_of_floats.glsl"
#endif
