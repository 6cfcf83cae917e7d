// Copies between strided views, split over a team: rows where both sides have them, transposes in registers
// where the two sides are contiguous along different axes. Only for kernel files.
#pragma once

#include "backend/cpu/lattice.h"
#include "backend/cpu/transpose.h"

namespace gannet::GANNET_ISA_NS {

// Axes are added outermost first with the strides {to, from}, then finish().
class StridedCopy {
 public:
  GANNET_INLINE StridedCopy(std::byte* to, std::byte* from) : data_{to, from} {}

  // Everything of `from` into `to`, which has the same shape.
  GANNET_INLINE StridedCopy(const TensorView& to, const TensorView& from) : data_{to.data, from.data} {
    for (int i = 0; i < to.shape.rank; ++i) axis(to.shape.dim[i], to.stride[i], from.stride[i]);
    finish();
  }

  GANNET_INLINE void axis(int64_t length, int64_t to, int64_t from) { lattice_.axis(length, {to, from}); }

  GANNET_INLINE void finish() {
    lattice_.finish();
    const int last = lattice_.rank - 1;
    const int64_t* inner = lattice_.stride[last];
    if (inner[0] != sizeof(float) || inner[1] == sizeof(float) || inner[1] == 0) return;
    for (int i = 0; i < last; ++i)
      if (lattice_.stride[i][1] == sizeof(float)) transposed_ = i;
    if (transposed_ < 0) return;
    // The walk goes over the axes that are in neither direction of the tiles.
    turn_ = lattice_;
    turn_.rank = 0;
    for (int i = 0; i < last; ++i) {
      if (i == transposed_) continue;
      turn_.dim[turn_.rank] = lattice_.dim[i];
      for (int v = 0; v < 2; ++v) turn_.stride[turn_.rank][v] = lattice_.stride[i][v];
      ++turn_.rank;
    }
    turn_.dim[turn_.rank] = 1;  // a row of one tile grid
    turn_.stride[turn_.rank][0] = turn_.stride[turn_.rank][1] = 0;
    ++turn_.rank;
    wide_tiles_ = (lattice_.dim[transposed_] + kTileWide - 1) / kTileWide;
    long_tiles_ = (lattice_.row_elements() + kTileLong - 1) / kTileLong;
  }

  GANNET_INLINE int64_t elements() const { return lattice_.rows() * lattice_.row_elements(); }

  // Units of work for run().
  GANNET_INLINE int64_t pieces() const {
    return transposed_ < 0 ? lattice_.blocks() : turn_.rows() * wide_tiles_ * long_tiles_;
  }

  GANNET_INLINE void run(int64_t begin, int64_t end) const {
    if (begin >= end) return;
    if (transposed_ >= 0) return run_tiles(begin, end);
    const int64_t to_step = lattice_.row_strides()[0], from_step = lattice_.row_strides()[1];
    LatticeWalk<2> walk(lattice_, data_, begin);
    for (int64_t block = begin; block < end; ++block, walk.next()) {
      const int64_t n = walk.elements();
      float* to = reinterpret_cast<float*>(walk.at(0));
      const float* from = reinterpret_cast<const float*>(walk.at(1));
      if (to_step == sizeof(float) && from_step == sizeof(float)) {
        map_row(from, to, n, [](VF x) GANNET_LAMBDA { return x; });
      } else if (to_step == sizeof(float) && from_step == 0) {
        fill_row(to, n, *from);
      } else {
        for (int64_t i = 0; i < n; ++i)
          *reinterpret_cast<float*>(walk.at(0) + i * to_step) =
              *reinterpret_cast<const float*>(walk.at(1) + i * from_step);
      }
    }
  }

  // The member's share when this is all there is to do.
  GANNET_INLINE void run(const Worker& worker) const {
    int64_t begin, end;
    const int64_t n = pieces();
    share_rows(worker, n, elements() / n, begin, end);
    run(begin, end);
  }

 private:
  // Elements of a tile along the axis that is contiguous in `from` (two cache lines) and in `to`.
  static constexpr int64_t kTileWide = 32, kTileLong = 64;

  GANNET_INLINE void run_tiles(int64_t begin, int64_t end) const {
    const int64_t to_step = lattice_.stride[transposed_][0], from_step = lattice_.row_strides()[1];
    const int64_t width = lattice_.dim[transposed_], length = lattice_.row_elements();
    const int64_t tiles = wide_tiles_ * long_tiles_;
    int64_t tile = begin % tiles;
    LatticeWalk<2> walk(turn_, data_, begin / tiles);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t w = tile / long_tiles_ * kTileWide, l = tile % long_tiles_ * kTileLong;
      transpose(reinterpret_cast<const float*>(walk.at(1) + l * from_step) + w, from_step,
                reinterpret_cast<float*>(walk.at(0) + w * to_step) + l, to_step,
                length - l < kTileLong ? length - l : kTileLong,
                width - w < kTileWide ? width - w : kTileWide);
      if (++tile < tiles) continue;
      tile = 0;
      walk.next();
    }
  }

  std::byte* data_[2];
  Lattice<2> lattice_;
  int transposed_ = -1;  // the axis that is contiguous in `from` when the last one is not
  Lattice<2> turn_;
  int64_t wide_tiles_ = 0, long_tiles_ = 0;
};

}  // namespace gannet::GANNET_ISA_NS
