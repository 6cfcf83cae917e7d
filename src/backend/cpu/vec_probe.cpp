#include "backend/cpu/vec_probe.h"

#include "backend/cpu/vec.h"

namespace gannet::GANNET_ISA_NS {

extern const VecProbe kVecProbe;

#define GANNET_EACH_VECTOR(statement) \
  for (int64_t i = 0; i < n; i += kLanes) statement

const VecProbe kVecProbe = {
    .lanes = kLanes,
    .exp = [](const float* x, float* y, int64_t n) { GANNET_EACH_VECTOR(store(y + i, exp(load(x + i)))); },
    .sigmoid = [](const float* x, float* y,
                  int64_t n) { GANNET_EACH_VECTOR(store(y + i, sigmoid(load(x + i)))); },
    .silu = [](const float* x, float* y, int64_t n) { GANNET_EACH_VECTOR(store(y + i, silu(load(x + i)))); },
    .load_f16 = [](const uint16_t* x, float* y,
                   int64_t n) { GANNET_EACH_VECTOR(store(y + i, load_f16(x + i))); },
    .store_f16 = [](const float* x, uint16_t* y,
                    int64_t n) { GANNET_EACH_VECTOR(store_f16(y + i, load(x + i))); },
    .load_bf16 = [](const uint16_t* x, float* y,
                    int64_t n) { GANNET_EACH_VECTOR(store(y + i, load_bf16(x + i))); },
    .load_i8 = [](const int8_t* x, float* y, int64_t n) { GANNET_EACH_VECTOR(store(y + i, load_i8(x + i))); },
    .copy_part =
        [](const float* x, float* y, float* rest, int64_t n) {
          const VF v = load_part(x, n);
          store(rest, v);
          store_part(y, v, n);
        },
    .sum = [](const float* x) { return reduce_add(load(x)); },
    .largest = [](const float* x) { return reduce_max(load(x)); },
    .sums =
        [](const float* x, float* y) {
          VF v[kLanes];
          for (int i = 0; i < kLanes; ++i) v[i] = load(x + i * kLanes);
          store(y, sums_of(v));
        },
    .select_le = [](const float* a, const float* b, const float* x, const float* other,
                    float* y) { store(y, select_le(load(a), load(b), load(x), load(other))); },
};

}  // namespace gannet::GANNET_ISA_NS
