#include <cmath>

#include "backend/api/kernel.h"
#include "backend/cpu/delta/delta_reference.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"
#include "ops/gated_delta_rule/operands.h"

namespace gannet {
namespace {

// Per member, in double: q and k of a token, normalised, v and o; then the state of one head in F32.
int64_t member_doubles(int64_t s) {
  return 4 * s + (s * s + 1) / 2;
}

int64_t workspace(const OpSite& site, int n_threads) {
  return n_threads * member_doubles(site.operands[kQ].shape.last()) * int64_t{sizeof(double)};
}

void normalise(const float* x, double* out, int64_t n, double eps) {
  double sum = eps;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * x[i];
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] / std::sqrt(sum);
}

double softplus(double x) {
  return x > 20 ? x : std::log1p(std::exp(x));
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView &q = args.operands[kQ], &k = args.operands[kK], &v = args.operands[kV];
  const TensorView &alpha = args.operands[kAlpha], &beta = args.operands[kBeta], &o = args.results[0];
  const float *a = args.operands[kA].as<float>(), *dt = args.operands[kDt].as<float>();
  const RecurrentView& state = *args.operands[kState].as<RecurrentView>();
  const auto& attrs = args.as<GatedDeltaRuleAttrs>();
  const int64_t key_heads = q.shape.dim[1], s = q.shape.dim[2], heads = v.shape.dim[1];

  double* qn = reinterpret_cast<double*>(args.workspace) + worker.index() * member_doubles(s);
  double *kn = qn + s, *vn = kn + s, *on = vn + s;
  float* p = reinterpret_cast<float*>(on + s);
  int64_t begin, end;
  worker.share(heads, 1, begin, end);
  for (int64_t g = 0; g < state.step->n_segments; ++g)
    for (int64_t h = begin; h < end; ++h) {
      const StepSegment& segment = state.step->segments[g];
      const DeltaReferenceHead head(attrs.heads == HeadMap::kTiled, h, heads, key_heads, s);
      const auto token = [&](int64_t t) {
        const int64_t row = segment.first_row + t;
        normalise(q.f32(row, head.key_head), qn, s, attrs.eps);
        normalise(k.f32(row, head.key_head), kn, s, attrs.eps);
        for (int64_t j = 0; j < s; ++j) vn[j] = v.f32(row, h)[j];
        const double decay = std::exp(a[h] * softplus(static_cast<double>(alpha.f32(row)[h]) + dt[h]));
        return DeltaReferenceToken{
            decay, 1.0 / (1.0 + std::exp(-static_cast<double>(beta.f32(row)[h]))), qn, kn, vn, on};
      };
      delta_reference(state, segment, head, p, token, [&](int64_t t) {
        for (int64_t j = 0; j < s; ++j) o.f32(segment.first_row + t, h)[j] = static_cast<float>(on[j]);
      });
    }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(gated_delta_rule, {"gated_delta_rule", "reference", Isa::kScalar, 0, nullptr, workspace, run})
