// Elementwise kernels of one and two operands, broadcast or not. Only for kernel files.
#pragma once

#include "backend/cpu/lattice.h"

namespace gannet::GANNET_ISA_NS {

// A row with any step between its elements as a contiguous one.
GANNET_INLINE const float* gather_row(const std::byte* from, int64_t step, int64_t n, float* room) {
  for (int64_t i = 0; i < n; ++i) room[i] = *reinterpret_cast<const float*>(from + i * step);
  return room;
}

// y = f(x), both of one shape, y contiguous.
template <class F>
GANNET_INLINE void map_elements(const TensorView& x, const TensorView& y, Worker& worker, F f) {
  Lattice<2> lattice;
  for (int i = 0; i < y.shape.rank; ++i) lattice.axis(y.shape.dim[i], {x.stride[i], y.stride[i]});
  lattice.finish();
  const int64_t step = lattice.row_strides()[0];
  alignas(64) float room[kLatticeBlock];
  int64_t block, end;
  share_rows(worker, lattice.blocks(), lattice.row_elements() / lattice.row_blocks(), block, end);
  LatticeWalk<2> walk(lattice, {x.data, y.data}, block);
  for (; block < end; ++block, walk.next()) {
    const int64_t n = walk.elements();
    const float* from = step == sizeof(float) ? reinterpret_cast<const float*>(walk.at(0))
                                              : gather_row(walk.at(0), step, n, room);
    map_row(from, reinterpret_cast<float*>(walk.at(1)), n, f);
  }
}

// Which side of a binary op has fewer heads is seen from the shapes; kTiled: h % few, kGrouped: h / (many /
// few).
enum class SharedHeads { kNone, kTiled, kGrouped };

// y = f(a, b) with numpy's broadcasting and shared entries of axis 0, y contiguous.
template <class F>
GANNET_INLINE void map_elements(const TensorView& a, const TensorView& b, const TensorView& y,
                                SharedHeads heads, Worker& worker, F f) {
  Lattice<3> lattice;
  for (int i = 0; i < y.shape.rank; ++i) {
    const int64_t n = y.shape.dim[i], na = a.shape.dim[i], nb = b.shape.dim[i];
    const int64_t sa = na == 1 ? 0 : a.stride[i], sb = nb == 1 ? 0 : b.stride[i], sy = y.stride[i];
    const int64_t few = na < nb ? na : nb;
    if (na == nb || few == 1) {
      lattice.axis(n, {sa, sb, sy});
    } else if (heads == SharedHeads::kTiled) {
      lattice.axis(n / few, {na == few ? 0 : few * sa, nb == few ? 0 : few * sb, few * sy});
      lattice.axis(few, {sa, sb, sy});
    } else {
      const int64_t share = n / few;
      lattice.axis(few, {na == few ? sa : share * sa, nb == few ? sb : share * sb, share * sy});
      lattice.axis(share, {na == few ? 0 : sa, nb == few ? 0 : sb, sy});
    }
  }
  lattice.finish();
  const int64_t step_a = lattice.row_strides()[0], step_b = lattice.row_strides()[1];
  alignas(64) float room_a[kLatticeBlock], room_b[kLatticeBlock];
  int64_t block, end;
  share_rows(worker, lattice.blocks(), lattice.row_elements() / lattice.row_blocks(), block, end);
  LatticeWalk<3> walk(lattice, {a.data, b.data, y.data}, block);
  for (; block < end; ++block, walk.next()) {
    const int64_t n = walk.elements();
    float* out = reinterpret_cast<float*>(walk.at(2));
    const float* pa = reinterpret_cast<const float*>(walk.at(0));
    const float* pb = reinterpret_cast<const float*>(walk.at(1));
    if (step_a != sizeof(float) && (step_a != 0 || step_b == 0))
      pa = gather_row(walk.at(0), step_a, n, room_a);
    if (step_b != sizeof(float) && step_b != 0) pb = gather_row(walk.at(1), step_b, n, room_b);
    if (step_b == 0) {
      const VF value = splat(*pb);
      map_row(pa, out, n, [&](VF x) GANNET_LAMBDA { return f(x, value); });
    } else if (step_a == 0) {
      const VF value = splat(*pa);
      map_row(pb, out, n, [&](VF x) GANNET_LAMBDA { return f(value, x); });
    } else {
      map_row(pa, pb, out, n, f);
    }
  }
}

}  // namespace gannet::GANNET_ISA_NS
