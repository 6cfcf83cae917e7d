// Products of activations with weights of one type, which WEIGHT_<type> chooses.
#version 460
#extension GL_GOOGLE_include_directive : require
#ifdef DOTS
#extension GL_EXT_spirv_intrinsics : require
#endif
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step_rows.glsl"

#ifdef ROUND
#include "ops/linear/round_rows.glsl"
#elif defined(HALVE)
#include "ops/linear/halve_rows.glsl"
#else
#include "backend/vulkan/products.glsl"

// One or several matrices with the same activations; their outputs lie side by side.
const uint kMostWeights = 4;

layout(push_constant, scalar) uniform Arguments {
  F32 x, y, residual;
  StepRows rows;
  Weights w[kMostWeights];
  uint end[kMostWeights];  // outputs of the matrices up to this one
  uint n_in, n_rows;
  uint x_stride, y_stride, residual_stride;  // elements; 0: there is no residual
  // Of a shared expert: x is silu(x) * up (kSwiglu), and the products get a gate per row (gate_stride 0: none). Of
  // rounded rows x are their codes, x_stride is 1, and up are their scales.
  uint up_stride;
  F32 up, gate;
  uint gate_stride;
  uint all_rows;  // 0: only those that must be exact
} a;

float silu(float x) { return x / (1 + exp(-x)); }
// What becomes of a product; these are no constants of pipelines, of which there are enough.
float finished(float product, uint row, uint o) {
  precise float y = product;
  if (a.gate_stride != 0) y = y / (1 + exp(-a.gate.v[row * a.gate_stride]));
  if (a.residual_stride != 0) y += a.residual.v[row * a.residual_stride + o];
  return y;
}

uint n_outputs() { return a.end[kMostWeights - 1]; }

// The matrix that output o belongs to; o becomes its row there.
Weights matrix_of(inout uint o) {
  Weights w = a.w[0];
  uint from = 0;
  [[unroll]] for (uint i = 1; i < kMostWeights; ++i)
    if (o >= a.end[i - 1]) {
      w = a.w[i];
      from = a.end[i - 1];
    }
  o -= from;
  return w;
}

#if defined(TILES)
#include "ops/linear/tiles.glsl"
#elif defined(UNPACK)
#include "ops/linear/unpack.glsl"
#else
#include "ops/linear/rows.glsl"
#endif
#endif
