// Random values for the tensors of a model, scaled so that activations stay of order one through any depth.
// The value of every byte follows from (seed, tensor name, type, shape): files are the same on every run,
// thread count and layer selection.
//
// Matrices are normal with deviation 1/sqrt(n_in). Encoding billions of values by the searching encoders
// would take hours, so a pool of at most 4096 blocks is encoded properly for each (type, n_in), and rows are
// put together of blocks drawn from it. Every block is what a quantiser would write; rows differ from each
// other.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/thread_team.h"
#include "model/tensors.h"

namespace gannet {

class RandomWeights {
 public:
  // `team` does the work and must outlive this.
  RandomWeights(uint64_t seed, ThreadTeam& team) : seed_(seed), team_(team) {}

  // Writes rows [first_row, first_row + n) of the tensor, n = out.size() / row bytes, stored as `type`.
  // Vectors (norms, decay rates, conv taps) get values of the kind that trained models have; they must be
  // F32.
  void fill(const TensorSpec& spec, DType type, int64_t first_row, std::span<std::byte> out);

 private:
  struct Pool {
    int64_t unit_elems = 0;  // of one block; plain floats are drawn 32 at a time
    int64_t unit_bytes = 0;
    std::vector<std::byte> units;
    int64_t count() const { return static_cast<int64_t>(units.size()) / unit_bytes; }
  };
  const Pool& pool(DType type, int64_t n_in, int64_t n_units);
  void fill_vector(const TensorSpec& spec, int64_t first, std::span<float> out) const;

  uint64_t seed_;
  ThreadTeam& team_;
  std::map<std::pair<DType, int64_t>, Pool> pools_;
};

}  // namespace gannet
