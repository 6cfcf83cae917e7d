// The formats in which K and V are cached. A format is one line here and its vectors in
// backend/cpu/kv/kv_vectors.h; K and V of a layer choose independently. Light: kernel files include it.
#pragma once

#include "tensor/dtype.h"

namespace gannet {

// X(type, name, elements of a unit, bytes of a unit): a row is stored in whole units.
#define GANNET_KV_FORMATS(X) \
  X(kF32, "f32", 1, 4)       \
  X(kF16, "f16", 1, 2)       \
  X(kBF16, "bf16", 1, 2)     \
  X(kQ8_0, "q8_0", 32, 34)

struct KvFormat {
  DType type;
  const char* name;  // as users write it
  int64_t unit, unit_bytes;

  constexpr bool takes(int64_t head_dim) const { return head_dim % unit == 0; }
  constexpr int64_t row_bytes(int64_t head_dim) const { return head_dim / unit * unit_bytes; }
};

#define GANNET_KV_FORMAT(type, name, unit, bytes) {DType::type, name, unit, bytes},
inline constexpr KvFormat kKvFormats[] = {GANNET_KV_FORMATS(GANNET_KV_FORMAT)};
#undef GANNET_KV_FORMAT

// For messages and help: "f32, f16, ...".
#define GANNET_KV_NAME(type, name, unit, bytes) ", " name
inline constexpr const char* kKvFormatNames = &GANNET_KV_FORMATS(GANNET_KV_NAME)[2];
#undef GANNET_KV_NAME

// Null when the type is none for a KV cache.
constexpr const KvFormat* find_kv_format(DType type) {
  for (const KvFormat& format : kKvFormats)
    if (format.type == type) return &format;
  return nullptr;
}

}  // namespace gannet
