#include <cmath>

#include "backend/api/kernel.h"
#include "backend/api/state_view.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"
#include "ops/gated_delta_rule/operands.h"

namespace gannet {
namespace {

// Per member: the state of one head and its normalised q and k, in double.
int64_t member_doubles(int64_t s) {
  return s * s + 2 * s;
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
  const int64_t n_tokens = q.shape.dim[0], key_heads = q.shape.dim[1], s = q.shape.dim[2],
                heads = v.shape.dim[1];

  double* p =
      reinterpret_cast<double*>(args.workspace) + worker.index() * member_doubles(s);  // [value j, key i]
  double* qn = p + s * s;
  double* kn = qn + s;
  int64_t begin, end;
  worker.share(heads, 1, begin, end);
  for (int64_t h = begin; h < end; ++h) {
    const int64_t kh = attrs.heads == HeadMap::kTiled ? h % key_heads : h / (heads / key_heads);
    for (int64_t i = 0; i < s * s; ++i) p[i] = state.read[h * s * s + i];
    for (int64_t t = 0; t < n_tokens; ++t) {
      normalise(q.f32(t, kh), qn, s, attrs.eps);
      normalise(k.f32(t, kh), kn, s, attrs.eps);
      const double b = 1.0 / (1.0 + std::exp(-static_cast<double>(beta.f32(t)[h])));
      const double decay = std::exp(a[h] * softplus(static_cast<double>(alpha.f32(t)[h]) + dt[h]));
      for (int64_t j = 0; j < s; ++j) {
        double seen = 0;
        for (int64_t i = 0; i < s; ++i) {
          p[j * s + i] *= decay;
          seen += p[j * s + i] * kn[i];
        }
        const double e = b * (v.f32(t, h)[j] - seen);
        double out = 0;
        for (int64_t i = 0; i < s; ++i) {
          p[j * s + i] += kn[i] * e;
          out += p[j * s + i] * qn[i];
        }
        o.f32(t, h)[j] = static_cast<float>(out / std::sqrt(static_cast<double>(s)));
      }
    }
    for (int64_t i = 0; i < s * s; ++i) state.write[h * s * s + i] = static_cast<float>(p[i]);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(gated_delta_rule, {"gated_delta_rule", "reference", Isa::kScalar, 0, nullptr, workspace, run})
