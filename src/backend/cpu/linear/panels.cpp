// Products of decoded panels with many activation rows: kLanes weight rows side by side in a vector, one
// broadcast of four activations per step. Knows codes, scales and offsets, not the types they come from.
#include "backend/cpu/linear/rows.h"

namespace gannet::GANNET_ISA_NS {
namespace {

#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int kPanels = 2, kTile = 6;  // of 32 registers: 24 accumulators
#else
constexpr int kPanels = 1, kTile = 4;
#endif
constexpr int64_t kSlabUnits =
    8;  // elements of a row decoded at once: kPanels panels stay in the second cache level
constexpr int64_t kSlab = kSlabUnits * kUnit;
constexpr int64_t kSlabGroups = kSlab / 16;

struct Scratch {
  alignas(64) uint8_t codes[kPanels][kSlab * kLanes];
  alignas(64) float scales[kPanels][kSlabGroups * kLanes];
  alignas(64) float offsets[kPanels][kSlabGroups * kLanes];
  alignas(64) int32_t start[kTile][kSlabGroups];  // -bias * sum of the activations of a group
  alignas(64) float sums[kTile][kSlabGroups];     // d * sum of the activations of a group
};

// Products of 4 kWords elements, 4 at a time: kP panels by kT tokens, added to dots.
template <bool kSigned, int kFit, int kWords, int kP, int kT>
GANNET_INLINE void add_products(PanelInts (&dots)[kP][kT], const uint8_t* codes, const int8_t* const (&q)[kT],
                                int64_t from) {
  constexpr int kRun = kFit < kWords ? kFit : kWords;
  GANNET_UNROLL
  for (int first = 0; first < kWords; first += kRun) {
    Bytes pairs[kP][kT];
    GANNET_UNROLL
    for (int i = 0; i < kRun; ++i) {
      const int k = first + i;
      PanelBytes w[kP];
      GANNET_UNROLL
      for (int p = 0; p < kP; ++p) w[p] = load_panel(codes + p * (kSlab * kLanes) + k * (4 * kLanes));
      GANNET_UNROLL
      for (int t = 0; t < kT; ++t) {
        const PanelBytes a = splat4(q[t] + from + act_place(4 * k));
        GANNET_UNROLL
        for (int p = 0; p < kP; ++p) {
          if constexpr (kRun == 1)
            dots[p][t] = panel_dot<kSigned>(dots[p][t], w[p], a);
          else if (i == 0)
            pairs[p][t] = panel_pairs(w[p], a);
          else
            pairs[p][t] = add_pairs(pairs[p][t], panel_pairs(w[p], a));
        }
      }
    }
    if constexpr (kRun > 1) {
      GANNET_UNROLL
      for (int t = 0; t < kT; ++t) GANNET_UNROLL
      for (int p = 0; p < kP; ++p) dots[p][t] = add_widened(dots[p][t], pairs[p][t]);
    }
  }
}

// One slab of kP panels times kT tokens, added to y unless it is the first. y[t] points at the first row's
// result; n rows of the last panel count.
template <int kGroup, bool kOffsets, bool kSigned, int kFit, int kP, int kT>
void tile(const Scratch& s, int64_t first_unit, int64_t n_units, const ActRow* x, float* const* y,
          int64_t row, int n) {
  Floats acc[kP][kT];
  for (int p = 0; p < kP; ++p)
    for (int t = 0; t < kT; ++t) {
      const float* at = y[t] + row + p * kLanes;
      acc[p][t] = first_unit == 0 ? zero_floats() : p + 1 < kP ? load_floats(at) : load_some(at, n);
    }
  const int8_t* q[kT];
  const float* d[kT];
  for (int t = 0; t < kT; ++t) {
    q[t] = x[t].q + first_unit * kUnit;
    d[t] = x[t].d + first_unit * (kUnit / 32);
  }
  constexpr int64_t kUnitGroups = kUnit / kGroup;
  const int64_t n_groups = n_units * kUnitGroups;
  const uint8_t* codes = s.codes[0];
  for (int64_t g = 0; g < n_groups; ++g) {
    PanelInts dots[kP][kT];
    GANNET_UNROLL
    for (int t = 0; t < kT; ++t) {
      const PanelInts begin = splat_int(s.start[t][g]);
      GANNET_UNROLL
      for (int p = 0; p < kP; ++p) dots[p][t] = begin;
    }
    // act_place(g * kGroup), which need not be computed from elements.
    const int64_t from = (g & -kUnitGroups) * kGroup + (g & (kUnitGroups - 1)) * (kGroup / 4);
    add_products<kSigned, kFit, kGroup / 4>(dots, codes, q, from);
    codes += kGroup * kLanes;
    GANNET_UNROLL
    for (int p = 0; p < kP; ++p) {
      const Floats scale = load_floats(s.scales[p] + g * kLanes);
      GANNET_UNROLL
      for (int t = 0; t < kT; ++t)
        acc[p][t] = fma(to_floats(dots[p][t]), mul(scale, splat_float(d[t][g * kGroup / 32])), acc[p][t]);
      if constexpr (kOffsets) {
        const Floats offset = load_floats(s.offsets[p] + g * kLanes);
        GANNET_UNROLL
        for (int t = 0; t < kT; ++t) acc[p][t] = fma(offset, splat_float(s.sums[t][g]), acc[p][t]);
      }
    }
  }
  for (int p = 0; p < kP; ++p)
    for (int t = 0; t < kT; ++t) {
      float* at = y[t] + row + p * kLanes;
      if (p + 1 < kP || n == kLanes)
        store_floats(at, acc[p][t]);
      else
        store_some(at, acc[p][t], n);
    }
}

// What the activations of a tile contribute per group besides the products of codes.
template <int kGroup>
void prepare(Scratch& s, const LinearKernel& kernel, int64_t first_unit, int64_t n_units, const ActRow* x,
             int n_tokens) {
  for (int t = 0; t < n_tokens; ++t) {
    const int16_t* sums = x[t].sums + first_unit * 16;
    const float* d = x[t].d + first_unit * 8;
    for (int64_t g = 0; g < n_units * (kUnit / kGroup); ++g) {
      const int32_t sum = kGroup == 16 ? sums[g] : sums[2 * g] + sums[2 * g + 1];
      s.start[t][g] = -kernel.bias * sum;
      if (kernel.offsets) s.sums[t][g] = d[g * kGroup / 32] * static_cast<float>(sum);
    }
  }
}

template <int kGroup, bool kOffsets, bool kSigned, int kFit, int kP>
void tiles(Scratch& s, const LinearKernel& kernel, const LinearArgs& args, int64_t first_row, int n,
           int64_t first_unit, int64_t n_units) {
  const int64_t row = args.y_first + first_row;
  for (int64_t t = 0; t < args.n_tokens;) {
    const int64_t left = args.n_tokens - t;
    // Two even tiles instead of a full one and a poor one.
    const int64_t now = left >= 2 * kTile || left <= kTile ? (left < kTile ? left : kTile) : (left + 1) / 2;
    const ActRow* x = args.x + t;
    float* const* y = args.y + t;
    prepare<kGroup>(s, kernel, first_unit, n_units, x, static_cast<int>(now));
    switch (now) {
      case 1:
        tile<kGroup, kOffsets, kSigned, kFit, kP, 1>(s, first_unit, n_units, x, y, row, n);
        break;
      case 2:
        tile<kGroup, kOffsets, kSigned, kFit, kP, 2>(s, first_unit, n_units, x, y, row, n);
        break;
      case 3:
        tile<kGroup, kOffsets, kSigned, kFit, kP, 3>(s, first_unit, n_units, x, y, row, n);
        break;
      case 4:
        tile<kGroup, kOffsets, kSigned, kFit, kP, 4>(s, first_unit, n_units, x, y, row, n);
        break;
#if defined(__AVX512F__) || defined(__ARM_NEON)
      case 5:
        tile<kGroup, kOffsets, kSigned, kFit, kP, 5>(s, first_unit, n_units, x, y, row, n);
        break;
      default:
        tile<kGroup, kOffsets, kSigned, kFit, kP, 6>(s, first_unit, n_units, x, y, row, n);
        break;
#else
      default:
        __builtin_unreachable();
#endif
    }
    t += now;
  }
}

template <int kGroup, bool kOffsets, bool kSigned, int kFit>
void all_panels(const LinearKernel& kernel, const LinearArgs& args) {
  auto& s = *reinterpret_cast<Scratch*>(args.scratch);
  const int64_t n_units = (args.n_in + kUnit - 1) / kUnit;
  for (int64_t row = 0; row < args.n_rows; row += kPanels * kLanes) {
    const int64_t left = args.n_rows - row;
    const int n_panels = left > kLanes ? kPanels : 1;
    const int64_t tail = left - (n_panels - 1) * kLanes;
    const int n = static_cast<int>(tail < kLanes ? tail : kLanes);
    for (int64_t first = 0; first < n_units; first += kSlabUnits) {
      const int64_t now = n_units - first < kSlabUnits ? n_units - first : kSlabUnits;
      for (int p = 0; p < n_panels; ++p)
        kernel.pack(args, row + p * kLanes, first, now, s.codes[p], s.scales[p], s.offsets[p]);
      if (n_panels == 1)
        tiles<kGroup, kOffsets, kSigned, kFit, 1>(s, kernel, args, row, n, first, now);
      else
        tiles<kGroup, kOffsets, kSigned, kFit, kPanels>(s, kernel, args, row, n, first, now);
    }
  }
}

template <bool kSigned, int kFit>
void by_shape(const LinearKernel& kernel, const LinearArgs& args) {
  if (kernel.group == 32)
    kernel.offsets ? all_panels<32, true, kSigned, kFit>(kernel, args)
                   : all_panels<32, false, kSigned, kFit>(kernel, args);
  else
    kernel.offsets ? all_panels<16, true, kSigned, kFit>(kernel, args)
                   : all_panels<16, false, kSigned, kFit>(kernel, args);
}

}  // namespace

void block_panels(const LinearKernel& kernel, const LinearArgs& args) {
#if defined(__AVX512F__) || defined(__ARM_NEON)
#if defined(__AVX512F__) && !defined(__AVX512VNNI__)
  if (kernel.is_signed) return by_shape<true, 1>(kernel, args);
#endif
  by_shape<false, 1>(kernel, args);  // one instruction serves both kinds of codes
#else
  // So many sums of two products of codes and activations (at most 127) fit 16 bits.
  const int fit = kernel.is_signed ? 1 : 32767 / (2 * 127 * kernel.most_code);
  if (kernel.is_signed)
    by_shape<true, 1>(kernel, args);
  else if (fit >= 8)
    by_shape<false, 8>(kernel, args);
  else if (fit >= 2)
    by_shape<false, 2>(kernel, args);
  else
    by_shape<false, 1>(kernel, args);
#endif
}

int64_t block_scratch_bytes();
int64_t block_scratch_bytes() {
  return static_cast<int64_t>(sizeof(Scratch));
}

}  // namespace gannet::GANNET_ISA_NS
