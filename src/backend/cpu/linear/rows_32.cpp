// Row kernels of the types with 32 elements per block.
#include "backend/cpu/linear/decode_32.h"
#include "backend/cpu/linear/rows.h"

namespace gannet::GANNET_ISA_NS {

extern const LinearKernel kLinear32[];
const LinearKernel kLinear32[] = {
    linear_kernel<DecodeQ4_0>(DType::kQ4_0),   linear_kernel<DecodeQ4_1>(DType::kQ4_1),
    linear_kernel<DecodeQ5_0>(DType::kQ5_0),   linear_kernel<DecodeQ5_1>(DType::kQ5_1),
    linear_kernel<DecodeQ8_0>(DType::kQ8_0),   linear_kernel<DecodeIQ4_NL>(DType::kIQ4_NL),
    linear_kernel<DecodeMXFP4>(DType::kMXFP4), {},
};

}  // namespace gannet::GANNET_ISA_NS
