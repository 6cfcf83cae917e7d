// A recurrent state of a layer: base and ring of a segment (backend/api/state_view.h). Needs step.glsl.
struct RecurrentState {
  uint base_offset, ring_offset, entry_floats;  // all in floats
};

uint entry_place(Step step, RecurrentState state, uint position) {
  return state.ring_offset + position % step.ring_entries * state.entry_floats;
}

// Rows that a group takes together: a block of a segment's. Host side: segment_blocks().
const uint kBlock = 8;

// Group i of those that each take a block of rows: of which segment, and its first row there. False: there are not so
// many.
bool block_of(Step step, uint i, out Segment s, out uint first) {
  for (uint g = 0; g < step.n_segments; ++g) {
    const uint blocks = max(1, (step.words[16 * g + 9] + kBlock - 1) / kBlock);
    if (i < blocks) {
      s = segment_at(step, g);
      first = i * kBlock;
      return true;
    }
    i -= blocks;
  }
  return false;
}
