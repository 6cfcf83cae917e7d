// What a snapshot holds as bytes, for a file, and a snapshot made of such bytes. The bytes depend on the
// layout of the state alone: not on pages, slabs or the size of rings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "state/state_pool.h"

namespace gannet {

using StateLengths = std::array<int64_t, kStateParts.size()>;  // tokens, by part

StateLengths lengths_of(const StateSnapshot& snapshot);

// K and V of the tokens [from, to) of both parts: layer by layer K, then V, each [n_kv_heads, tokens,
// head_dim].
int64_t kv_bytes(const StateLayout& layout, const StateLengths& from, const StateLengths& to);
// `out` has kv_bytes(); the snapshot holds all of these tokens. May run while others use the pool.
void read_kv(const StateSnapshot& snapshot, const StateLengths& from, const StateLengths& to,
             std::span<std::byte> out);

// The recurrent state: the bases of all layers at `base_at`, then layer by layer the entries of the positions
// from there to the end.
struct RecurrentBytes {
  int64_t base_at = 0;
  std::vector<std::byte> bytes;
};
RecurrentBytes read_recurrent(const StateSnapshot& snapshot);
int64_t recurrent_bytes(const StateLayout& layout, int64_t n_pending);
// To be asked behind both. Errors: kDevice when what was read is worth nothing (StatePool::lost).
Result<void> check_read(const StateSnapshot& snapshot);

// Puts a snapshot together. One thread.
class StateBuilder {
 public:
  // Goes on behind `beginning` (may be empty), whose pages are shared.
  StateBuilder(std::shared_ptr<StatePool> pool, const StateSnapshot& beginning);
  ~StateBuilder();

  const StateLengths& lengths() const;
  // Tokens [from, to) as of read_kv(). What is there already is passed over. Errors: kRuntime when tokens
  // between are missing or the number of bytes is another; kOutOfMemory.
  Result<void> add_kv(const StateLengths& from, const StateLengths& to, std::span<const std::byte> bytes);
  // The state is that of `length` tokens, which add_kv() has brought. Errors: kRuntime when they or bytes are
  // missing, or when the ring of this pool is too small; kOutOfMemory. The builder is of no use afterwards.
  Result<StateSnapshot> finish(int64_t length, int64_t base_at, std::span<const std::byte> recurrent);

 private:
  std::shared_ptr<StatePool> pool_;
  std::shared_ptr<StateRecord> record_;
};

}  // namespace gannet
