// The functions of vec.h behind ordinary calls, one set per instruction set, so that vec_test.cpp (which is
// compiled for the baseline) can call those that the machine has.
#pragma once

#include <cstdint>

namespace gannet {

struct VecProbe {
  int lanes;
  void (*exp)(const float* x, float* y, int64_t n);  // n is a multiple of `lanes`
  void (*sigmoid)(const float* x, float* y, int64_t n);
  void (*silu)(const float* x, float* y, int64_t n);
  void (*load_f16)(const uint16_t* x, float* y, int64_t n);
  void (*store_f16)(const float* x, uint16_t* y, int64_t n);
  void (*load_bf16)(const uint16_t* x, float* y, int64_t n);
  void (*load_i8)(const int8_t* x, float* y, int64_t n);
  void (*copy_part)(const float* x, float* y, float* rest,
                    int64_t n);  // n < lanes; `rest`: the whole vector loaded
  float (*sum)(const float* x);  // of one vector
  float (*largest)(const float* x);
  void (*sums)(const float* x, float* y);  // of `lanes` vectors
  void (*select_le)(const float* a, const float* b, const float* x, const float* other,
                    float* y);  // one vector
};

}  // namespace gannet
