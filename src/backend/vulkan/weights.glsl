// Weights of one type, chosen by a define WEIGHT_<type>; what the bytes mean is said by tensor/blocks.h and the codec.
//
// A row is read in pieces of 32 weights, each by one invocation: four runs of eight neighbours, picked so that the
// codes of a piece lie together in its block. A type says here
//   kBlock, Block          elements and layout of a block; rows are whole blocks
//   run_start(p, run)      which element of the row run 0..3 of piece p begins with
//   weight_piece(...)      the weights of a piece, two vec4 for each run
// and may have tables, which weights_begin() puts into shared memory. Matrices lie at multiples of 4 bytes, their rows
// one behind the other. Sums of products are written as fma(), so that compilers have no choice that could differ from
// shader to shader.

// Weights may be read four words at a time: of types whose blocks are whole words they lie at multiples of 16 bytes, of
// other blocks the rows are in planes (weight_planes.glsl), and rows of numbers also end behind a whole run.
layout(constant_id = 11) const bool kWideWeights = false;
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer U32x4 { uvec4 v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer F32x4 { vec4 v[]; };

vec4 bytes_of(uint word) { return vec4(word & 255u, word >> 8 & 255u, word >> 16 & 255u, word >> 24); }
vec4 signed_bytes_of(uint word) {
  return vec4(int(word << 24) >> 24, int(word << 16) >> 24, int(word << 8) >> 24, int(word) >> 24);
}
const uint kLowNibbles = 0x0F0F0F0Fu, kTwoBits = 0x03030303u, kOneBit = 0x01010101u;

float half_of(uint bits) { return unpackHalf2x16(bits).x; }
float half_of(uint16_t bits) { return half_of(uint(bits)); }
uint word_of(uint16_t low, uint16_t high) { return uint(low) | uint(high) << 16; }
// The four lowest bits, one per byte, as bit 4 of it.
uint fifth_bits(uint bits) {
  return (bits & 1u) << 4 | (bits & 2u) << 11 | (bits & 4u) << 18 | (bits & 8u) << 25;
}

#if defined(WEIGHT_F32) || defined(WEIGHT_F16) || defined(WEIGHT_BF16)
#include "backend/vulkan/weights_plain.glsl"
#elif defined(WEIGHT_Q4_0) || defined(WEIGHT_Q4_1) || defined(WEIGHT_Q5_0) || defined(WEIGHT_Q5_1) || defined(WEIGHT_Q8_0)
#include "backend/vulkan/weights_legacy.glsl"
#elif defined(WEIGHT_Q2_K) || defined(WEIGHT_Q3_K) || defined(WEIGHT_Q4_K) || defined(WEIGHT_Q5_K) || defined(WEIGHT_Q6_K)
#include "backend/vulkan/weights_k.glsl"
#elif defined(WEIGHT_IQ4_NL) || defined(WEIGHT_IQ4_XS) || defined(WEIGHT_MXFP4) || defined(WEIGHT_NVFP4)
#include "backend/vulkan/weights_table.glsl"
#elif defined(WEIGHT_TQ1_0) || defined(WEIGHT_TQ2_0) || defined(WEIGHT_Q1_0) || defined(WEIGHT_Q2_0)
#include "backend/vulkan/weights_ternary.glsl"
#else
#include "backend/vulkan/weights_grid.glsl"
#endif

#ifndef WEIGHTS_PLAIN
const uint kBlockPieces = kBlock / 32;

// Pieces of a row of n elements.
uint pieces_of(uint n) { return n / 32; }
// Whether a row of n has the element.
bool in_row(uint element, uint n) { return true; }
#endif
