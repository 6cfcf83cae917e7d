// Elements of several tensors at the same index, where each tensor has steps of its own. Host side: backend/api/axes.h.

const uint kMostAxes = 5;

// How many axes there are.
layout(constant_id = 1) const uint kAxes = 5;

// Innermost first. The length of the outermost is not needed.
struct Lengths {
  uint of[kMostAxes - 1];
};
struct Steps {
  uint along[kMostAxes];
};

// Where element i of the index space lies.
uint place(uint i, Lengths lengths, Steps steps) {
  if (kAxes == 0) return 0;
  uint at = 0;
  [[unroll]] for (uint axis = 0; axis + 1 < kAxes; ++axis) {
    at += i % lengths.of[axis] * steps.along[axis];
    i /= lengths.of[axis];
  }
  return at + i * steps.along[kAxes - 1];
}

// Elements for which one invocation of an elementwise shader is responsible: from first_element() on, every
// gl_WorkGroupSize.x-th.
const uint kEach = 4;
uint first_element() { return group_index() * gl_WorkGroupSize.x * kEach + gl_LocalInvocationID.x; }
