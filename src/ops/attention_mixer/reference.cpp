// attention_mixer, the law: heads normed and rotated with sums in double, rounded to float after each of the
// two as between separate ops, then attention as its law has it.
#include <cmath>

#include "backend/api/kernel.h"
#include "backend/cpu/kv/attend_reference.h"
#include "backend/cpu/kv/kv_rows.h"
#include "ops/attention_mixer/attention_mixer.h"
#include "ops/attention_mixer/operands.h"

namespace gannet {
namespace {

// Per member: an output row in double, a row of the cache and a head as floats.
int64_t member_doubles(int64_t head_dim) {
  return 2 * head_dim;
}

int64_t workspace(const OpSite& site, int n_threads) {
  return n_threads * member_doubles(site.operands[kQ].shape.last()) * int64_t{sizeof(double)};
}

double angle(const RopeAttrs& a, int64_t position, int64_t pair) {
  const double plain =
      static_cast<double>(position) *
      std::pow(static_cast<double>(a.base), -2.0 * static_cast<double>(pair) / static_cast<double>(a.n_rot));
  const double interpolated = plain * a.freq_scale;
  if (a.yarn_ext == 0) return interpolated;
  const double along = (static_cast<double>(pair) - a.ramp_low) /
                       std::fmax(0.001, static_cast<double>(a.ramp_high) - a.ramp_low);
  const double extrapolate = (1.0 - std::fmin(std::fmax(along, 0.0), 1.0)) * a.yarn_ext;
  return interpolated * (1.0 - extrapolate) + plain * extrapolate;
}

void make_head(const AttentionMixerAttrs& a, const float* x, const float* w, int64_t position, float* y,
               int64_t d) {
  double sum = 0;
  for (int64_t i = 0; i < d; ++i) sum += static_cast<double>(x[i]) * x[i];
  const double scale = 1.0 / std::sqrt(sum / static_cast<double>(d) + static_cast<double>(a.eps));
  for (int64_t i = 0; i < d; ++i) y[i] = static_cast<float>(x[i] * scale * w[i]);
  const int64_t half = a.rope.n_rot / 2;
  for (int64_t i = 0; i < half; ++i) {
    const double phi = angle(a.rope, position, i);
    const double c = std::cos(phi) * a.rope.magnitude, s = std::sin(phi) * a.rope.magnitude;
    const double first = y[i], second = y[i + half];
    y[i] = static_cast<float>(first * c - second * s);
    y[i + half] = static_cast<float>(first * s + second * c);
  }
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView* o = args.operands;
  const TensorView &q = o[kQ], &gate = o[kGate], &y = args.results[0];
  const KvView& kv = *o[kKv].as<KvView>();
  const auto& a = args.as<AttentionMixerAttrs>();
  const auto* positions = o[kPositions].as<int32_t>();
  const int64_t n_rows = kv.step->n_rows(), n_heads = q.shape.dim[1], d = q.shape.dim[2];
  double* out = reinterpret_cast<double*>(args.workspace) + worker.index() * member_doubles(d);
  float* row = reinterpret_cast<float*>(out + d);
  float* head = row + d;
  int64_t begin, end;

  check_kv_types(kv);
  worker.share(n_rows * kv.n_kv_heads, 1, begin, end);
  SegmentWalk new_rows(*kv.step);
  for (int64_t r = begin; r < end; ++r) {
    const int64_t t = r / kv.n_kv_heads, h = r % kv.n_kv_heads;
    const StepSegment& segment = new_rows.of(t);
    const int64_t position = segment.n_past + t - segment.first_row;
    make_head(a, o[kK].f32(t, h), o[kKNorm].as<float>(), positions[t], head, d);
    store_kv_row(kv.k_type, head, kv_row(kv, segment, kv.k_offset, kv.k_type, h, position), d);
    store_kv_row(kv.v_type, o[kV].f32(t, h), kv_row(kv, segment, kv.v_offset, kv.v_type, h, position), d);
  }
  worker.barrier();

  worker.share(n_rows * n_heads, 1, begin, end);
  SegmentWalk walk(*kv.step);
  for (int64_t item = begin; item < end; ++item) {
    const int64_t t = item / n_heads, h = item % n_heads, kv_head = h / (n_heads / kv.n_kv_heads);
    const StepSegment& segment = walk.of(t);
    const int64_t n_seen = segment.n_past + t - segment.first_row + 1;
    make_head(a, q.f32(t, h), o[kQNorm].as<float>(), positions[t], head, d);
    attend_reference(kv, segment, kv_head, n_seen, head, a.scale,
                     gate.data == nullptr ? nullptr : gate.f32(t, h), out, row, y.f32(t, h), d);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(attention_mixer, {"attention_mixer", "reference", Isa::kScalar, 0, nullptr, workspace, run,
                                 [](const OpSite&, int) { return 1; }})
