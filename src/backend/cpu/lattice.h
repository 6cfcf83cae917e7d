// The elements of several strided views walked in step: axes that are one piece for all views are merged, so
// that what is left is as few and as long rows as possible, and rows are cut into blocks that a team can
// share also when there is a single one. Only for kernel files.
#pragma once

#include "backend/cpu/rows.h"

namespace gannet::GANNET_ISA_NS {

// Elements of a block: small enough for the first cache, large enough to hide the walk.
inline constexpr int64_t kLatticeBlock = 2048;
inline constexpr int kLatticeRank = kMaxRank + 1;  // an axis that is repeated counts as two

template <int kViews>
struct Lattice {
  int rank = 0;
  int64_t dim[kLatticeRank];
  int64_t stride[kLatticeRank][kViews];  // bytes

  // The next axis inwards. strides[v] is view v's, 0 where it repeats.
  GANNET_INLINE void axis(int64_t length, const int64_t (&strides)[kViews]) {
    if (length == 1) return;
    bool dense = rank > 0;
    for (int v = 0; dense && v < kViews; ++v) dense = stride[rank - 1][v] == strides[v] * length;
    if (dense)
      dim[rank - 1] *= length;
    else
      dim[rank++] = length;
    for (int v = 0; v < kViews; ++v) stride[rank - 1][v] = strides[v];
  }
  // After the last axis: there is always a row.
  GANNET_INLINE void finish() {
    if (rank > 0) return;
    dim[rank++] = 1;
    for (int v = 0; v < kViews; ++v) stride[0][v] = sizeof(float);
  }

  GANNET_INLINE int64_t row_elements() const { return dim[rank - 1]; }
  GANNET_INLINE const int64_t* row_strides() const { return stride[rank - 1]; }
  GANNET_INLINE int64_t rows() const {
    int64_t n = 1;
    for (int i = 0; i + 1 < rank; ++i) n *= dim[i];
    return n;
  }
  GANNET_INLINE int64_t row_blocks() const { return (row_elements() + kLatticeBlock - 1) / kLatticeBlock; }
  GANNET_INLINE int64_t blocks() const { return rows() * row_blocks(); }
};

// The blocks of a lattice in order, from a given one on.
template <int kViews>
class LatticeWalk {
 public:
  GANNET_INLINE LatticeWalk(const Lattice<kViews>& lattice, std::byte* const (&data)[kViews], int64_t block)
      : lattice_(lattice), row_blocks_(lattice.row_blocks()) {
    for (int v = 0; v < kViews; ++v) row_[v] = data[v];
    block_ = block % row_blocks_;
    block /= row_blocks_;
    for (int i = lattice.rank - 2; i >= 0; --i) {
      index_[i] = block % lattice.dim[i];
      block /= lattice.dim[i];
      for (int v = 0; v < kViews; ++v) row_[v] += index_[i] * lattice.stride[i][v];
    }
  }
  GANNET_INLINE std::byte* at(int v) const {
    return row_[v] + block_ * kLatticeBlock * lattice_.row_strides()[v];
  }
  GANNET_INLINE int64_t elements() const {
    const int64_t left = lattice_.row_elements() - block_ * kLatticeBlock;
    return left < kLatticeBlock ? left : kLatticeBlock;
  }
  GANNET_INLINE void next() {
    if (++block_ < row_blocks_) return;
    block_ = 0;
    for (int i = lattice_.rank - 2; i >= 0; --i) {
      for (int v = 0; v < kViews; ++v) row_[v] += lattice_.stride[i][v];
      if (++index_[i] < lattice_.dim[i]) return;
      for (int v = 0; v < kViews; ++v) row_[v] -= lattice_.stride[i][v] * lattice_.dim[i];
      index_[i] = 0;
    }
  }

 private:
  const Lattice<kViews>& lattice_;
  int64_t row_blocks_, block_;
  std::byte* row_[kViews];
  int64_t index_[kLatticeRank] = {};
};

}  // namespace gannet::GANNET_ISA_NS
