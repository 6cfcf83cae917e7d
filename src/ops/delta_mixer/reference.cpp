// delta_mixer, the law: convolution of all channels, then head by head the recurrence and the norm, all in
// double.
#include <cmath>

#include "backend/api/kernel.h"
#include "backend/api/state_view.h"
#include "ops/delta_mixer/delta_mixer.h"
#include "ops/delta_mixer/operands.h"

namespace gannet {
namespace {

// Common: the convolved inputs. Per member: the state of one head, q and k of a token, its result.
int64_t member_doubles(int64_t s) {
  return s * s + 3 * s;
}

int64_t workspace(const OpSite& site, int n_threads) {
  return (site.operands[kQkv].shape.elements() +
          n_threads * member_doubles(site.operands[kNorm].shape.last())) *
         int64_t{sizeof(double)};
}

int barriers(const OpSite&, int n_threads) {
  return n_threads > 1 ? 1 : 0;
}

double silu(double x) {
  return x / (1.0 + std::exp(-x));
}

void convolve(const KernelArgs& args, int64_t c, double* mixed) {
  const TensorView &x = args.operands[kQkv], &taps = args.operands[kTaps];
  const RecurrentView& window = *args.operands[kConv].as<RecurrentView>();
  const int64_t n_tokens = x.shape.dim[0], channels = x.shape.dim[1], past = taps.shape.dim[1] - 1;
  const auto input = [&](int64_t t) { return t >= 0 ? x.f32(t)[c] : window.read[(past + t) * channels + c]; };
  for (int64_t t = 0; t < n_tokens; ++t) {
    double sum = 0;
    for (int64_t i = 0; i <= past; ++i) sum += static_cast<double>(taps.f32(c)[i]) * input(t - past + i);
    mixed[t * channels + c] = silu(sum);
  }
  // Rises: when read == write, a row is read before it is overwritten.
  for (int64_t i = 0; i < past; ++i) window.write[i * channels + c] = input(n_tokens - past + i);
}

void normalise(const double* x, double* out, int64_t n, double eps) {
  double sum = eps;
  for (int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] / std::sqrt(sum);
}

// One token: P is [value j, key i].
void recur(double* p, const double* q, const double* k, const double* v, double decay, double beta, double* o,
           int64_t s) {
  for (int64_t j = 0; j < s; ++j) {
    double seen = 0;
    for (int64_t i = 0; i < s; ++i) {
      p[j * s + i] *= decay;
      seen += p[j * s + i] * k[i];
    }
    const double e = beta * (v[j] - seen);
    double out = 0;
    for (int64_t i = 0; i < s; ++i) {
      p[j * s + i] += k[i] * e;
      out += p[j * s + i] * q[i];
    }
    o[j] = out / std::sqrt(static_cast<double>(s));
  }
}

void run(const KernelArgs& args, Worker& worker) {
  const auto& attrs = args.as<DeltaMixerAttrs>();
  const TensorView &z = args.operands[kZ], &alpha = args.operands[kAlpha], &beta = args.operands[kBeta],
                   &y = args.results[0];
  const float *a = args.operands[kA].as<float>(), *dt = args.operands[kDt].as<float>(),
              *norm = args.operands[kNorm].as<float>();
  const int64_t n_tokens = args.operands[kQkv].shape.dim[0], channels = args.operands[kQkv].shape.dim[1];
  const int64_t s = args.operands[kNorm].shape.dim[0], heads = args.operands[kA].shape.dim[0];
  const int64_t key_heads = (channels / s - heads) / 2;

  double* mixed = reinterpret_cast<double*>(args.workspace);
  int64_t begin, end;
  worker.share(channels, 1, begin, end);
  for (int64_t c = begin; c < end; ++c) convolve(args, c, mixed);
  worker.barrier();

  double* p = mixed + n_tokens * channels + worker.index() * member_doubles(s);
  double *q = p + s * s, *k = q + s, *o = k + s;
  const RecurrentView& state = *args.operands[kDelta].as<RecurrentView>();
  worker.share(heads, 1, begin, end);
  for (int64_t h = begin; h < end; ++h) {
    const int64_t kh = attrs.heads == HeadMap::kTiled ? h % key_heads : h / (heads / key_heads);
    for (int64_t i = 0; i < s * s; ++i) p[i] = state.read[h * s * s + i];
    for (int64_t t = 0; t < n_tokens; ++t) {
      const double* row = mixed + t * channels;
      normalise(row + kh * s, q, s, attrs.eps);
      normalise(row + (key_heads + kh) * s, k, s, attrs.eps);
      const double logit = static_cast<double>(alpha.f32(t)[h]) + dt[h];
      const double decay = std::exp(a[h] * (logit > 20 ? logit : std::log1p(std::exp(logit))));
      const double gate = 1.0 / (1.0 + std::exp(-static_cast<double>(beta.f32(t)[h])));
      recur(p, q, k, row + (2 * key_heads + h) * s, decay, gate, o, s);
      double sum = 0;
      for (int64_t j = 0; j < s; ++j) sum += o[j] * o[j];
      const double scale = 1.0 / std::sqrt(sum / static_cast<double>(s) + attrs.eps);
      for (int64_t j = 0; j < s; ++j)
        y.f32(t)[h * s + j] = static_cast<float>(o[j] * scale * norm[j] * silu(z.f32(t)[h * s + j]));
    }
    for (int64_t i = 0; i < s * s; ++i) state.write[h * s * s + i] = static_cast<float>(p[i]);
  }
}

}  // namespace
}  // namespace gannet

GANNET_KERNELS(delta_mixer, {.op = "delta_mixer",
                             .name = "reference",
                             .isa = Isa::kScalar,
                             .priority = 0,
                             .refuses = nullptr,
                             .workspace = workspace,
                             .run = run,
                             .barriers = barriers})
