// Products of many rows with cooperative matrices: a group per tile of rows and outputs, a quarter of it per subgroup.
// Both factors are halves that were written before (halve_rows.glsl, unpack.glsl): rows of n_in of them, as many rows as
// whole tiles have; what is in rows behind the last is anything. Sums are floats. Rows that must be exact are left to
// another kernel, and padding to nobody.
//
// Older compilers do not know these matrices: matrices.spv.s holds the code, and scripts/shader_text.sh writes it.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step_rows.glsl"

layout(constant_id = 1) const uint kTileRows = 64;
layout(constant_id = 2) const uint kTileOutputs = 64;
// The matrices of the device: kM x kK by kK x kN.
layout(constant_id = 3) const uint kM = 16;
layout(constant_id = 4) const uint kN = 16;
layout(constant_id = 5) const uint kK = 16;

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Halves { uvec4 v[]; };  // eight in each

layout(push_constant, scalar) uniform Arguments {
  Halves x, w;
  F32 y, residual;
  StepRows rows;
  uint n_in, n_rows, n_out;
  uint y_stride, residual_stride;  // elements; 0: there is no residual
} a;

// Subgroups of a group.
const uint kAcross = 2, kDown = 2;
const uint kRowsEach = kTileRows / kDown, kOutputsEach = kTileOutputs / kAcross;
const uint kDeep = kRowsEach / kM, kWide = kOutputsEach / kN;

// Of n_in at a time, in eights, and how many lie between rows of a tile: four rows do not share a bank.
const uint kStep = 4, kStride = kStep + 1;
shared uvec4 tile_x[kTileRows * kStride], tile_w[kTileOutputs * kStride];
shared float tile_y[kAcross * kDown * kM * kN];

void main() {
  const uint me = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x;
  const uint across = (a.n_out + kTileOutputs - 1) / kTileOutputs;
  const uint first_row = group_index() / across * kTileRows, first_output = group_index() % across * kTileOutputs;
  const uint exact = exact_of(a.rows, a.n_rows), live = live_of(a.rows, a.n_rows);
  if (first_row >= live || first_row + kTileRows <= exact) return;
  const uint row = gl_SubgroupID / kAcross * kRowsEach, o = gl_SubgroupID % kAcross * kOutputsEach;
  coopmat<float, gl_ScopeSubgroup, kM, kN, gl_MatrixUseAccumulator> sum[kDeep * kWide];
  [[unroll]] for (uint i = 0; i < kDeep * kWide; ++i)
    sum[i] = coopmat<float, gl_ScopeSubgroup, kM, kN, gl_MatrixUseAccumulator>(0.0);
  const uint eights = a.n_in / 8;
  for (uint k = 0; k < eights; k += kStep) {
    for (uint i = me; i < kTileRows * kStep; i += size)
      tile_x[i / kStep * kStride + i % kStep] = a.x.v[(first_row + i / kStep) * eights + k + i % kStep];
    for (uint i = me; i < kTileOutputs * kStep; i += size)
      tile_w[i / kStep * kStride + i % kStep] = a.w.v[(first_output + i / kStep) * eights + k + i % kStep];
    barrier();
    [[unroll]] for (uint j = 0; j < kStep; j += kK / 8) {
      coopmat<float16_t, gl_ScopeSubgroup, kM, kK, gl_MatrixUseA> x[kDeep];
      [[unroll]] for (uint r = 0; r < kDeep; ++r)
        coopMatLoad(x[r], tile_x, (row + r * kM) * kStride + j, kStride, gl_CooperativeMatrixLayoutRowMajor);
      [[unroll]] for (uint c = 0; c < kWide; ++c) {
        coopmat<float16_t, gl_ScopeSubgroup, kK, kN, gl_MatrixUseB> w;
        coopMatLoad(w, tile_w, (o + c * kN) * kStride + j, kStride, gl_CooperativeMatrixLayoutColumnMajor);
        [[unroll]] for (uint r = 0; r < kDeep; ++r)
          sum[r * kWide + c] = coopMatMulAdd(x[r], w, sum[r * kWide + c]);
      }
    }
    barrier();
  }
  // Which invocation has which element is the device's business: they go through shared memory.
  const uint mine = gl_SubgroupID * kM * kN;
  [[unroll]] for (uint i = 0; i < kDeep * kWide; ++i) {
    coopMatStore(sum[i], tile_y, mine, kN, gl_CooperativeMatrixLayoutRowMajor);
    barrier();
    for (uint e = gl_SubgroupInvocationID; e < kM * kN; e += gl_SubgroupSize) {
      const uint r = first_row + row + i / kWide * kM + e / kN, c = first_output + o + i % kWide * kN + e % kN;
      if (r < exact || r >= live || c >= a.n_out) continue;
      float y = tile_y[mine + e];
      if (a.residual_stride != 0) y += a.residual.v[r * a.residual_stride + c];
      a.y.v[r * a.y_stride + c] = y;
    }
    barrier();
  }
}
