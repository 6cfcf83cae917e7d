// Splitting row-wise work over a team, and walking through the rows of strided views. Only for kernel files.
#pragma once

#include "backend/api/kernel.h"
#include "backend/cpu/vec.h"

namespace gannet::GANNET_ISA_NS {

// Below this many elements per member fewer members work and the others return at once: fetching what a
// neighbour's core has just written costs more than the arithmetic.
inline constexpr int64_t kElementsPerMember = 2048;

// The rows [begin, end) of this member when `rows` rows of `row_elements` are to be done.
GANNET_INLINE void share_rows(const Worker& worker, int64_t rows, int64_t row_elements, int64_t& begin,
                              int64_t& end) {
  int64_t members = rows * row_elements / kElementsPerMember;
  members = members < 1 ? 1 : members > worker.count() ? worker.count() : members;
  begin = worker.index() < members ? rows * worker.index() / members : rows;
  end = worker.index() < members ? rows * (worker.index() + 1) / members : rows;
}

// Rows of a view in order, without a division per row.
class RowWalk {
 public:
  GANNET_INLINE RowWalk(const TensorView& view, int64_t row) : view_(view), at_(view.data) {
    for (int axis = view.shape.rank - 2; axis >= 0; --axis) {
      index_[axis] = row % view.shape.dim[axis];
      at_ += index_[axis] * view.stride[axis];
      row /= view.shape.dim[axis];
    }
  }
  GANNET_INLINE float* row() const { return reinterpret_cast<float*>(at_); }
  GANNET_INLINE void next() {
    for (int axis = view_.shape.rank - 2; axis >= 0; --axis) {
      at_ += view_.stride[axis];
      if (++index_[axis] < view_.shape.dim[axis]) return;
      at_ -= view_.stride[axis] * view_.shape.dim[axis];
      index_[axis] = 0;
    }
  }

 private:
  const TensorView& view_;
  std::byte* at_;
  int64_t index_[kMaxRank] = {0, 0, 0, 0};
};

// For the small lambdas handed to map_row.
#define GANNET_LAMBDA __attribute__((always_inline))

// y[i] = f(i-th vectors...) over a row, tail included. `f` takes and returns VF.
template <class F>
GANNET_INLINE void map_row(const float* a, float* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, f(load(a + i)));
  if (i < n) store_part(y + i, f(load_part(a + i, n - i)), n - i);
}
template <class F>
GANNET_INLINE void map_row(const float* a, const float* b, float* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, f(load(a + i), load(b + i)));
  if (i < n) store_part(y + i, f(load_part(a + i, n - i), load_part(b + i, n - i)), n - i);
}
template <class F>
GANNET_INLINE void map_row(const float* a, const float* b, const float* c, float* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, f(load(a + i), load(b + i), load(c + i)));
  if (i < n)
    store_part(y + i, f(load_part(a + i, n - i), load_part(b + i, n - i), load_part(c + i, n - i)), n - i);
}
template <class F>
GANNET_INLINE void map_row(const float* a, const float* b, const float* c, const float* d, float* y,
                           int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, f(load(a + i), load(b + i), load(c + i), load(d + i)));
  if (i < n)
    store_part(
        y + i,
        f(load_part(a + i, n - i), load_part(b + i, n - i), load_part(c + i, n - i), load_part(d + i, n - i)),
        n - i);
}

GANNET_INLINE void fill_row(float* y, int64_t n, float value) {
  const VF v = splat(value);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, v);
  if (i < n) store_part(y + i, v, n - i);
}

// Sum of squares of a row. Four sums per lane keep the additions independent (and short, which also keeps
// them exact to about 1e-7 for rows of thousands).
GANNET_INLINE float sum_of_squares(const float* x, int64_t n) {
  VF s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0);
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    const VF a = load(x + i), b = load(x + i + kLanes), c = load(x + i + 2 * kLanes),
             d = load(x + i + 3 * kLanes);
    s0 = fma(a, a, s0);
    s1 = fma(b, b, s1);
    s2 = fma(c, c, s2);
    s3 = fma(d, d, s3);
  }
  for (; i + kLanes <= n; i += kLanes) {
    const VF a = load(x + i);
    s0 = fma(a, a, s0);
  }
  if (i < n) {
    const VF a = load_part(x + i, n - i);
    s1 = fma(a, a, s1);
  }
  return reduce_add((s0 + s1) + (s2 + s3));
}

}  // namespace gannet::GANNET_ISA_NS
