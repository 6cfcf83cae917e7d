// The KV cache as an argument of recorded kernels: the host's side of backend/vulkan/step.glsl.
#pragma once

#include "backend/api/kernel_arguments.h"
#include "backend/api/state_view.h"
#include "tensor/kv_formats.h"

namespace gannet {

// As kF32 and the others there.
inline uint32_t kv_type_number(DType type) {
  switch (type) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kBF16:
      return 2;
    default:
      return 3;
  }
}

inline DispatchArguments& add_kv(DispatchArguments& arguments, const KvView& kv) {
  return arguments.u32(kv.k_offset)
      .u32(kv.v_offset)
      .u32(kv.page_tokens)
      .u32(kv.n_kv_heads)
      .u32(find_kv_format(kv.k_type)->row_bytes(kv.head_dim))
      .u32(find_kv_format(kv.v_type)->row_bytes(kv.head_dim));
}

// Stores K and V of a step (shader kv_append).
inline void record_kv_append(const KvView& kv, const TensorView& k, const TensorView& v, std::byte* step,
                             Recorder& recorder) {
  DispatchArguments arguments;
  add_tensor(arguments, k);
  add_tensor(arguments, v);
  add_kv(arguments.address(step), kv).u32(kv.head_dim);
  const uint32_t constants[] = {kGroup, kv_type_number(kv.k_type), kv_type_number(kv.v_type)};
  recorder.dispatch({"kv_append", constants, groups_of(k.shape.dim[0] * kv.n_kv_heads), arguments.bytes()});
}

}  // namespace gannet
