// Where the n-grams of a text occur: for the last n tokens all earlier places, the latest first. Grows and
// shrinks at the end of the text, each in constant time per token; about 40 bytes per token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "draft/index_table.h"
#include "text/vocabulary.h"

namespace gannet {

// A window that moves over tokens, as a number: the same tokens give the same number.
class RollingHash {
 public:
  explicit RollingHash(int n);
  // The window is the last n tokens of the text, which may have fewer.
  void set(std::span<const TokenId> text);
  void roll(TokenId out, TokenId in) { value_ = value_ * kFactor + number(in) - highest_ * number(out); }
  void roll(TokenId in) { value_ = value_ * kFactor + number(in); }  // while it is filled
  uint64_t value() const { return value_; }

 private:
  static constexpr uint64_t kFactor = 6364136223846793005u;
  static uint64_t number(TokenId token) { return static_cast<uint32_t>(token) + uint64_t{1}; }
  size_t n_;
  uint64_t highest_ = 1;  // kFactor^n
  uint64_t value_ = 0;
};

// Keys are numbered in order of appearance. An occurrence is named by the position of the token behind it.
class NgramIndex {
 public:
  static constexpr uint32_t kNoKey = IndexTable::kNone;
  explicit NgramIndex(int n) : n_(static_cast<size_t>(n)), hash_(n) {}

  // Forgets all but the first n_kept tokens of what it knew, of which `history` must still have as many.
  void shrink(std::span<const TokenId> history, size_t n_kept);
  // `history` begins with what it knows.
  void append(std::span<const TokenId> history);

  size_t size() const { return size_; }  // tokens that it knows
  // The key that the text (all of it appended) ends with; kNoKey: it is new.
  uint32_t key_at_end(std::span<const TokenId> history) const;
  uint32_t n_keys() const { return static_cast<uint32_t>(keys_.size()); }
  // Occurrences that something follows.
  int32_t count(uint32_t key) const { return keys_[key].count; }
  int32_t latest(uint32_t key) const { return keys_[key].latest; }
  int32_t before(int32_t position) const { return occurrences_[static_cast<size_t>(position) - n_].before; }

 private:
  struct Key {
    uint64_t hash;
    int32_t latest;
    int32_t count;
  };
  struct Occurrence {
    uint32_t key;
    int32_t before;  // the occurrence before it; -1: none
  };
  uint32_t find(uint64_t hash) const;

  size_t n_, size_ = 0;
  RollingHash hash_;  // of the last n tokens
  std::vector<Key> keys_;
  std::vector<Occurrence> occurrences_;  // at [position - n]
  IndexTable table_;
};

}  // namespace gannet
