// A group for the queries of neighbouring rows of a sequence in heads that share a KV head, and for one part of their sums
// or (kDirect) all of them. K and V are read once for all queries of the group.
//
// Scores: a quad of invocations has two keys of a tile and some queries, and each invocation of it every fourth piece of
// the head. Weights: a quad has a query. Values: an invocation has four columns of V and some queries. That neighbours in a
// group of one dimension are neighbours in a subgroup is what drivers do, though Vulkan does not promise it.
#extension GL_KHR_shader_subgroup_quad : require
#include "backend/vulkan/kv.glsl"

layout(constant_id = 4) const uint kKType = 1;
layout(constant_id = 5) const uint kVType = 1;
layout(constant_id = 6) const bool kWide = false;     // see kv_four()
layout(constant_id = 7) const uint kPageTokens = 64;  // of the cache
layout(constant_id = 8) const uint kQueries = 8;      // of a group, a power of 2 from 4 on
layout(constant_id = 9) const uint kHeads = 8;        // of a group
layout(constant_id = 10) const bool kDirect = false;

const uint kKeyStep = 16;
// Invocations in sets of 64, each for kEach queries.
const uint kSet = 64, kEach = kQueries < 8 ? kQueries : 8, kSets = kQueries / kEach;
const uint kGroupSize = kSet * kSets;
const uint kRows = kQueries / kHeads;
const uint kPieces = (kHeadDim + 7) / 8, kFours = 2 * kPieces;
const uint kPiecesAhead = kPieces < 8 ? 1 : kPieces < 16 || kQueries > 8 ? 2 : 4;  // pieces of a key that are read together
const uint kColumns = (kHeadDim + 3) / 4;
// Invocations side by side in a row of V, and how many rows of such there are; fours of columns of each, its queries.
const uint kAcross = kColumns > 32 ? 64 : kColumns > 16 ? 32 : kColumns > 8 ? 16 : kColumns > 4 ? 8 : 4;
const uint kFoursEach = (kColumns + kAcross - 1) / kAcross;
const uint kDown = kGroupSize / kAcross;
const uint kValueQueries = kQueries > kDown ? kQueries / kDown : 1;
const uint kSums = kFoursEach * kValueQueries;
const uint kAhead = kQueries <= 8 ? 16 : 8;  // rows of V that are read together
const uint kScores = kTile + 4;  // so that quads find their scores in different banks

shared vec4 query[kQueries * kFours];
shared float score[kQueries * kScores];
shared vec4 weight[kTile * kQueries / 4];
shared float shrink[kQueries], weights[kQueries];
shared vec2 factor[kQueries];

uint me;
Segment s;
uint kv_head, row, n_rows, head, n_heads;
uint first_seen, n_seen;  // positions that the first row sees, and the last one

// Of a part: sums of this invocation's queries and columns, and of the query of its quad the maximum and the sum of
// weights.
vec4 sums[kSums];
vec2 so_far;

uint seen_by(uint i) {
  const uint r = i / kHeads;
  return r < n_rows && i % kHeads < n_heads ? first_seen + r : 0;
}
bool set_is_idle(uint i) { return i / kHeads >= n_rows; }

void read_queries() {
  for (uint i = me; i < kQueries * kFours; i += kGroupSize) {
    const uint which = i / kFours, e = i % kFours * 4;
    const bool used = seen_by(which) != 0;
    const uint at = (row + which / kHeads) * a.q0 + (head + which % kHeads) * a.q1 + e;
    [[unroll]] for (uint j = 0; j < 4; ++j) query[i][j] = used && e + j < kHeadDim ? a.q.v[at + j] * a.scale : 0.0;
  }
}

// What a tile from `first` on has, positions behind the last one replaced by it.
uint tile_position(uint first, uint key) { return min(first + key, n_seen - 1); }
U8 tile_page(U8 page, uint position) {
  return kPageTokens % kTile == 0 ? page : kv_page(a.step, s, a.kv, position);
}

