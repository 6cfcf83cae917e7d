// How often which token followed which n-gram of 1 to 4 tokens. About 80 bytes for each n-gram with a token
// behind it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "draft/index_table.h"
#include "text/vocabulary.h"

namespace gannet {

inline constexpr size_t kLongestNgram = 4;
// Shorter ones are filled with -1 at the end.
using Ngram = std::array<TokenId, kLongestNgram>;
Ngram make_ngram(std::span<const TokenId> tokens);

class NgramCounts {
 public:
  struct Next {
    uint32_t ngram;   // its number
    uint32_t before;  // the one of the same n-gram that was found before it; kNone
    TokenId token;
    int32_t count;  // at most INT32_MAX
  };
  static constexpr uint32_t kNone = IndexTable::kNone;
  struct Entry {
    Ngram tokens;
    int64_t total = 0;
    uint32_t latest = kNone;                // of its Nexts
    uint32_t best = kNone, second = kNone;  // the most frequent ones; of equal ones the one counted last
  };

  bool empty() const { return entries_.empty(); }
  std::span<const Entry> entries() const { return entries_; }
  const Next& next(uint32_t number) const { return nexts_[number]; }
  size_t n_nexts() const { return nexts_.size(); }
  // Numbers of an entry's Nexts, the second best and the best one last: added in this order to other counts
  // they are the best ones there, too, of those that are equally frequent.
  std::vector<uint32_t> nexts_of(const Entry& entry) const;

  const Entry* find(const Ngram& ngram) const;
  int32_t count(const Ngram& ngram, TokenId token) const;

  // What undo() must know.
  struct Change {
    uint32_t next, best, second;
  };
  Change add(const Ngram& ngram, TokenId token, int32_t count = 1);
  // The last add() of those that were not undone, with count 1.
  void undo(const Change& change);

 private:
  uint32_t find_entry(const Ngram& ngram) const;
  uint32_t find_next(uint32_t entry, TokenId token) const;

  std::vector<Entry> entries_;
  std::vector<Next> nexts_;
  IndexTable entry_table_, next_table_;
};

}  // namespace gannet
