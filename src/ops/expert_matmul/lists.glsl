// One group: which choices of the tokens that need not be exact are whose, cut into tiles of at most a.tile.
const uint kMostExperts = 1024;
shared uint place[kMostExperts];

layout(push_constant, scalar) uniform Arguments {
  I32 experts;
  U32 tiles;  // how many, then three of each: expert, first place of the list, places
  U32 list;
  StepRows rows;
  uint n_tokens, top_k, n_experts, experts_stride, tile;
} a;

uint expert_of(uint choice) { return uint(a.experts.v[choice / a.top_k * a.experts_stride + choice % a.top_k]); }

void main() {
  const uint me = gl_LocalInvocationID.x, size = gl_WorkGroupSize.x;
  const uint begin = exact_of(a.rows, a.n_tokens) * a.top_k, end = live_of(a.rows, a.n_tokens) * a.top_k;
  for (uint e = me; e < a.n_experts; e += size) place[e] = 0;
  barrier();
  for (uint c = begin + me; c < end; c += size) {
    const uint e = expert_of(c);
    if (e < a.n_experts) atomicAdd(place[e], 1);
  }
  barrier();
  if (me == 0) {
    uint at = 0, n_tiles = 0;
    for (uint e = 0; e < a.n_experts; ++e) {
      const uint n = place[e];
      place[e] = at;
      for (uint i = 0; i < n; i += a.tile, ++n_tiles) {
        a.tiles.v[1 + 3 * n_tiles] = e;
        a.tiles.v[2 + 3 * n_tiles] = at + i;
        a.tiles.v[3 + 3 * n_tiles] = min(a.tile, n - i);
      }
      at += n;
    }
    a.tiles.v[0] = n_tiles;
  }
  barrier();
  // The order within an expert is anybody's: no choice sees another.
  for (uint c = begin + me; c < end; c += size) {
    const uint e = expert_of(c);
    if (e < a.n_experts) a.list.v[atomicAdd(place[e], 1)] = c;
  }
}
