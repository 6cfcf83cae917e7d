// The gated delta rule as the published model code writes it: token by token for one token, in chunks of 64
// for more. Nothing is shared between chunks here that the published code computes per chunk.
#include <cmath>

#include "ops/binary/binary.h"
#include "ops/bmm/bmm.h"
#include "ops/concat/concat.h"
#include "ops/copy/copy.h"
#include "ops/cumsum/cumsum.h"
#include "ops/gated_delta_rule/decompose.h"
#include "ops/gated_delta_rule/operands.h"
#include "ops/l2_norm/l2_norm.h"
#include "ops/pad/pad.h"
#include "ops/permute/permute.h"
#include "ops/reduce_sum/reduce_sum.h"
#include "ops/repeat/repeat.h"
#include "ops/reshape/reshape.h"
#include "ops/scale/scale.h"
#include "ops/slice/slice.h"
#include "ops/solve_tri/solve_tri.h"
#include "ops/state_read/state_read.h"
#include "ops/state_write/state_write.h"
#include "ops/unary/unary.h"

namespace gannet {
namespace {

constexpr int64_t kChunk = 64;

struct Sizes {
  int64_t n_tokens, key_heads, heads, s;
};

// The inputs of the recurrence: q, k and v [n_tokens, heads, S], q and k of length 1; beta and log decay
// [n_tokens, heads].
struct Inputs {
  ValueId q, k, v, beta, g, state;
};

// Short spellings; b is the builder of all.
struct Maker {
  GraphBuilder& b;

