// The axes of tensors that a shader goes through together (backend/vulkan/axes.glsl).
#pragma once

#include <array>

#include "backend/api/kernel_arguments.h"

namespace gannet {

// Lengths, and for each tensor the elements between steps. Axes that lie behind each other in all tensors are
// one, so that tensors without gaps have one axis.
template <size_t kTensors>
class Axes {
 public:
  using Steps = std::array<int64_t, kTensors>;  // elements

  // The next axis inwards.
  void add(int64_t length, Steps steps) {
    if (length == 1) return;
    bool behind = n_ > 0;
    for (size_t t = 0; behind && t < kTensors; ++t) behind = steps_[n_ - 1][t] == length * steps[t];
    if (behind)
      length_[n_ - 1] *= length;
    else
      length_[n_++] = length;
    steps_[n_ - 1] = steps;
  }

  int64_t elements() const {
    int64_t n = 1;
    for (size_t axis = 0; axis < n_; ++axis) n *= length_[axis];
    return n;
  }
  uint32_t count() const { return static_cast<uint32_t>(n_); }

  // `Lengths`, then `Steps` for each tensor.
  void put(DispatchArguments& arguments) const {
    for (size_t axis = 0; axis + 1 < kMost; ++axis) arguments.u32(axis < n_ ? length_[n_ - 1 - axis] : 1);
    for (size_t t = 0; t < kTensors; ++t)
      for (size_t axis = 0; axis < kMost; ++axis) arguments.u32(axis < n_ ? steps_[n_ - 1 - axis][t] : 0);
  }

 private:
  static constexpr size_t kMost = 5;
  size_t n_ = 0;
  std::array<int64_t, kMost> length_{};
  std::array<Steps, kMost> steps_{};
};

inline int64_t step_of(const TensorView& t, int axis) {
  return t.stride[axis] / 4;
}

// Of tensors of one shape.
template <class... Views>
Axes<1 + sizeof...(Views)> axes_of(const TensorView& first, const Views&... others) {
  Axes<1 + sizeof...(Views)> axes;
  for (int axis = 0; axis < first.shape.rank; ++axis)
    axes.add(first.shape.dim[axis], {step_of(first, axis), step_of(others, axis)...});
  return axes;
}

// Groups of an elementwise shader, of which each invocation has four elements.
inline std::array<int64_t, 3> groups_of_elements(int64_t n) {
  return groups_of((n + 4 * kGroup - 1) / (4 * kGroup));
}

}  // namespace gannet
