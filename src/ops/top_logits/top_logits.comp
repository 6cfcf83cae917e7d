// The k likeliest of a row of logits in two dispatches. The first finds the greatest of every block of columns (BLOCKS);
// all of the k are in the k blocks with the greatest of these, so that the second, a group per row, looks at those only.
// Comparisons of whole numbers, no sums: exact in any order.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step_rows.glsl"

layout(push_constant, scalar) uniform Arguments {
  U32 x;       // bits of logits
  U32 blocks;  // of each row and block the greatest key
  U32 y;
  StepRows rows;
  uint x_row, n, n_blocks, k, n_rows;
} a;

const uint kBlock = 64;  // columns
const uint kGroupSize = 256;

// Rises with the logit; 0: no choice. Faults come first.
uint key_of(uint bits) {
  if (bits == 0xFF800000u) return 0;
  const uint size = bits & 0x7FFFFFFFu;
  if (size >= 0x7F800000u) return 0xFFFFFFFFu;
  return size != 0 && size != bits ? ~bits : size | 0x80000000u;
}

#ifdef BLOCKS

const uint kEach = 16;  // invocations for a block
shared uint part[kGroupSize];

void main() {
  const uint per_group = kGroupSize / kEach, per_row = (a.n_blocks + per_group - 1) / per_group;
  const uint row = group_index() / per_row, first = group_index() % per_row * per_group;
  if (row >= live_of(a.rows, a.n_rows)) return;
  const uint me = gl_LocalInvocationID.x, x = row * a.x_row, column = (first + me / kEach) * kBlock + me % kEach;
  uint most = 0;
  [[unroll]] for (uint j = 0; j < kBlock; j += kEach)
    if (column + j < a.n) most = max(most, key_of(a.x.v[x + column + j]));
  part[me] = most;
  barrier();
  if (me >= per_group || first + me >= a.n_blocks) return;
  for (uint j = 0; j < kEach; ++j) most = max(j == 0 ? 0 : most, part[me * kEach + j]);
  a.blocks.v[row * a.n_blocks + first + me] = most;
}

#else

const uint kBins = 256;
shared uint bins[kBins], sums[16];
shared uint n_found;
shared uint chosen[kGroupSize];  // blocks
shared uint found_key[kGroupSize], found_column[kGroupSize];

// What is ordered: blocks by their greatest keys, or columns of the chosen blocks. The second word puts the lower number
// first among equals, so that no two are equal.
uvec2 block_item(uint row, uint i) { return uvec2(a.blocks.v[row * a.n_blocks + i], ~i); }
uvec2 column_item(uint row, uint i, uint least) {
  const uint column = chosen[i / kBlock] * kBlock + i % kBlock;
  const uint key = column < a.n ? key_of(a.x.v[row * a.x_row + column]) : 0;
  return uvec2(key < least ? 0 : key, ~column);
}
uvec2 item(bool of_blocks, uint row, uint i, uint least) {
  return of_blocks ? block_item(row, i) : column_item(row, i, least);
}

bool is_among(uvec2 item, uvec2 last) {
  return item.x != 0 && (item.x > last.x || (item.x == last.x && item.y >= last.y));
}

// A bound that exactly the `wanted` first items reach, or all when there are fewer: digit by digit of 8 bits, by the
// counts of those that agree so far.
uvec2 bound(bool of_blocks, uint row, uint n_items, uint least, uint wanted) {
  const uint me = gl_LocalInvocationID.x;
  uvec2 last = uvec2(0), known = uvec2(0);
  for (uint digit = 0; digit < 8; ++digit) {
    const uint shift = 24 - digit % 4 * 8;
    bins[me] = 0;
    barrier();
    for (uint i = me; i < n_items; i += kGroupSize) {
      const uvec2 at = item(of_blocks, row, i, least);
      if (at.x != 0 && (at & known) == last) atomicAdd(bins[(digit < 4 ? at.x : at.y) >> shift & 255u], 1);
    }
    barrier();
    if (me < 16) {
      uint sum = 0;
      for (uint j = 0; j < 16; ++j) sum += bins[16 * me + j];
      sums[me] = sum;
    }
    barrier();
    uint left = wanted, place = 16;
    while (place > 0 && sums[place - 1] < left) left -= sums[--place];
    if (place == 0) {
      barrier();
      return uvec2(1, 0);  // fewer; that shows in the first digit
    }
    place = 16 * place - 1;
    while (bins[place] < left) left -= bins[place--];
    const bool all = bins[place] == left;
    const uvec2 value = digit < 4 ? uvec2(place << shift, 0) : uvec2(0, place << shift);
    last |= value;
    known |= digit < 4 ? uvec2(255u << shift, 0) : uvec2(0, 255u << shift);
    wanted = left;
    barrier();  // all have read the counts
    if (all) break;
  }
  return last;
}

void main() {
  const uint row = group_index();
  if (row >= live_of(a.rows, a.n_rows)) return;
  const uint me = gl_LocalInvocationID.x;
  if (me == 0) n_found = 0;
  const uvec2 last_block = bound(true, row, a.n_blocks, 0, a.k);
  for (uint i = me; i < a.n_blocks; i += kGroupSize)
    if (is_among(block_item(row, i), last_block)) chosen[atomicAdd(n_found, 1)] = i;
  barrier();
  const uint n_items = n_found * kBlock, least = last_block.x;
  barrier();
  if (me == 0) n_found = 0;
  const uvec2 last = bound(false, row, n_items, least, a.k);
  for (uint i = me; i < n_items; i += kGroupSize) {
    const uvec2 at = column_item(row, i, least);
    if (!is_among(at, last)) continue;
    const uint place = atomicAdd(n_found, 1);
    found_key[place] = at.x;
    found_column[place] = ~at.y;
  }
  barrier();
  if (me >= a.k) return;
  uint place = me, bits = 0xFF800000u, column = 0xFFFFFFFFu;
  if (me < n_found) {
    const uint key = found_key[me];
    column = found_column[me];
    bits = a.x.v[row * a.x_row + column];
    place = 0;
    for (uint j = 0; j < n_found; ++j)
      place += found_key[j] > key || (found_key[j] == key && found_column[j] < column) ? 1 : 0;
  }
  a.y.v[(row * a.k + place) * 2] = bits;
  a.y.v[(row * a.k + place) * 2 + 1] = column;
}

#endif
