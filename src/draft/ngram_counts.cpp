#include "draft/ngram_counts.h"

#include <algorithm>
#include <limits>

namespace gannet {

Ngram make_ngram(std::span<const TokenId> tokens) {
  Ngram ngram;
  ngram.fill(-1);
  std::copy(tokens.begin(), tokens.end(), ngram.begin());
  return ngram;
}

namespace {

uint64_t key_of(const Ngram& ngram) {
  return hash_bytes({reinterpret_cast<const char*>(ngram.data()), sizeof ngram}, hash_seed());
}
uint64_t key_of(uint32_t entry, TokenId token) {
  return uint64_t{entry} << 32 | static_cast<uint32_t>(token);
}

}  // namespace

uint32_t NgramCounts::find_entry(const Ngram& ngram) const {
  return entry_table_.find(key_of(ngram), [&](uint32_t i) { return entries_[i].tokens == ngram; });
}

uint32_t NgramCounts::find_next(uint32_t entry, TokenId token) const {
  return next_table_.find(key_of(entry, token),
                          [&](uint32_t i) { return nexts_[i].ngram == entry && nexts_[i].token == token; });
}

const NgramCounts::Entry* NgramCounts::find(const Ngram& ngram) const {
  const uint32_t entry = find_entry(ngram);
  return entry == kNone ? nullptr : &entries_[entry];
}

int32_t NgramCounts::count(const Ngram& ngram, TokenId token) const {
  const uint32_t entry = find_entry(ngram);
  if (entry == kNone) return 0;
  const uint32_t next = find_next(entry, token);
  return next == kNone ? 0 : nexts_[next].count;
}

std::vector<uint32_t> NgramCounts::nexts_of(const Entry& entry) const {
  std::vector<uint32_t> numbers;
  for (uint32_t i = entry.latest; i != kNone; i = nexts_[i].before)
    if (i != entry.best && i != entry.second) numbers.push_back(i);
  for (const uint32_t i : {entry.second, entry.best})
    if (i != kNone) numbers.push_back(i);
  return numbers;
}

NgramCounts::Change NgramCounts::add(const Ngram& ngram, TokenId token, int32_t count) {
  uint32_t number = find_entry(ngram);
  if (number == kNone) {
    number = static_cast<uint32_t>(entries_.size());
    entries_.push_back({.tokens = ngram});
    entry_table_.insert(key_of(ngram), number);
  }
  Entry& entry = entries_[number];
  uint32_t next = find_next(number, token);
  if (next == kNone) {
    next = static_cast<uint32_t>(nexts_.size());
    nexts_.push_back({.ngram = number, .before = entry.latest, .token = token, .count = 0});
    next_table_.insert(key_of(number, token), next);
    entry.latest = next;
  }
  const Change change = {next, entry.best, entry.second};
  int32_t& sum = nexts_[next].count;
  const int32_t added = std::min(count, std::numeric_limits<int32_t>::max() - sum);
  sum += added;
  entry.total += added;
  if (next == entry.best) return change;
  if (entry.best == kNone || sum >= nexts_[entry.best].count) {
    entry.second = entry.best;
    entry.best = next;
  } else if (next != entry.second && (entry.second == kNone || sum >= nexts_[entry.second].count)) {
    entry.second = next;
  }
  return change;
}

void NgramCounts::undo(const Change& change) {
  Next& next = nexts_[change.next];
  const uint32_t number = next.ngram;
  Entry& entry = entries_[number];
  --entry.total;
  entry.best = change.best;
  entry.second = change.second;
  if (--next.count > 0) return;
  next_table_.erase(key_of(number, next.token), change.next);
  entry.latest = next.before;
  nexts_.pop_back();
  if (entry.latest != kNone) return;
  entry_table_.erase(key_of(entry.tokens), number);
  entries_.pop_back();
}

}  // namespace gannet
