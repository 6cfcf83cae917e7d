// Matrices that a device multiplies in one instruction of a subgroup.
#pragma once

#include <cstdint>

namespace gannet {

// Halves, m x k by k x n, with sums of floats. m 0: there are none.
struct MatrixShape {
  uint32_t m = 0, n = 0, k = 0;
  uint32_t subgroup = 0;  // invocations that hold one together
};

}  // namespace gannet
