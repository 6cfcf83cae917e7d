// ngram-mod: a table from hashes of n_match tokens to the token behind them, of constant size and shared by
// all sequences. The last write wins, so that it knows what was written lately by anyone.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "draft/token_source.h"

namespace gannet {

// 16 MiB of zero pages until they are written. Its content is a function of what was inserted since it was
// cleared, in order. One thread at a time.
class NgramModPool {
 public:
  static constexpr size_t kCells = size_t{1} << 22;
  NgramModPool();

  void insert(uint64_t hash, TokenId next);
  TokenId find(uint64_t hash) const;  // -1: nothing
  void clear();

  size_t n_used() const { return n_used_; }
  uint64_t n_inserted() const { return n_inserted_; }  // since it was cleared
  uint64_t n_cleared() const { return n_cleared_; }

 private:
  // Token ids have 24 bits; the others hold a part of the hash that is never 0, so that few foreign cells are
  // taken for right.
  struct Place {
    size_t cell;
    uint32_t mark;
  };
  static Place place(uint64_t hash);
  struct Free {
    void operator()(uint32_t* p) const { std::free(p); }
  };
  std::unique_ptr<uint32_t[], Free> cells_;
  size_t n_used_ = 0;
  uint64_t n_inserted_ = 0, n_cleared_ = 0;
};

struct NgramModSizes {
  int n_match = 24;
  int n_min = 48;  // where fewer follow, none are drafted; so many must follow when fewer are wanted too
  int n_max = 64;
};

std::unique_ptr<TokenSource> make_ngram_mod(const NgramModSizes& sizes, std::shared_ptr<NgramModPool> pool);

}  // namespace gannet
