// The recurrence of Gated DeltaNet, row by row: an invocation per value index keeps its row of the state in registers,
// and needs nobody else's; a group has the rows of a part of a head.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "backend/vulkan/kit.glsl"
#include "backend/vulkan/step.glsl"
#include "backend/vulkan/recurrent.glsl"

layout(constant_id = 1) const uint kS = 128;  // of keys and values
layout(constant_id = 2) const bool kTiled = true;

layout(push_constant, scalar) uniform Arguments {
  F32 q, k, v, alpha, beta, a, dt, o;
  Step step;
  RecurrentState state;
  uint heads, key_heads;
  float eps;
  // Floats from row to row, and from head to head; o is dense.
  uint q0, k0, v0, alpha0, beta0, q1, k1, v1;
} a;

const uint kQuads = kS / 4;
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer F32x4 { vec4 v[]; };

shared vec4 q[kQuads], k[kQuads];

// What a row does to the state; the same for an entry of the ring, to the bit.
void apply(inout vec4 p[kQuads], float decay, float error) {
  for (uint i = 0; i < kQuads; ++i) {
    precise vec4 x = decay * p[i];
    x = fma(vec4(error), k[i], x);
    p[i] = x;
  }
}

float sum4(vec4 x) { return (x.x + x.y) + (x.z + x.w); }

// log(1 + y) of a small y, and exp(x) near 1, by their series: drivers are exact to a few units in the last place of
// the result, or of 1, and an error of the decay grows with the number of rows.
float softplus(float x) {
  if (x > 20) return x;
  const float y = exp(x);
  return y < 0.03 ? y * (1 - y * (0.5 - y * (1.0 / 3 - y * (0.25 - y * 0.2)))) : log(1 + y);
}

float decay_of(float x) {
  if (x < -0.03) return exp(x);
  precise const float below_one = x * (1 + x * (0.5 + x * (1.0 / 6 + x * (1.0 / 24))));
  return 1 + below_one;
}

void main() {
  const uint me = gl_LocalInvocationID.x, group = gl_WorkGroupSize.x;
  const uint parts = (kS + group - 1) / group, head = gl_WorkGroupID.x / parts;
  const uint j = gl_WorkGroupID.x % parts * group + me;
  const bool used = j < kS;
  const uint key_head = kTiled ? head % a.key_heads : head / (a.heads / a.key_heads);
  const bool leaves_key = kTiled ? head < a.key_heads : head % (a.heads / a.key_heads) == 0;
  const uint key_at = a.heads + key_head * kS, error_at = a.heads + (a.key_heads + head) * kS;
  const uint base_at = (a.state.base_offset + (head * kS + min(j, kS - 1)) * kS) / 4;
  vec4 p[kQuads];
  for (uint g = gl_WorkGroupID.y; g < a.step.n_segments; g += gl_NumWorkGroups.y) {
    Segment s = segment_at(a.step, g);
    for (uint i = 0; i < kQuads; ++i) p[i] = F32x4(s.base).v[base_at + i];
    for (uint at = s.base_at; at < s.n_past; ++at) {
      const uint entry = entry_place(a.step, a.state, at);
      barrier();
      for (uint i = me; i < kS; i += group) k[i / 4][i % 4] = s.ring.v[entry + key_at + i];
      barrier();
      apply(p, s.ring.v[entry + head], s.ring.v[entry + error_at + min(j, kS - 1)]);
    }
    const uint stored_after = base_after(s), in_base = rows_in_base(s);
    for (uint t = 0; t <= s.n_rows; ++t) {
      if (t == stored_after && used)
        for (uint i = 0; i < kQuads; ++i) F32x4(s.next_base).v[base_at + i] = p[i];
      if (t == s.n_rows) break;
      const uint row = s.first_row + t;
      const uint q_at = row * a.q0 + key_head * a.q1, k_at = row * a.k0 + key_head * a.k1;
      float qq = 0, kk = 0;
      for (uint i = me; i < kS; i += group) {
        qq = fma(a.q.v[q_at + i], a.q.v[q_at + i], qq);
        kk = fma(a.k.v[k_at + i], a.k.v[k_at + i], kk);
      }
      const float q_scale = 1.0 / sqrt(group_sum(qq) + a.eps), k_scale = 1.0 / sqrt(group_sum(kk) + a.eps);
      barrier();
      for (uint i = me; i < kS; i += group) {
        q[i / 4][i % 4] = a.q.v[q_at + i] * q_scale;
        k[i / 4][i % 4] = a.k.v[k_at + i] * k_scale;
      }
      barrier();
      const float decay = decay_of(a.a.v[head] * softplus(a.alpha.v[row * a.alpha0 + head] + a.dt.v[head]));
      const float beta = 1.0 / (1.0 + exp(-a.beta.v[row * a.beta0 + head]));
      vec4 seen = vec4(0), out_j = vec4(0);
      for (uint i = 0; i < kQuads; ++i) seen = fma(p[i], k[i], seen);
      precise float error = beta * (a.v.v[row * a.v0 + head * a.v1 + min(j, kS - 1)] - decay * sum4(seen));
      if (t >= in_base && used) {
        const uint entry = entry_place(a.step, a.state, s.n_past + t);
        if (j == 0) s.next_ring.v[entry + head] = decay;
        if (leaves_key) s.next_ring.v[entry + key_at + j] = k[j / 4][j % 4];
        s.next_ring.v[entry + error_at + j] = error;
      }
      apply(p, decay, error);
      for (uint i = 0; i < kQuads; ++i) out_j = fma(p[i], q[i], out_j);
      if (used) a.o.v[(row * a.heads + head) * kS + j] = sum4(out_j) / sqrt(float(kS));
    }
  }
}
