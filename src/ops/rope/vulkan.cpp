#include <algorithm>
#include <cmath>

#include "backend/api/kernel_arguments.h"
#include "ops/recorded_rotation.h"
#include "ops/rope/rope.h"

namespace gannet {
namespace {

constexpr int kMostPairBits = 8;

// What YaRN multiplies frequencies with: linear in the pair between two bounds.
struct Multiplier {
  double at_zero, per_pair, least, most;
};

Multiplier multiplier(const RopeAttrs& a) {
  const double first = a.freq_scale * (1.0 - a.yarn_ext) + a.yarn_ext, last = a.freq_scale;
  const double per_pair = (last - first) / std::fmax(0.001, static_cast<double>(a.ramp_high) - a.ramp_low);
  return {first - per_pair * a.ramp_low, per_pair, std::fmin(first, last), std::fmax(first, last)};
}

// A fraction in 2^-64, low word first.
void add_fraction(DispatchArguments& arguments, double value) {
  const auto words = static_cast<uint64_t>(std::ldexp(value, 64));
  arguments.u32(static_cast<uint32_t>(words)).u32(static_cast<uint32_t>(words >> 32));
}

const char* refuses(const OpSite& site) {
  if (site.results[0].shape.dim[0] > 65535) return "more tokens than groups along an axis";
  if (const char* why = refuses_rotation(site.as<RopeAttrs>())) return why;
  return too_large(site.operands[0]);
}

void record(const RecordArgs& args, Recorder& recorder) {
  const TensorView &x = args.operands[0], &y = args.results[0];
  const auto& a = args.as<RopeAttrs>();
  constexpr uint32_t kHeadsEach = 4;
  const int64_t n_tokens = y.shape.dim[0], n_heads = y.shape.dim[1], half = a.n_rot / 2;

  DispatchArguments arguments;
  arguments.address(x.data).address(y.data).address(args.operands[1].data);
  add_rotation(arguments, a);
  arguments.u32(x.stride[0] / 4)
      .u32(x.stride[1] / 4)
      .u32(n_heads)
      .u32(y.shape.dim[2])
      .u32(half)
      .f32(a.magnitude);

  std::array<uint32_t, 2 + kRotationConstants> constants = {kGroup, kHeadsEach};
  std::ranges::copy(rotation_constants(a), constants.begin() + 2);
  recorder.dispatch({"rope",
                     constants,
                     {(half + kGroup - 1) / kGroup, (n_heads + kHeadsEach - 1) / kHeadsEach, n_tokens},
                     arguments.bytes()});
}

}  // namespace

const char* refuses_rotation(const RopeAttrs& a) {
  if (a.n_rot < 2 || a.n_rot > 2 << kMostPairBits) return "as many rotated dimensions";
  if (!(a.base > 1) || !(a.freq_scale > 0 && a.freq_scale < 2)) return "frequencies that do not fall";
  if (a.yarn_ext == 0) return nullptr;
  const Multiplier m = multiplier(a);
  constexpr double kMost = 1 << 18;
  if (!(m.least >= 0 && m.most < 2)) return "frequencies that YaRN stretches";
  if (!(std::fabs(m.at_zero) < kMost && std::fabs(m.per_pair) * (1 << kMostPairBits) < kMost))
    return "such a ramp of YaRN";
  return nullptr;
}

void add_rotation(DispatchArguments& arguments, const RopeAttrs& a) {
  const bool yarn = a.yarn_ext != 0;
  add_fraction(arguments, (yarn ? 1.0 : static_cast<double>(a.freq_scale)) / (2 * std::acos(-1.0)));
  add_fraction(arguments, std::pow(static_cast<double>(a.base), -2.0 / static_cast<double>(a.n_rot)));
}

std::array<uint32_t, kRotationConstants> rotation_constants(const RopeAttrs& a) {
  std::array<uint32_t, kRotationConstants> constants = {};
  if (a.yarn_ext == 0) return constants;
  const Multiplier m = multiplier(a);
  auto at = constants.begin();
  for (const double value : {m.at_zero, m.per_pair, m.least, m.most}) {
    const auto words = static_cast<uint64_t>(std::llround(std::ldexp(value, 44)));
    *at++ = static_cast<uint32_t>(words);
    *at++ = static_cast<uint32_t>(words >> 32);
  }
  return constants;
}

extern const RecordedKernel recorded_rope[] = {
    {"rope", "pairs", DeviceKind::kVulkan, 0, refuses, nullptr, record}, {}};

}  // namespace gannet
