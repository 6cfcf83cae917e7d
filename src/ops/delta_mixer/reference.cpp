// delta_mixer, the law: convolution of all channels, then head by head the recurrence and the norm, each in
// double and rounded to float as between separate ops.
#include <cmath>

#include "backend/api/kernel.h"
#include "backend/cpu/delta/delta_reference.h"
#include "ops/delta_mixer/delta_mixer.h"
#include "ops/delta_mixer/operands.h"

namespace gannet {
namespace {

// Common: the convolved inputs. Per member: q and k of a token and its result; the state of one head in F32.
int64_t member_doubles(int64_t s) {
  return 3 * s + (s * s + 1) / 2;
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

// One channel of one segment.
void convolve(const KernelArgs& args, const RecurrentView& state, const StepSegment& segment, int64_t c,
              double* mixed) {
  const TensorView &x = args.operands[kQkv], &taps = args.operands[kTaps];
  const int64_t channels = x.shape.dim[1], past = taps.shape.dim[1] - 1;
  // Input of row t of the segment; negative rows lie in the ring and before it in the base.
  const auto input = [&](int64_t t) {
    const int64_t after_base = segment.n_past + t - segment.base_at;
    return t >= 0            ? x.f32(segment.first_row + t)[c]
           : after_base >= 0 ? state.entries(segment, segment.n_past + t).entry()[c]
                             : state.base(segment)[(past + after_base) * channels + c];
  };
  for (int64_t t = 0; t < segment.n_rows; ++t) {
    double sum = 0;
    for (int64_t i = 0; i <= past; ++i) sum += static_cast<double>(taps.f32(c)[i]) * input(t - past + i);
    mixed[(segment.first_row + t) * channels + c] = static_cast<float>(silu(sum));
  }
  // Rises: in place, an input is read before it is overwritten.
  for (int64_t i = 0; i < past && segment.base_after() >= 0; ++i)
    state.next_base(segment)[i * channels + c] = input(segment.base_after() - past + i);
  for (int64_t t = segment.rows_in_base(); t < segment.n_rows; ++t)
    state.next_entries(segment, segment.n_past + t).entry()[c] = input(t);
}

void normalise(const double* x, double* out, int64_t n, double eps) {
  double sum = eps;
  for (int64_t i = 0; i < n; ++i) sum += x[i] * x[i];
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] / std::sqrt(sum);
}

void run(const KernelArgs& args, Worker& worker) {
  const auto& attrs = args.as<DeltaMixerAttrs>();
  const TensorView &z = args.operands[kZ], &alpha = args.operands[kAlpha], &beta = args.operands[kBeta],
                   &y = args.results[0];
  const float *a = args.operands[kA].as<float>(), *dt = args.operands[kDt].as<float>(),
              *norm = args.operands[kNorm].as<float>();
  const int64_t channels = args.operands[kQkv].shape.dim[1];
  const int64_t s = args.operands[kNorm].shape.dim[0], heads = args.operands[kA].shape.dim[0];
  const int64_t key_heads = (channels / s - heads) / 2;
  const RecurrentView &window = *args.operands[kConv].as<RecurrentView>(),
                      &state = *args.operands[kDelta].as<RecurrentView>();
  const StepView& step = *state.step;

  double* mixed = reinterpret_cast<double*>(args.workspace);
  int64_t begin, end;
  worker.share(channels, 1, begin, end);
  for (int64_t g = 0; g < step.n_segments; ++g)
    for (int64_t c = begin; c < end; ++c) convolve(args, window, window.step->segments[g], c, mixed);
  worker.barrier();

  double* q = mixed + args.operands[kQkv].shape.elements() + worker.index() * member_doubles(s);
  double *k = q + s, *o = k + s;
  float* p = reinterpret_cast<float*>(o + s);
  worker.share(heads, 1, begin, end);
  for (int64_t g = 0; g < step.n_segments; ++g)
    for (int64_t h = begin; h < end; ++h) {
      const StepSegment& segment = step.segments[g];
      const DeltaReferenceHead head(attrs.heads == HeadMap::kTiled, h, heads, key_heads, s);
      const auto token = [&](int64_t t) {
        const int64_t at = segment.first_row + t;
        const double* row = mixed + at * channels;
        normalise(row + head.key_head * s, q, s, attrs.eps);
        normalise(row + (key_heads + head.key_head) * s, k, s, attrs.eps);
        const double logit = static_cast<double>(alpha.f32(at)[h]) + dt[h];
        const double decay = std::exp(a[h] * (logit > 20 ? logit : std::log1p(std::exp(logit))));
        const double gate = 1.0 / (1.0 + std::exp(-static_cast<double>(beta.f32(at)[h])));
        return DeltaReferenceToken{decay, gate, q, k, row + (2 * key_heads + h) * s, o};
      };
      delta_reference(state, segment, head, p, token, [&](int64_t t) {
        const int64_t at = segment.first_row + t;
        double sum = 0;
        for (int64_t j = 0; j < s; ++j) o[j] = static_cast<float>(o[j]);
        for (int64_t j = 0; j < s; ++j) sum += o[j] * o[j];
        const double scale = 1.0 / std::sqrt(sum / static_cast<double>(s) + attrs.eps);
        for (int64_t j = 0; j < s; ++j)
          y.f32(at)[h * s + j] = static_cast<float>(o[j] * scale * norm[j] * silu(z.f32(at)[h * s + j]));
      });
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
