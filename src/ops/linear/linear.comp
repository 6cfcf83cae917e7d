// Products of activations with weights of one type, which WEIGHT_<type> chooses.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/products.glsl"
#include "backend/vulkan/step_rows.glsl"

// One or several matrices with the same activations; their outputs lie side by side.
const uint kMostWeights = 4;

layout(push_constant, scalar) uniform Arguments {
  F32 x, y, residual;
  StepRows rows;
  Weights w[kMostWeights];
  uint end[kMostWeights];  // outputs of the matrices up to this one
  uint n_in, n_rows;
  uint x_stride, y_stride, residual_stride;  // elements
} a;

uint n_outputs() { return a.end[kMostWeights - 1]; }

// The weights of piece p for output o.
void output_piece(uint o, uint p, out vec4 q[8]) {
  Weights w = a.w[0];
  uint from = 0;
  [[unroll]] for (uint i = 1; i < kMostWeights; ++i)
    if (o >= a.end[i - 1]) {
      w = a.w[i];
      from = a.end[i - 1];
    }
  weight_piece(w, o - from, p, a.n_in, q);
}

#ifdef TILES
#include "ops/linear/tiles.glsl"
#else
#include "ops/linear/rows.glsl"
#endif