  ValueId product(ValueId x, ValueId y) const { return mul(b, x, y); }
  ValueId exponent(ValueId x) const { return gannet::exp(b, x); }
  ValueId shaped(ValueId x, const Shape& shape) const { return reshape(b, x, shape); }
  ValueId rows(ValueId x, ValueId y) const { return bmm(b, x, y, BmmSide::kRows); }
  ValueId columns(ValueId x, ValueId y) const { return bmm(b, x, y, BmmSide::kColumns); }
  // A constant [64, 64] for all heads and chunks.
  ValueId mask(const char* name, InputSource source) const {
    const ValueId square = b.input(name, {DType::kF32, Shape(kChunk, kChunk)}, source);
    return shaped(square, Shape(1, 1, kChunk, kChunk));
  }
};

Inputs transform(const Maker& m, const Sizes& s, const GatedDeltaRuleAttrs& attrs,
                 std::span<const ValueId> operands) {
  GraphBuilder& b = m.b;
  const RepeatKind kind = attrs.heads == HeadMap::kGrouped ? RepeatKind::kInterleave : RepeatKind::kTile;
  const auto key = [&](ValueId x) {
    x = copy(b, x);
    if (s.key_heads != s.heads) x = repeat(b, x, 1, s.heads / s.key_heads, kind);
    return l2_norm(b, x, attrs.eps);
  };
  const auto per_head = [&](ValueId x) { return m.shaped(x, Shape(1, s.heads)); };
  Inputs in{};
  in.q = key(operands[kQ]);
  in.k = key(operands[kK]);
  in.v = copy(b, operands[kV]);
  in.beta = sigmoid(b, copy(b, operands[kBeta]));
  in.g =
      mul(b, per_head(operands[kA]), softplus(b, add(b, copy(b, operands[kAlpha]), per_head(operands[kDt]))));
  in.state = operands[kState];
  return in;
}

float query_scale(const Sizes& s) {
  return 1.0f / std::sqrt(static_cast<float>(s.s));
}

ValueId recurrent(const Maker& m, const Sizes& s, const Inputs& in) {
  GraphBuilder& b = m.b;
  const Shape row(s.heads, 1, s.s), column(s.heads, s.s, 1), single(s.heads, 1, 1);
  const ValueId q = m.shaped(scale(b, in.q, query_scale(s)), row), k = m.shaped(in.k, row);
  const ValueId v = m.shaped(in.v, column), beta = m.shaped(in.beta, single), g = m.shaped(in.g, single);
  ValueId state = m.product(state_read(b, in.state), m.exponent(g));
  const ValueId seen = reduce_sum(b, m.product(state, k), 2);
  const ValueId delta = m.product(sub(b, v, seen), beta);
  state = add(b, state, m.product(delta, k));
  const ValueId o = reduce_sum(b, m.product(state, q), 2);
  state_write(b, in.state, state);
  return m.shaped(o, Shape(1, s.heads, s.s));
}

ValueId chunked(const Maker& m, const Sizes& s, const Inputs& in) {
  GraphBuilder& b = m.b;
  const int64_t n = (s.n_tokens + kChunk - 1) / kChunk, missing = n * kChunk - s.n_tokens;
  const auto padded = [&](ValueId x) { return missing == 0 ? x : pad(b, x, 1, missing); };
  const Shape rows4(s.heads, n, kChunk, s.s), rows3(s.heads, n, kChunk), column(s.heads, n, kChunk, 1);
  const auto by_head = [&](ValueId x) { return m.shaped(padded(copy(b, permute(b, x, {1, 0, 2}))), rows4); };
  const auto gate_by_head = [&](ValueId x) {
    return m.shaped(padded(copy(b, permute(b, x, {1, 0}))), rows3);
  };
  const ValueId q = scale(b, by_head(in.q), query_scale(s)), k = by_head(in.k), v_in = by_head(in.v);
  const ValueId beta = m.shaped(gate_by_head(in.beta), column);
  const ValueId lower = m.mask("mask.lower", InputSource::kLower),
                strict = m.mask("mask.strict", InputSource::kStrict),
                eye = m.mask("mask.eye", InputSource::kEye);

  const ValueId v_beta = m.product(v_in, beta), k_beta = m.product(k, beta);
  const ValueId g = cumsum(b, gate_by_head(in.g));
  const ValueId g_column = m.shaped(g, column), g_row = m.shaped(g, Shape(s.heads, n, 1, kChunk));
  const ValueId difference = m.product(sub(b, g_column, g_row), lower);
  const ValueId decay = m.product(m.exponent(difference), lower);
  const ValueId below = m.product(m.product(m.rows(k_beta, k), decay), strict);
  const ValueId inverse = solve_tri(b, add(b, below, eye), eye, SolveDiagonal::kGiven);
  const ValueId v = m.columns(inverse, v_beta);
  const ValueId k_cumulated = m.columns(inverse, m.product(k_beta, m.exponent(g_column)));

  ValueId state = m.shaped(state_read(b, in.state), Shape(s.heads, 1, s.s, s.s));  // value index, key index
  std::vector<ValueId> outputs;
  for (int64_t i = 0; i < n; ++i) {
    const auto chunk = [&](ValueId x) { return slice(b, x, 1, i, 1); };
    const ValueId q_i = chunk(q), k_i = chunk(k), g_i = chunk(g);
    const ValueId g_i_column = m.shaped(g_i, Shape(s.heads, 1, kChunk, 1));
    const ValueId attention = m.product(m.product(m.rows(q_i, k_i), chunk(decay)), lower);
    const ValueId v_new = sub(b, chunk(v), m.rows(chunk(k_cumulated), state));
    const ValueId inter = m.rows(m.product(q_i, m.exponent(g_i_column)), state);
    outputs.push_back(add(b, inter, m.columns(attention, v_new)));
    const ValueId g_last = m.shaped(slice(b, g_i, 2, kChunk - 1, 1), Shape(s.heads, 1, 1, 1));
    const ValueId k_decayed = m.product(k_i, m.exponent(sub(b, g_last, g_i_column)));
    const ValueId v_turned = copy(b, permute(b, v_new, {0, 1, 3, 2}));
    state = add(b, m.product(state, m.exponent(g_last)), m.columns(v_turned, k_decayed));
  }
  state_write(b, in.state, state);
  ValueId o = m.shaped(concat(b, outputs, 1), Shape(s.heads, n * kChunk, s.s));
  if (missing != 0) o = slice(b, o, 1, 0, s.n_tokens);
  return copy(b, permute(b, o, {1, 0, 2}));
}

}  // namespace

std::vector<ValueId> decompose_gated_delta_rule(GraphBuilder& builder, const OpSite& site,
                                                std::span<const ValueId> operands, const DecomposeContext&) {
  const Shape &q = site.operands[kQ].shape, &v = site.operands[kV].shape;
  const Sizes s{q.dim[0], q.dim[1], v.dim[1], q.dim[2]};
  const Maker m{builder};
  const Inputs in = transform(m, s, site.as<GatedDeltaRuleAttrs>(), operands);
  return {s.n_tokens == 1 ? recurrent(m, s, in) : chunked(m, s, in)};
}

// Both ways of sharing key heads, and a key head per value head.
std::vector<OpSample> samples_gated_delta_rule(const TensorType& result) {
  if (result.dtype != DType::kF32 || result.shape.rank != 3) return {};
  const int64_t n_tokens = result.shape.dim[0], heads = result.shape.dim[1], s = result.shape.dim[2];
  const TensorType gates{DType::kF32, Shape(n_tokens, heads)}, rates{DType::kF32, Shape(heads)};
  std::vector<OpSample> all;
  const auto add = [&](int64_t key_heads, HeadMap map) {
    const TensorType key{DType::kF32, Shape(n_tokens, key_heads, s)};
    all.push_back({{key, key, result, gates, gates, rates, rates, {DType::kRecurrent, Shape(heads, s, s)}},
                   pack_attrs(GatedDeltaRuleAttrs{1e-6f, map})});
  };
  const int64_t fewer = heads % 2 == 0 ? heads / 2 : 1;
  if (fewer != heads) {
    add(fewer, HeadMap::kGrouped);
    add(fewer, HeadMap::kTiled);
  }
  add(heads, HeadMap::kGrouped);
  return all;
}

}  // namespace gannet
