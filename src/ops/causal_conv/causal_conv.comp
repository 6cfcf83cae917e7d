// Convolution over time and SiLU: an invocation per channel goes through the rows of a segment with the window in
// registers.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step.glsl"
#include "backend/vulkan/recurrent.glsl"

layout(constant_id = 1) const uint kTaps = 4;
const uint kPast = kTaps - 1;

layout(push_constant, scalar) uniform Arguments {
  F32 x, w, y;
  Step step;
  RecurrentState state;
  uint n_channels, x_step;  // floats from row to row of x
} a;

void main() {
  const uint c = gl_GlobalInvocationID.x, n = a.n_channels;
  if (c >= n) return;
  float w[kTaps], window[kTaps];  // the last place is for the row's own input
  for (uint i = 0; i < kTaps; ++i) w[i] = a.w.v[c * kTaps + i];
  for (uint g = gl_WorkGroupID.y; g < a.step.n_segments; g += gl_NumWorkGroups.y) {
    Segment s = segment_at(a.step, g);
    for (uint i = 0; i < kPast; ++i) {
      const int after_base = int(s.n_past + i) - int(kPast + s.base_at);  // of the input i places into the window
      if (after_base >= 0)
        window[i] = s.ring.v[entry_place(a.step, a.state, s.n_past + i - kPast) + c];
      else
        window[i] = s.base.v[a.state.base_offset + uint(int(kPast) + after_base) * n + c];
    }
    const uint base_at = base_after(s), in_base = rows_in_base(s);
    for (uint t = 0; t <= s.n_rows; ++t) {
      if (t == base_at)
        for (uint i = 0; i < kPast; ++i) s.next_base.v[a.state.base_offset + i * n + c] = window[i];
      if (t == s.n_rows) break;
      const float x = a.x.v[(s.first_row + t) * a.x_step + c];
      window[kPast] = x;
      float sum = 0;
      for (uint i = 0; i < kTaps; ++i) sum = fma(w[i], window[i], sum);
      a.y.v[(s.first_row + t) * n + c] = sum / (1.0 + exp(-sum));
      if (t >= in_base) s.next_ring.v[entry_place(a.step, a.state, s.n_past + t) + c] = x;
      for (uint i = 0; i < kPast; ++i) window[i] = window[i + 1];
    }
  }
}
