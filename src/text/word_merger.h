// Byte-level BPE of one word: starting from single bytes, repeatedly merges the adjacent pair of the best
// (lowest) rank, leftmost on ties, until no pair has one. A heap with stale entries makes it O(n log n), so a
// word of many megabytes costs what its bytes warrant. Must not know: splitting, caching, special tokens.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/merge_table.h"

namespace gannet {

// Scratch for one thread at a time.
class WordMerger {
 public:
  static constexpr size_t kMaxWord = 0x7FFFFFFF;

  // Appends the tokens of `word` (1 to kMaxWord bytes) to `out`; together they stand for exactly its bytes. A
  // merged text that no token has is emitted byte by byte. An Error (kModelFile) names a byte for which there
  // is no token at all.
  Result<void> merge(std::string_view word, const MergeTable& table, std::vector<TokenId>* out);

  // Gives back the memory of unusually long words.
  void shrink();

 private:
  struct Node {
    Symbol symbol;
    uint32_t next;  // index of the node to the right; the word's length behind the last
    uint32_t prev;  // index of the node to the left; kNone before the first
    uint32_t rank;  // of the merge with the node to the right; kNone: no merge, or the node is merged away
    Symbol result;  // of that merge
  };
  static constexpr uint32_t kNone = 0xFFFFFFFFu;

  void rate(uint32_t left, const MergeTable& table);

  std::vector<Node> nodes_;     // one per byte of the word
  std::vector<uint64_t> heap_;  // rank << 32 | left index, least first
};

}  // namespace gannet
