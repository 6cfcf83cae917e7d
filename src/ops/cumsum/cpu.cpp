#include "backend/cpu/rows.h"
#include "ops/cumsum/cumsum.h"

namespace gannet::GANNET_ISA_NS {
namespace {

// Lanes moved up by `by`, zeros below.
template <int kBy>
GANNET_INLINE VF lanes_up(VF v) {
#if defined(__AVX512F__)
  return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(v), _mm512_setzero_si512(), 16 - kBy));
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256 moved = _mm256_permutevar8x32_ps(v, _mm256_sub_epi32(lane, _mm256_set1_epi32(kBy)));
  return _mm256_blend_ps(moved, _mm256_setzero_ps(), (1 << kBy) - 1);
#else
  return vextq_f32(vdupq_n_f32(0), v, 4 - kBy);
#endif
}

GANNET_INLINE VF last_lane(VF v) {
#if defined(__AVX512F__)
  return _mm512_permutexvar_ps(_mm512_set1_epi32(15), v);
#elif defined(__AVX2__)
  return _mm256_permutevar8x32_ps(v, _mm256_set1_epi32(7));
#else
  return vdupq_laneq_f32(v, 3);
#endif
}

// Running sums within a vector. Only the addition of what comes before waits for the previous vector.
GANNET_INLINE VF running(VF v) {
  v = v + lanes_up<1>(v);
  v = v + lanes_up<2>(v);
  if constexpr (kLanes > 4) v = v + lanes_up<4>(v);
  if constexpr (kLanes > 8) v = v + lanes_up<8>(v);
  return v;
}

void run(const KernelArgs& args, Worker& worker) {
  const TensorView& y = args.results[0];
  const int64_t n = y.shape.last();
  int64_t row, end;
  share_rows(worker, y.shape.rows(), n, row, end);
  RowWalk x(args.operands[0], row), out(y, row);
  for (; row < end; ++row, x.next(), out.next()) {
    VF before = splat(0);
    map_row(x.row(), out.row(), n, [&](VF v) GANNET_LAMBDA {
      const VF sums = running(v) + before;
      before = last_lane(sums);
      return sums;
    });
  }
}

}  // namespace
}  // namespace gannet::GANNET_ISA_NS

GANNET_KERNELS(cumsum, {"cumsum", GANNET_ISA_NAME, GANNET_ISA_ENUM, 0, nullptr, nullptr, GANNET_ISA_NS::run})