void make_scores(U8 page, uint first) {
  const uint lane = me % 4, slot = me % kSet / 4, from = me / kSet * kEach;
  if (set_is_idle(from)) return;
  const uint p0 = tile_position(first, slot), p1 = tile_position(first, slot + kKeyStep);
  U8 page0 = tile_page(page, p0), page1 = tile_page(page, p1);
  const uint place0 = k_place(a.kv, kv_head, p0), place1 = k_place(a.kv, kv_head, p1);
  float dots[2 * kEach];
  [[unroll]] for (uint i = 0; i < 2 * kEach; ++i) dots[i] = 0;
  for (uint begin = lane; begin < kPieces; begin += 4 * kPiecesAhead) {
    vec4 k[4 * kPiecesAhead];
    [[unroll]] for (uint p = 0; p < kPiecesAhead; ++p) {
      const uint e = 8 * min(begin + 4 * p, kPieces - 1);
      kv_eight(page0, kKType, place0, e, kHeadDim, kWide, k[4 * p], k[4 * p + 1]);
      kv_eight(page1, kKType, place1, e, kHeadDim, kWide, k[4 * p + 2], k[4 * p + 3]);
    }
    [[unroll]] for (uint p = 0; p < kPiecesAhead; ++p) {
      const uint piece = begin + 4 * p;
      if (kPieces % (4 * kPiecesAhead) != 0 && piece >= kPieces) break;
      [[unroll]] for (uint i = 0; i < kEach; ++i) {
        const uint at = (from + i) * kFours + 2 * piece;
        [[unroll]] for (uint half_piece = 0; half_piece < 2; ++half_piece) {
          const vec4 q = query[at + half_piece], k0 = k[4 * p + half_piece], k1 = k[4 * p + 2 + half_piece];
          [[unroll]] for (uint j = 0; j < 4; ++j) {
            dots[2 * i] = fma(q[j], k0[j], dots[2 * i]);
            dots[2 * i + 1] = fma(q[j], k1[j], dots[2 * i + 1]);
          }
        }
      }
    }
  }
  [[unroll]] for (uint i = 0; i < 2 * kEach; ++i) {
    float x = dots[i];
    x += subgroupQuadSwapHorizontal(x);
    x += subgroupQuadSwapVertical(x);
    if (lane == i % 4) score[(from + i / 2) * kScores + slot + i % 2 * kKeyStep] = x;
  }
}

void make_weights(uint first) {
  const uint i = me / 4, lane = me % 4;
  if (i >= kQueries) return;
  const uint seen = seen_by(i);
  float x[kTile / 4], highest = so_far.x, sum = 0;
  [[unroll]] for (uint j = 0; j < kTile / 4; ++j) {
    const uint key = lane + 4 * j;
    x[j] = first + key < seen ? score[i * kScores + key] : uintBitsToFloat(0xff800000u);
    highest = max(highest, x[j]);
  }
  highest = max(highest, subgroupQuadSwapHorizontal(highest));
  highest = max(highest, subgroupQuadSwapVertical(highest));
  [[unroll]] for (uint j = 0; j < kTile / 4; ++j) {
    x[j] = exp2(x[j] - highest);
    sum += x[j];
    weight[((lane + 4 * j) * kQueries + i) / 4][i % 4] = x[j];
  }
  sum += subgroupQuadSwapHorizontal(sum);
  sum += subgroupQuadSwapVertical(sum);
  const float smaller = exp2(so_far.x - highest);
  if (lane == 0) shrink[i] = smaller;
  so_far = vec2(highest, fma(so_far.y, smaller, sum));
}

void add_values(U8 page, uint first) {
  const uint across = me % kAcross, from = me / kAcross * kValueQueries;
  if (from >= kQueries || set_is_idle(from) || across >= kColumns) return;
  [[unroll]] for (uint i = 0; i < kValueQueries; ++i)
    [[unroll]] for (uint c = 0; c < kFoursEach; ++c) sums[i * kFoursEach + c] *= shrink[from + i];
  const uint n = min(kTile, n_seen - first);
  for (uint key = 0; key < n; key += kAhead)
    [[unroll]] for (uint c = 0; c < kFoursEach; ++c) {
      const uint column = 4 * min(across + c * kAcross, kColumns - 1);
      vec4 v[kAhead];
      [[unroll]] for (uint k = 0; k < kAhead; ++k) {
        const uint position = tile_position(first, key + k);
        v[k] = kv_four(tile_page(page, position), kVType, v_place(a.kv, kv_head, position), column, kHeadDim, kWide);
      }
      [[unroll]] for (uint k = 0; k < kAhead; ++k)
        [[unroll]] for (uint i = 0; i < kValueQueries; ++i) {
          // Fours of queries are one read.
          const uint which = from + (kValueQueries < 4 ? i : i / 4 * 4);
          const vec4 four = weight[((key + k) * kQueries + which) / 4];
          const float w = kValueQueries < 4 ? four[which % 4] : four[i % 4];
          sums[i * kFoursEach + c] = fma(vec4(w), v[k], sums[i * kFoursEach + c]);
        }
    }
}

