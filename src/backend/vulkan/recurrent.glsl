// A recurrent state of a layer: base and ring of a segment (backend/api/state_view.h). Needs step.glsl.
struct RecurrentState {
  uint base_offset, ring_offset, entry_floats;  // all in floats
};

uint entry_place(Step step, RecurrentState state, uint position) {
  return state.ring_offset + position % step.ring_entries * state.entry_floats;
}
