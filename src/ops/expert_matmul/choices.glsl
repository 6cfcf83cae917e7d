// A group per kOutputs outputs of a choice of a token, or of all choices of a token that are summed.
layout(constant_id = 1) const uint kOutputs = 2;
layout(constant_id = 2) const bool kAligned = false;
layout(constant_id = 3) const uint kWhat = 0;
const uint kProduct = 0;   // y[t, k] = w x
const uint kGateUp = 1;    // y[t, k] = silu(w x) * (w_up x)
const uint kUp = 2;        // y[t, k] = silu(y[t, k]) * (w x)
const uint kWeighted = 3;  // y[t] = base[t] + sum over k of weight * w x

// Choices of one expert that are multiplied at a time, by the group of the first of all of them. With 1 each has a
// group of its own.
layout(constant_id = 4) const uint kShared = 1;

layout(push_constant, scalar) uniform Arguments {
  F32 x, y;
  I32 experts;
  F32 weights, base;
  StepRows rows;
  Weights w, w_up;
  uint n_in, n_out, n_tokens, top_k;
  uint n_entries;  // that are dispatched; there may be more
  uint n_experts, expert_rows;  // rows that the matrix of an expert has
  uint up_row;                  // which of them w_up begins with
  uint x_token, x_choice, y_stride, experts_stride, weights_stride, base_stride;  // elements; no base: 0
  uint all_rows;  // 0: only those that must be exact
} a;

float silu(float x) { return x / (1 + exp(-x)); }

uint expert_of(uint choice) { return uint(a.experts.v[choice / a.top_k * a.experts_stride + choice % a.top_k]); }
uint x_of(uint choice) { return choice / a.top_k * a.x_token + choice % a.top_k * a.x_choice; }
void choice_piece(uint choice, uint p, out vec4 x[8]) { activations(a.x, x_of(choice), p, a.n_in, kAligned, x); }
uint weight_row(uint expert, uint o) { return expert * a.expert_rows + min(o, a.n_out - 1); }

const uint kPerOutput = kWhat == kGateUp ? 2 : 1, kSums = kOutputs * kPerOutput;
const uint kLeastSubgroup = 4;
shared float part[gl_WorkGroupSize.x / kLeastSubgroup * kSums * kShared];

float of_group(uint sum) {
  precise float y = part[sum];
  for (uint s = 1; s < gl_NumSubgroups; ++s) y += part[s * kSums * kShared + sum];
  return y;
}

// Choices that share their expert, if kShared > 1.
const uint kMostChoices = 1024;
shared uint choices[kShared > 1 ? kMostChoices : 1];
shared uint n_choices, is_later;

// The products of n choices of an expert, of which the first is `choice` and all are in `choices` if there are more.
void multiply_choices(uint choice, uint n, uint expert, uint first) {
  for (uint c = 0; c < n; c += kShared) {
    precise float sum[kShared * kSums];
    [[unroll]] for (uint i = 0; i < kShared * kSums; ++i) sum[i] = 0;
    for (uint p = gl_LocalInvocationID.x; p < pieces_of(a.n_in) && expert < a.n_experts; p += gl_WorkGroupSize.x) {
      vec4 x[8];
      if (kShared == 1) choice_piece(choice, p, x);
      [[unroll]] for (uint i = 0; i < kSums; ++i) {
        const uint row = weight_row(expert, first + i % kOutputs);
        vec4 q[8];
        if (i < kOutputs)
          weight_piece(a.w, row, p, a.n_in, q);
        else
          weight_piece(a.w_up, row + a.up_row, p, a.n_in, q);
        [[unroll]] for (uint r = 0; r < kShared; ++r)
          if (kShared == 1 || c + r < n) {
            if (kShared > 1) choice_piece(choices[c + r], p, x);
            sum[r * kSums + i] += piece_dot(q, x);
          }
      }
    }
    barrier();  // what those before left was read
    [[unroll]] for (uint i = 0; i < kShared * kSums; ++i) {
      const float of_subgroup = subgroupAdd(sum[i]);
      if (subgroupElect()) part[gl_SubgroupID * kSums * kShared + i] = of_subgroup;
    }
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < kShared * kOutputs; i += gl_WorkGroupSize.x) {
      const uint r = i / kOutputs, o = i % kOutputs;
      if (c + r >= n || first + o >= a.n_out) continue;
      const uint at = (kShared == 1 ? choice : choices[c + r]) * a.y_stride + first + o;
      float y = of_group(r * kSums + o);
      if (kWhat == kGateUp) y = silu(y) * of_group(r * kSums + kOutputs + o);
      if (kWhat == kUp) y *= silu(a.y.v[at]);
      a.y.v[at] = y;
    }
  }
}

