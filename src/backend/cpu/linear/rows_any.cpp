// Row kernels of the remaining types: grids, ternary, one and two bits, NVFP4. Their units are decoded by the
// scalar decode_groups() into a buffer, from which the vector code goes on.
#include "backend/cpu/linear/rows.h"
#include "tensor/groups.h"

namespace gannet::GANNET_ISA_NS {

struct GroupBuffer {
  alignas(64) uint8_t codes[256];
  float scales[16], offsets[16];
};

// kBiased: the codes are biased by 128 and the offsets just undo it; else codes up to 127 and real offsets.
template <DType kType, int kGroupSize, bool kBiased, int kElems>
struct DecodeAny {
  static constexpr int kGroup = kGroupSize, kBlockElems = kElems;
  static constexpr bool kSigned = kBiased, kOffsets = !kBiased;
  static constexpr int kBias = kBiased ? kSignedBias : 0, kMostCode = kBiased ? 0 : 127;
  static constexpr int64_t kUnitBytes = 1;  // of no use: open() counts elements

  static GANNET_INLINE const GroupBuffer& buffer(const uint8_t* unit) {
    return *reinterpret_cast<const GroupBuffer*>(unit);
  }
  static GANNET_INLINE void scales(const uint8_t* unit, Scales<kGroup>& s, Scales<kGroup>& o) {
    if constexpr (kGroup == 32) {
      s = load_scales32(buffer(unit).scales);
      o = load_scales32(buffer(unit).offsets);
    } else {
      s = load_scales16(buffer(unit).scales);
      o = load_scales16(buffer(unit).offsets);
    }
  }
  static GANNET_INLINE Bytes codes(const uint8_t* unit, int step) {
    return load_bytes(buffer(unit).codes + step * kStep);
  }
};

template <DType kType, int kGroupSize, bool kBiased, int kElems>
struct UnitReader<DecodeAny<kType, kGroupSize, kBiased, kElems>> {
  GroupBuffer buffer;

  const uint8_t* open(const uint8_t* row, int64_t u, int64_t n_in) {
    const int64_t n = n_in - u * kUnit < kUnit ? n_in - u * kUnit : kUnit;
    if (n < kUnit) __builtin_memset(&buffer, 0, sizeof(buffer));
    decode_groups(kType, row, u * kUnit, n, buffer.codes, buffer.scales, buffer.offsets);
    if constexpr (kBiased && kSignedBias == 0)
      for (int i = 0; i < kUnit; ++i) buffer.codes[i] ^= 0x80;
    return reinterpret_cast<const uint8_t*>(&buffer);
  }
};

extern const LinearKernel kLinearAny[];
const LinearKernel kLinearAny[] = {
    linear_kernel<DecodeAny<DType::kIQ1_S, 32, true, 256>>(DType::kIQ1_S),
    linear_kernel<DecodeAny<DType::kIQ1_M, 16, true, 256>>(DType::kIQ1_M),
    linear_kernel<DecodeAny<DType::kIQ2_XXS, 32, true, 256>>(DType::kIQ2_XXS),
    linear_kernel<DecodeAny<DType::kIQ2_XS, 16, true, 256>>(DType::kIQ2_XS),
    linear_kernel<DecodeAny<DType::kIQ2_S, 16, true, 256>>(DType::kIQ2_S),
    linear_kernel<DecodeAny<DType::kIQ3_XXS, 32, true, 256>>(DType::kIQ3_XXS),
    linear_kernel<DecodeAny<DType::kIQ3_S, 32, true, 256>>(DType::kIQ3_S),
    linear_kernel<DecodeAny<DType::kTQ1_0, 32, false, 256>>(DType::kTQ1_0),
    linear_kernel<DecodeAny<DType::kTQ2_0, 32, false, 256>>(DType::kTQ2_0),
    linear_kernel<DecodeAny<DType::kNVFP4, 16, false, 64>>(DType::kNVFP4),
    linear_kernel<DecodeAny<DType::kQ1_0, 32, false, 128>>(DType::kQ1_0),
    linear_kernel<DecodeAny<DType::kQ2_0, 32, false, 64>>(DType::kQ2_0),
    {},
};

}  // namespace gannet::GANNET_ISA_NS
