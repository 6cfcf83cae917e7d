// The merges of a byte-level BPE vocabulary as a hash table from a pair of symbols to the rank and the symbol
// they merge into. A symbol is a token id, or a number >= the vocabulary's size for a text that merges
// mention but no (mergeable) token has. Must not know: words, text splitting.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/hash.h"
#include "text/vocabulary.h"

namespace gannet {

using Symbol = uint32_t;

// Immutable after build(); safe to share between threads.
class MergeTable {
 public:
  struct Entry {
    uint64_t pair;  // left << 32 | right
    uint32_t rank;
    Symbol result;
  };

  // Refuses (kModelFile) more than 2^24 merges, a merge without a space at index >= 1 or with nothing behind
  // it. When a pair is listed twice the better rank counts. O(bytes of the merges).
  static Result<MergeTable> build(std::span<const std::string_view> merges, const TextIndex& index,
                                  const Vocabulary& vocabulary);

  // The merge of two adjacent symbols, or null.
  const Entry* find(Symbol left, Symbol right) const {
    const uint64_t pair = (uint64_t{left} << 32) | right;
    for (size_t at = hash_pair(pair, seed_) & mask_; slots_[at].pair != kFree; at = (at + 1) & mask_) {
      if (slots_[at].pair == pair) return &slots_[at];
    }
    return nullptr;
  }

  Symbol byte_symbol(uint8_t byte) const { return byte_symbols_[byte]; }
  bool is_token(Symbol symbol) const { return symbol < n_tokens_; }

  // The token for a single byte: its one-character token, else the byte token <0xXX>, else empty.
  std::optional<TokenId> byte_token(uint8_t byte) const {
    return byte_tokens_[byte] < 0 ? std::nullopt : std::optional(byte_tokens_[byte]);
  }

 private:
  static constexpr uint64_t kFree = ~uint64_t{0};

  std::vector<Entry> slots_;
  size_t mask_ = 0;
  uint64_t seed_ = 0;
  uint32_t n_tokens_ = 0;
  std::array<Symbol, 256> byte_symbols_{};
  std::array<TokenId, 256> byte_tokens_{};
};

}  // namespace gannet
