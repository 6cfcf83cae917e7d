// Row kernels of the types with 256 elements per block that unpack with shifts and masks.
#include "backend/cpu/linear/decode_256.h"
#include "backend/cpu/linear/rows.h"

namespace gannet::GANNET_ISA_NS {

extern const LinearKernel kLinear256[];
const LinearKernel kLinear256[] = {
    linear_kernel<DecodeQ2_K>(DType::kQ2_K),
    linear_kernel<DecodeQ3_K>(DType::kQ3_K),
    linear_kernel<DecodeQ4_K>(DType::kQ4_K),
    linear_kernel<DecodeQ5_K>(DType::kQ5_K),
    linear_kernel<DecodeQ6_K>(DType::kQ6_K),
    linear_kernel<DecodeIQ4_XS>(DType::kIQ4_XS),
    {},
};

}  // namespace gannet::GANNET_ISA_NS
