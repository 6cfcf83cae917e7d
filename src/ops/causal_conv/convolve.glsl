// A channel of a causal convolution through a block of rows, and the state that the segment leaves. Needs recurrent.glsl.
// Who includes this takes the sums:
void convolved(uint t, float sum);  // of row t of the block, in front of the SiLU

struct Convolution {
  F32 x, taps;
  RecurrentState state;
  uint x_step;  // floats from row to row of x
};

layout(constant_id = 3) const uint kTaps = 4;
const uint kPast = kTaps - 1;

// The input of row t of a segment; negative rows lie in the ring, and before it in the base.
float input_of(Convolution a, Step step, Segment s, int t, uint channel, uint n_channels) {
  const int after_base = int(s.n_past) + t - int(s.base_at);
  F32 from = a.x;
  uint at = (s.first_row + uint(t)) * a.x_step;
  if (t < 0 && after_base >= 0) {
    from = s.ring;
    at = entry_place(step, a.state, s.base_at + uint(after_base));
  } else if (t < 0) {
    from = s.base;
    at = a.state.base_offset + uint(int(kPast) + after_base) * n_channels;
  }
  return from.v[at + channel];
}

// Rows [first, first + n) of a segment. Only the first block reads the base, all places of which may be written here:
// kPast <= kBlock.
void convolve(Convolution a, Step step, Segment s, uint first, uint n, uint channel, uint n_channels) {
  const uint in_base = rows_in_base(s), after = base_after(s);
  float w[kTaps], x[kPast + kBlock];
  [[unroll]] for (uint i = 0; i < kTaps; ++i) w[i] = a.taps.v[channel * kTaps + i];
  [[unroll]] for (uint i = 0; i < kPast + kBlock; ++i)
    x[i] = i < kPast + n ? input_of(a, step, s, int(first + i) - int(kPast), channel, n_channels) : 0.0;
  [[unroll]] for (uint t = 0; t < kBlock; ++t) {
    float sum = 0;
    [[unroll]] for (uint i = 0; i < kTaps; ++i) sum = fma(w[i], x[t + i], sum);
    convolved(t, sum);
    if (t < n && first + t >= in_base)
      s.next_ring.v[entry_place(step, a.state, s.n_past + first + t) + channel] = x[kPast + t];
  }
  if (first != 0 || after == 0xffffffffu) return;
  // Rises: in place, an input is read before it is overwritten.
  for (uint i = 0; i < kPast; ++i)
    s.next_base.v[a.state.base_offset + i * n_channels + channel] =
        input_of(a, step, s, int(after + i) - int(kPast), channel, n_channels);
}
