// A group per kOutputs outputs of a choice of a token, or of all choices of a token that are summed.
layout(constant_id = 1) const uint kOutputs = 2;
layout(constant_id = 2) const bool kAligned = false;
layout(constant_id = 3) const uint kWhat = 0;
const uint kProduct = 0;   // y[t, k] = w x
const uint kGateUp = 1;    // y[t, k] = silu(w x) * (w_up x)
const uint kUp = 2;        // y[t, k] = silu(y[t, k]) * (w x)
const uint kWeighted = 3;  // y[t] = sum over k of weight * w x

layout(constant_id = 4) const bool kAllRows = true;  // otherwise those that must be exact

layout(push_constant, scalar) uniform Arguments {
  F32 x, y;
  I32 experts;
  F32 weights;
  StepRows rows;
  Weights w, w_up;
  uint n_in, n_out, n_tokens, top_k;
  uint n_entries;  // that are dispatched; there may be more
  uint n_experts, expert_rows;  // rows that the matrix of an expert has
  uint up_row;                  // which of them w_up begins with
  uint x_token, x_choice, y_stride, experts_stride, weights_stride;  // elements
} a;

const uint kPerOutput = kWhat == kGateUp ? 2 : 1, kSums = kOutputs * kPerOutput;
const uint kLeastSubgroup = 4;
shared float part[gl_WorkGroupSize.x / kLeastSubgroup * kSums];

float of_group(uint sum) {
  float y = part[sum];
  for (uint s = 1; s < gl_NumSubgroups; ++s) y += part[s * kSums + sum];
  return y;
}

void product_of(uint entry, uint first) {
  const bool all = kWhat == kWeighted;
  const uint n = a.n_in, token = all ? entry : entry / a.top_k;
  float sum[kSums];
  [[unroll]] for (uint i = 0; i < kSums; ++i) sum[i] = 0;
  const uint begin = all ? 0 : entry % a.top_k, end = all ? a.top_k : begin + 1;
  for (uint k = begin; k < end; ++k) {
    const uint expert = uint(a.experts.v[token * a.experts_stride + k]);
    if (expert >= a.n_experts) continue;
    const float weight = all ? a.weights.v[token * a.weights_stride + k] : 1.0;
    for (uint p = gl_LocalInvocationID.x; p < pieces_of(n); p += gl_WorkGroupSize.x) {
      vec4 x[8];
      activations(a.x, token * a.x_token + k * a.x_choice, p, n, kAligned, x);
      [[unroll]] for (uint o = 0; o < kOutputs; ++o) {
        const uint row = expert * a.expert_rows + min(first + o, a.n_out - 1);
        vec4 q[8];
        weight_piece(a.w, row, p, n, q);
        sum[o] = fma(weight, piece_dot(q, x), sum[o]);
        if (kWhat == kGateUp) {
          weight_piece(a.w_up, row + a.up_row, p, n, q);
          sum[kSums - kOutputs + o] += piece_dot(q, x);
        }
      }
    }
  }
  barrier();  // what the entry before left was read
  [[unroll]] for (uint i = 0; i < kSums; ++i) {
    const float of_subgroup = subgroupAdd(sum[i]);
    if (subgroupElect()) part[gl_SubgroupID * kSums + i] = of_subgroup;
  }
  barrier();
  for (uint i = gl_LocalInvocationID.x; i < kOutputs && first + i < a.n_out; i += gl_WorkGroupSize.x) {
    const uint at = entry * a.y_stride + first + i;
    float y = of_group(i);
    if (kWhat == kGateUp) y = silu(y) * of_group(kSums - kOutputs + i);
    if (kWhat == kUp) y *= silu(a.y.v[at]);
    a.y.v[at] = y;
  }
}

void main() {
  const uint across = (a.n_out + kOutputs - 1) / kOutputs, of_token = kWhat == kWeighted ? 1 : a.top_k;
  const uint end = (kAllRows ? live_of(a.rows, a.n_tokens) : exact_of(a.rows, a.n_tokens)) * of_token;
  uint entry = group_index() / across;
  if (entry >= min(end, a.n_entries)) return;
  weights_begin();
  for (; entry < end; entry += a.n_entries) product_of(entry, group_index() % across * kOutputs);
}