// Finds the choices of the same expert; 0: an earlier one does this work. Their order does not matter: none sees
// another.
uint find_choices(uint choice, uint expert, uint end) {
  if (gl_LocalInvocationID.x == 0) n_choices = is_later = 0;
  barrier();
  for (uint i = gl_LocalInvocationID.x; i < end; i += gl_WorkGroupSize.x)
    if (expert_of(i) == expert) {
      if (i < choice) is_later = 1;
      if (i >= choice) choices[atomicAdd(n_choices, 1)] = i;
    }
  barrier();
  return is_later != 0 ? 0 : n_choices;
}

// A choice is summed by kParts invocations, and these and then the choices in their order: nothing of that depends on
// how large groups and subgroups are.
const uint kParts = 16, kAtOnce = gl_WorkGroupSize.x / kParts;
shared float of_part[kWhat == kWeighted ? kOutputs * kAtOnce * (kParts + 1) : 1];
shared float of_choice[kWhat == kWeighted ? kOutputs * kAtOnce : 1];

void sum_choices(uint token, uint first) {
  const uint me = gl_LocalInvocationID.x;
  precise float y = 0;
  if (a.base_stride != 0 && me < kOutputs && first + me < a.n_out)
    y = a.base.v[token * a.base_stride + first + me];
  for (uint k = 0; k < a.top_k; k += kAtOnce) {
    precise float sum[kOutputs];
    [[unroll]] for (uint o = 0; o < kOutputs; ++o) sum[o] = 0;
    const uint choice = token * a.top_k + min(k + me / kParts, a.top_k - 1), expert = expert_of(choice);
    for (uint p = me % kParts; p < pieces_of(a.n_in) && expert < a.n_experts; p += kParts) {
      vec4 x[8];
      choice_piece(choice, p, x);
      [[unroll]] for (uint o = 0; o < kOutputs; ++o) {
        vec4 q[8];
        weight_piece(a.w, weight_row(expert, first + o), p, a.n_in, q);
        sum[o] += piece_dot(q, x);
      }
    }
    [[unroll]] for (uint o = 0; o < kOutputs; ++o)
      of_part[(o * kAtOnce + me / kParts) * (kParts + 1) + me % kParts] = sum[o];
    barrier();
    for (uint i = me; i < kOutputs * kAtOnce; i += gl_WorkGroupSize.x) {
      precise float z = 0;
      [[unroll]] for (uint s = 0; s < kParts; ++s) z += of_part[i * (kParts + 1) + s];
      of_choice[i] = z;
    }
    barrier();
    if (me < kOutputs)
      for (uint i = 0; i < kAtOnce && k + i < a.top_k; ++i)
        y = fma(a.weights.v[token * a.weights_stride + k + i], of_choice[me * kAtOnce + i], y);
  }
  if (me < kOutputs && first + me < a.n_out) a.y.v[token * a.y_stride + first + me] = y;
}

void main() {
  const uint across = (a.n_out + kOutputs - 1) / kOutputs;
  const uint tokens = a.all_rows != 0 ? live_of(a.rows, a.n_tokens) : exact_of(a.rows, a.n_tokens);
  if (kWhat == kWeighted) {
    // Tokens in turn: what they chose alike is read at about the same time.
    const uint first = group_index() / a.n_entries * kOutputs;
    uint token = group_index() % a.n_entries;
    if (token >= tokens || first >= a.n_out) return;
    weights_begin();
    for (; token < tokens; token += a.n_entries) sum_choices(token, first);
    return;
  }
  const uint first = group_index() % across * kOutputs, end = tokens * a.top_k;
  uint choice = group_index() / across;
  if (choice >= min(end, a.n_entries)) return;
  if (kShared > 1) {
    const uint expert = expert_of(choice), n = find_choices(choice, expert, end);
    if (n == 0) return;
    weights_begin();
    multiply_choices(choice, n, expert, first);
    return;
  }
  weights_begin();
  for (; choice < end; choice += a.n_entries) multiply_choices(choice, 1, expert_of(choice), first);
}
