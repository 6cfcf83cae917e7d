// softmax(scale q K^T) V * sigmoid(gate) of the rows of a step, whose K and V are in the cache already.
//
// Positions are taken in tiles of kTile, and tile t belongs to part t % kParts of a row's sums. A part goes through its
// tiles in rising order with a running maximum (Milakov and Gimelshein, "Online normalizer calculation for softmax",
// arXiv 1805.02867); then the parts are joined, in rising order as well. So what a row's sums look like depends on
// positions only: neither on who computes which part, nor on the rows that share the step.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step.glsl"

layout(constant_id = 1) const uint kHeadDim = 256;
layout(constant_id = 2) const uint kParts = 16;
layout(constant_id = 3) const bool kGated = true;

layout(push_constant, scalar) uniform Arguments {
  F32 q, gate, y;
  F32 part;    // [row, head, part, kHeadDim]: sums of a part, of the rows of this dispatch
  F32 totals;  // [row, head, part, 2]: their maximum and sum of weights
  Step step;
  KvCache kv;
  uint q0, q1, gate0, gate1;  // elements from row to row, and from head to head; y is dense
  uint n_heads, first_row, n_rows;  // rows: of this dispatch
  float scale;  // of scores to the base 2
} a;

const uint kTile = 32;
const float kLeast = -1e30;  // the maximum of nothing

// Sums of two parts, whose maxima are .x and whose weights sum to .y, are joined with these factors.
vec2 join_factors(float most, float other) {
  const float highest = max(most, other);
  return vec2(exp2(most - highest), exp2(other - highest));
}

float finished(float sum, float weights, uint row, uint head, uint i) {
  float value = sum / weights;
  if (kGated) value /= 1.0 + exp(-a.gate.v[row * a.gate0 + head * a.gate1 + i]);
  return value;
}

#ifdef COMBINE
#include "ops/attention/combine.glsl"
#else
#include "ops/attention/tiles.glsl"
#endif
