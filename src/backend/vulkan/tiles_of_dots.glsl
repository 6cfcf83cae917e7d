// See product_tiles.glsl. Two blocks of 32 weights at a time; the products of a block are summed exactly, as whole
// numbers.
#include "backend/vulkan/tiles_of_four.glsl"
#include "backend/vulkan/weight_codes.glsl"

spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6019, 6018], id = 4450)
int signed_dot(uint a, uint b, spirv_literal int format);  // OpSDot of packed bytes

const uint kStep = 2;  // blocks
// Word k of output i, counted through the blocks, at k * kTileOutputs + i; facts of block b of it at
// b * kTileOutputs + i. So of rows.
shared uint tile_w[8 * kStep * kTileOutputs], tile_x[8 * kStep * kTileRows];
shared float tile_x_scale[kStep * kTileRows], tile_x_sum[kStep * kTileRows];  // sum: of the rounded activations
shared float tile_scale[kStep * kTileOutputs];
#ifdef CODES_HALVES
shared float tile_second[kStep * kTileOutputs];  // scale of the second 16
#endif
#ifdef CODES_LEAST
shared float tile_least[kStep * kTileOutputs];
#endif

// Block `first` + at / kTileOutputs of output at % kTileOutputs. Behind the end of the rows are zeros.
void fetch_weights(uint at, uint first, uint n) {
  const uint i = at % kTileOutputs, b = at / kTileOutputs;
  uint codes[8];
  vec2 scale = vec2(0);
  float least = 0;
  WeightRow output_row = tile_output(i);
  if (32 * (first + b) < n)
    weight_codes(output_row.w, output_row.row, first + b, n, codes, scale, least);
  else
    [[unroll]] for (uint k = 0; k < 8; ++k) codes[k] = 0;
  [[unroll]] for (uint k = 0; k < 8; ++k) tile_w[(8 * b + k) * kTileOutputs + i] = codes[k];
  tile_scale[at] = scale.x;
#ifdef CODES_HALVES
  tile_second[at] = scale.y;
#endif
#ifdef CODES_LEAST
  tile_least[at] = least;
#endif
}

void fetch_activations(F32 codes, F32 scales, uint at, uint first, uint n) {
  const uint i = at % kTileRows, b = at / kTileRows;
  uvec4 low = uvec4(0), high = uvec4(0);
  float scale = 0, total = 0;
  if (32 * (first + b) < n) {
    const uint block = tile_row(i) * (n / 32) + first + b;
    low = U32x4(codes).v[2 * block];
    high = U32x4(codes).v[2 * block + 1];
    scale = scales.v[2 * block];
    total = scales.v[2 * block + 1];
  }
  [[unroll]] for (uint k = 0; k < 8; ++k) tile_x[(8 * b + k) * kTileRows + i] = k < 4 ? low[k] : high[k - 4];
  tile_x_scale[at] = scale;
  tile_x_sum[at] = total;
}

void multiply_tile(F32 codes, F32 scales, uint n, bool aligned) {
  const uint me = gl_LocalInvocationID.x;
  [[unroll]] for (uint i = 0; i < kRowsEach * kOutputsEach; ++i) sum[i] = 0;
  for (uint b = 0; 32 * b < n; b += kStep) {
    for (uint at = me; at < kStep * kTileOutputs; at += gl_WorkGroupSize.x) fetch_weights(at, b, n);
    for (uint at = me; at < kStep * kTileRows; at += gl_WorkGroupSize.x) fetch_activations(codes, scales, at, b, n);
    barrier();
#ifdef CODES_HALVES
    const uint kParts = 2;
#else
    const uint kParts = 1;
#endif
    for (uint part = 0; part < kStep * kParts; ++part) {
      int whole[kRowsEach * kOutputsEach];
      [[unroll]] for (uint i = 0; i < kRowsEach * kOutputsEach; ++i) whole[i] = 0;
      const uint words = 8 / kParts;
      for (uint k = part * words; k < (part + 1) * words; ++k) {
        uint w[kOutputsEach], x[kRowsEach];
        [[unroll]] for (uint j = 0; j < kOutputsEach; ++j) w[j] = tile_w[k * kTileOutputs + output_in_tile(j)];
        [[unroll]] for (uint i = 0; i < kRowsEach; ++i) x[i] = tile_x[k * kTileRows + row_in_tile(i)];
        [[unroll]] for (uint i = 0; i < kRowsEach; ++i)
          [[unroll]] for (uint j = 0; j < kOutputsEach; ++j) whole[kOutputsEach * i + j] += signed_dot(w[j], x[i], 0);
      }
      const uint block = part / kParts;
      float scale[kOutputsEach], least[kOutputsEach];
      [[unroll]] for (uint j = 0; j < kOutputsEach; ++j) {
        const uint at = block * kTileOutputs + output_in_tile(j);
        scale[j] = tile_scale[at];
#ifdef CODES_HALVES
        if (part % 2 != 0) scale[j] = tile_second[at];
#endif
#ifdef CODES_LEAST
        least[j] = tile_least[at];
#endif
      }
      [[unroll]] for (uint i = 0; i < kRowsEach; ++i) {
        const float x_scale = tile_x_scale[block * kTileRows + row_in_tile(i)];
#ifdef CODES_LEAST
        const float x_sum = tile_x_sum[block * kTileRows + row_in_tile(i)];
#endif
        [[unroll]] for (uint j = 0; j < kOutputsEach; ++j) {
          const uint at = kOutputsEach * i + j;
          sum[at] = fma(float(whole[at]) * scale[j], x_scale, sum[at]);
#ifdef CODES_LEAST
          sum[at] = fma(-least[j], x_sum, sum[at]);
#endif
        }
      }
    }
    barrier();
  }
}
