// A bounded cache from words to their tokens: one slot per hash, one cache line per slot, the newest word
// stays. Long words and words of many tokens are not kept. Must not know: how the tokens are found.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "text/hash.h"
#include "text/vocabulary.h"

namespace gannet {

// For one thread at a time. 2 MiB.
class WordCache {
 public:
  static constexpr size_t kMaxWord = 26;
  static constexpr size_t kMaxIds = 8;

  WordCache() : slots_(kSlots), seed_(hash_seed()) {}

  // Appends the tokens of `word` to `out` and returns true, if the word is here.
  bool append(std::string_view word, std::vector<TokenId>* out) const {
    if (word.size() > kMaxWord) return false;
    const uint64_t hash = hash_bytes(word, seed_);
    const Slot& slot = slots_[hash & (kSlots - 1)];
    if (slot.length != word.size() || slot.tag != tag_of(hash)) return false;
    if (std::memcmp(slot.word, word.data(), word.size()) != 0) return false;
    out->insert(out->end(), slot.ids, slot.ids + slot.n_ids);
    return true;
  }

  void insert(std::string_view word, const TokenId* ids, size_t n_ids) {
    if (word.empty() || word.size() > kMaxWord || n_ids > kMaxIds) return;
    const uint64_t hash = hash_bytes(word, seed_);
    Slot& slot = slots_[hash & (kSlots - 1)];
    slot.tag = tag_of(hash);
    slot.length = static_cast<uint8_t>(word.size());
    slot.n_ids = static_cast<uint8_t>(n_ids);
    std::memcpy(slot.word, word.data(), word.size());
    std::memcpy(slot.ids, ids, n_ids * sizeof(TokenId));
  }

 private:
  static constexpr size_t kSlots = size_t{1} << 15;
  struct alignas(64) Slot {
    uint32_t tag = 0;
    uint8_t length = 0;  // 0: empty
    uint8_t n_ids = 0;
    char word[kMaxWord];
    TokenId ids[kMaxIds];
  };
  static_assert(sizeof(Slot) == 64);

  static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }

  std::vector<Slot> slots_;
  uint64_t seed_;
};

}  // namespace gannet
