// What the shaders of the delta rule have in common. First delta_inputs.glsl prepares all rows at once; then a group
// per value head goes row by row (delta_rows.glsl), and of prompts chunk by chunk (delta_solve.glsl, delta_walk.glsl).
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step.glsl"
#include "backend/vulkan/recurrent.glsl"
#include "backend/vulkan/step_rows.glsl"

layout(constant_id = 1) const uint kS = 128;  // of keys and values
layout(constant_id = 2) const bool kTiled = true;

const uint kQuads = kS / 4;
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer F32x4 { vec4 v[]; };

// Rows of a chunk.
const uint kChunk = 32;

uint key_head_of(uint head, uint heads, uint key_heads) {
  return kTiled ? head % key_heads : head / (heads / key_heads);
}
// Value head m of a key head.
uint value_head_of(uint key_head, uint m, uint heads, uint key_heads) {
  return kTiled ? m * key_heads + key_head : key_head * (heads / key_heads) + m;
}

// Where things lie in what is prepared: q of a row, behind it k, both normalised; decay and beta.
uint keys_place(uint row, uint key_head, uint key_heads) { return (row * key_heads + key_head) * 2 * kS; }
uint gates_place(uint row, uint head, uint heads) { return (row * heads + head) * 2; }

// Where things lie in an entry of the ring: decays, keys, errors.
uint key_at(uint key_head, uint heads) { return heads + key_head * kS; }
uint error_at(uint head, uint heads, uint key_heads) { return heads + (key_heads + head) * kS; }

// How many rows of a segment, from its first, go in chunks: those whose effect is in the base that is stored, if they
// need not be exact and are not too few.
uint rows_in_chunks(Segment s, StepRows rows, uint n) {
  const uint after = base_after(s);
  const bool exact = n <= kExactRows || s.first_row < exact_of(rows, n);
  return exact || after == 0xffffffffu || after < kChunk ? 0 : after;
}