// The sums of a part of all queries of the group.
void make_part(uint part) {
  so_far = vec2(kLeast, 0);
  [[unroll]] for (uint i = 0; i < kSums; ++i) sums[i] = vec4(0);
  for (uint first = part * kTile; first < n_seen; first += kParts * kTile) {
    U8 page = kv_page(a.step, s, a.kv, first);
    make_scores(page, first);
    barrier();
    make_weights(first);
    barrier();
    add_values(page, first);
  }
}

// Finds the rows of tile t: those of a segment between two multiples of kRows.
bool find_tile(uint t) {
  const uint end_row = min(a.first_row + a.n_rows, a.step.n_rows);
  for (uint i = 0; i < a.step.n_segments; ++i) {
    s = segment_at(a.step, i);
    const uint begin = max(s.first_row, a.first_row), end = min(s.first_row + s.n_rows, end_row);
    if (begin >= end) continue;
    const uint first = begin / kRows, n = (end - 1) / kRows - first + 1;
    if (t < n) {
      row = max(begin, (first + t) * kRows);
      n_rows = min((first + t + 1) * kRows, end) - row;
      first_seen = s.n_past + row - s.first_row + 1;
      n_seen = first_seen + n_rows - 1;
      return true;
    }
    t -= n;
  }
  return false;
}

void attend(uint part) {
  if (part * kTile >= n_seen) return;
  read_queries();
  barrier();
  const uint across = me % kAcross, from = me / kAcross * kValueQueries, quad = me / 4;
  vec4 all[kSums];
  vec2 all_so_far = vec2(kLeast, 0);
  [[unroll]] for (uint i = 0; i < kSums; ++i) all[i] = vec4(0);
  for (uint p = part;;) {
    make_part(p);
    if (!kDirect) break;
    const vec2 f = join_factors(all_so_far.x, so_far.x);
    all_so_far = vec2(max(all_so_far.x, so_far.x), fma(so_far.y, f.y, all_so_far.y * f.x));
    if (quad < kQueries && me % 4 == 0) {
      factor[quad] = f;
      weights[quad] = all_so_far.y;
    }
    barrier();
    if (from < kQueries)
      [[unroll]] for (uint i = 0; i < kValueQueries; ++i) {
        const vec2 both = factor[from + i];
        [[unroll]] for (uint c = 0; c < kFoursEach; ++c)
          all[i * kFoursEach + c] = fma(sums[i * kFoursEach + c], vec4(both.y), all[i * kFoursEach + c] * both.x);
      }
    if (++p == kParts || p * kTile >= n_seen) break;
  }

  if (!kDirect && quad < kQueries && seen_by(quad) != 0 && me % 4 < 2) {
    const uint at = ((row - a.first_row + quad / kHeads) * a.n_heads + head + quad % kHeads) * kParts + part;
    a.totals.v[2 * at + me % 4] = me % 4 == 0 ? so_far.x : so_far.y;
  }
  if (from >= kQueries) return;
  [[unroll]] for (uint i = 0; i < kValueQueries; ++i) {
    if (seen_by(from + i) == 0) continue;
    const uint r = row + (from + i) / kHeads, h = head + (from + i) % kHeads;
    [[unroll]] for (uint c = 0; c < kFoursEach; ++c)
      [[unroll]] for (uint j = 0; j < 4; ++j) {
        const uint e = 4 * (across + c * kAcross) + j, at = i * kFoursEach + c;
        if (e >= kHeadDim) continue;
        if (kDirect)
          a.y.v[(r * a.n_heads + h) * kHeadDim + e] = finished(all[at][j], weights[from + i], r, h, e);
        else
          a.part.v[(((r - a.first_row) * a.n_heads + h) * kParts + part) * kHeadDim + e] = sums[at][j];
      }
  }
}

void main() {
  me = gl_LocalInvocationID.x;
  const uint share = a.n_heads / a.kv.n_kv_heads, of_share = (share + kHeads - 1) / kHeads;
  const uint begin = gl_WorkGroupID.y % of_share * kHeads;
  kv_head = gl_WorkGroupID.y / of_share;
  head = kv_head * share + begin;
  n_heads = min(kHeads, share - begin);
  // A step of many sequences has more tiles than groups.
  for (uint t = gl_WorkGroupID.z; find_tile(t); t += gl_NumWorkGroups.z) attend(kDirect ? 0 : gl_WorkGroupID.x);
}
