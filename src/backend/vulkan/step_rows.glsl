// How many rows of a step are in use (StepRows of backend/api/kernel.h), which only a run knows.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer StepRows {
  uint live, live_high, exact, exact_high, step, step_high;
};

// Numbers that do not fit are larger than any count of rows.
uint rows_number(uint low, uint high) { return high != 0 ? 0xFFFFFFFFu : low; }

uint live_of(StepRows s, uint n) {
  const uint live = rows_number(s.live, s.live_high);
  return n < live || n > rows_number(s.step, s.step_high) ? n : live;
}

const uint kExactRows = 64;

uint exact_of(StepRows s, uint n) {
  const uint live = rows_number(s.live, s.live_high), exact = rows_number(s.exact, s.exact_high);
  const uint step = rows_number(s.step, s.step_high);
  if (n > step) return exact < live ? 0 : n;
  if (n < step && s.step_high == 0 && n <= kExactRows) return live_of(s, n);
  return min(live_of(s, n), exact);
}
