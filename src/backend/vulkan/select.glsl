// The columns of a row in falling order of value, equal values in rising order of column.

uint group_least(uint x) {
  x = subgroupMin(x);
  if (gl_NumSubgroups == 1) return x;
  barrier();
  if (subgroupElect()) kit_part[gl_SubgroupID] = uintBitsToFloat(x);
  barrier();
  uint least = floatBitsToUint(kit_part[0]);
  for (uint i = 1; i < gl_NumSubgroups; ++i) least = min(least, floatBitsToUint(kit_part[i]));
  return least;
}

struct Place {
  float value;
  int column;  // -1: before all others
};

Place before_all() { return Place(uintBitsToFloat(0x7F800000u), -1); }

// The place behind `last` in the row of n > 0 values at x; all invocations of the group get it. There must be one, and
// no value that is not a number.
Place next_place(F32 row, uint x, uint n, Place last) {
  Place best = Place(uintBitsToFloat(0xFF800000u), 0x7FFFFFFF);
  for (uint i = gl_LocalInvocationID.x; i < n; i += gl_WorkGroupSize.x) {
    const float value = row.v[x + i];
    const bool behind = value < last.value || (value == last.value && int(i) > last.column);
    if (behind && (value > best.value || best.column == 0x7FFFFFFF)) best = Place(value, int(i));
  }
  const float value = group_max(best.value);
  return Place(value, int(group_least(best.value == value ? uint(best.column) : 0x7FFFFFFFu)));
}

bool row_has_nan(F32 row, uint x, uint n) {
  float found = 0;
  for (uint i = gl_LocalInvocationID.x; i < n; i += gl_WorkGroupSize.x) found = is_nan(row.v[x + i]) ? 1.0 : found;
  return group_max(found) != 0.0;
}
