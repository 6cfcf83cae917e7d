// Joins the parts of a row and head: a group for so many columns as it has invocations.
shared vec2 total[kParts], factor[kParts];

void main() {
  const uint me = gl_LocalInvocationID.x, i = gl_WorkGroupID.x * gl_WorkGroupSize.x + me;
  const uint head = gl_WorkGroupID.y, row = a.first_row + gl_WorkGroupID.z;
  if (row >= a.step.n_rows) return;
  Segment s = segment_of(a.step, row);
  const uint n_seen = s.n_past + row - s.first_row + 1, n = min(kParts, (n_seen + kTile - 1) / kTile);
  const uint parts = (gl_WorkGroupID.z * a.n_heads + head) * kParts;
  for (uint p = me; p < n; p += gl_WorkGroupSize.x)
    total[p] = vec2(a.totals.v[2 * (parts + p)], a.totals.v[2 * (parts + p) + 1]);
  barrier();
  for (uint p = me; p < n; p += gl_WorkGroupSize.x) {
    float most = kLeast;
    for (uint before = 0; before < p; ++before) most = max(most, total[before].x);
    factor[p] = join_factors(most, total[p].x);
  }
  barrier();
  if (i >= kHeadDim) return;

  const uint kAhead = 8;
  float sum = 0, weights = 0;
  for (uint first = 0; first < n; first += kAhead) {
    float x[kAhead];
    [[unroll]] for (uint p = 0; p < kAhead; ++p) x[p] = a.part.v[(parts + min(first + p, n - 1)) * kHeadDim + i];
    [[unroll]] for (uint p = 0; p < kAhead; ++p) {
      if (first + p >= n) break;
      const vec2 f = factor[first + p];
      weights = fma(total[first + p].y, f.y, weights * f.x);
      sum = fma(x[p], f.y, sum * f.x);
    }
  }
  a.y.v[(row * a.n_heads + head) * kHeadDim + i] = finished(sum, weights, row, head, i);
}
