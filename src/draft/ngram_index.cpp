#include "draft/ngram_index.h"

#include <algorithm>

namespace gannet {

RollingHash::RollingHash(int n) : n_(static_cast<size_t>(n)) {
  for (int i = 0; i < n; ++i) highest_ *= kFactor;
}

void RollingHash::set(std::span<const TokenId> text) {
  value_ = 0;
  for (const TokenId token : text.last(std::min(n_, text.size()))) roll(token);
}

void NgramIndex::shrink(std::span<const TokenId> history, size_t n_kept) {
  if (n_kept >= size_) return;
  size_ = n_kept;
  while (!occurrences_.empty() && occurrences_.size() + n_ > n_kept) {
    const Occurrence& last = occurrences_.back();
    keys_[last.key].latest = last.before;
    if (--keys_[last.key].count == 0) {  // the last key, then: they are numbered in order of appearance
      table_.erase(keys_[last.key].hash, last.key);
      keys_.pop_back();
    }
    occurrences_.pop_back();
  }
  hash_.set(history.first(size_));
}

void NgramIndex::append(std::span<const TokenId> history) {
  for (; size_ < history.size(); ++size_) {
    if (size_ < n_) {
      hash_.roll(history[size_]);
      continue;
    }
    uint32_t key = find(hash_.value());
    if (key == kNoKey) {
      key = n_keys();
      keys_.push_back({.hash = hash_.value(), .latest = -1, .count = 0});
      table_.insert(hash_.value(), key);
    }
    occurrences_.push_back({.key = key, .before = keys_[key].latest});
    keys_[key].latest = static_cast<int32_t>(size_);
    ++keys_[key].count;
    hash_.roll(history[size_ - n_], history[size_]);
  }
}

uint32_t NgramIndex::find(uint64_t hash) const {
  return table_.find(hash, [&](uint32_t key) { return keys_[key].hash == hash; });
}

uint32_t NgramIndex::key_at_end(std::span<const TokenId> history) const {
  if (size_ < n_) return kNoKey;
  const uint32_t key = find(hash_.value());
  if (key == kNoKey) return kNoKey;
  // Different tokens may have the same hash.
  const auto place = history.subspan(static_cast<size_t>(keys_[key].latest) - n_, n_);
  return std::equal(place.begin(), place.end(), history.last(n_).begin()) ? key : kNoKey;
}

}  // namespace gannet
