// y[t] = base[t] + sum over k of weights[t, k] * z[t, k], for tokens that need not be exact.
layout(constant_id = 1) const bool kBase = false;

layout(push_constant, scalar) uniform Arguments {
  F32 z, y, weights, base;
  StepRows rows;
  uint n_out, n_tokens, top_k, weights_stride, base_stride;
} a;

void main() {
  const uint i = invocation_index(), token = i / a.n_out, o = i % a.n_out;
  if (token >= live_of(a.rows, a.n_tokens) || token < exact_of(a.rows, a.n_tokens)) return;
  float sum = kBase ? a.base.v[token * a.base_stride + o] : 0;
  for (uint k = 0; k < a.top_k; ++k)
    sum = fma(a.weights.v[token * a.weights_stride + k], a.z.v[(token * a.top_k + k) * a.n_out + o], sum);
  a.y.v[i] = sum;
}
