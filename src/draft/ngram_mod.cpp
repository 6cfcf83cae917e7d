#include "draft/ngram_mod.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "draft/lookup.h"
#include "draft/ngram_index.h"
#include "text/hash.h"

namespace gannet {

static_assert(kMaxTokens <= size_t{1} << 24, "a cell has 24 bits for a token");

NgramModPool::NgramModPool() : cells_(static_cast<uint32_t*>(std::calloc(kCells, sizeof(uint32_t)))) {
  if (!cells_) throw std::bad_alloc();
}

NgramModPool::Place NgramModPool::place(uint64_t hash) {
  const uint64_t mixed = hash_mix(hash, 0x9e3779b97f4a7c15u);
  return {mixed % kCells, (static_cast<uint32_t>(mixed >> 32) | 1) << 24};
}

void NgramModPool::insert(uint64_t hash, TokenId next) {
  const auto [cell, mark] = place(hash);
  n_used_ += cells_[cell] == 0;
  cells_[cell] = mark | static_cast<uint32_t>(next);
  ++n_inserted_;
}

TokenId NgramModPool::find(uint64_t hash) const {
  const auto [cell, mark] = place(hash);
  const uint32_t value = cells_[cell];
  return (value & 0xff000000u) == mark ? static_cast<TokenId>(value & 0xffffffu) : -1;
}

void NgramModPool::clear() {
  std::memset(cells_.get(), 0, kCells * sizeof(uint32_t));
  n_used_ = 0;
  n_inserted_ = 0;
  ++n_cleared_;
}

namespace {

// Bad drafts in a row after which the pool is taken to be full of what this text is not like.
constexpr int kMostBad = 5;
constexpr float kBad = 0.25f;       // right of those verified
constexpr float kMostUsed = 0.25f;  // of the cells, when a request begins

class NgramMod : public TokenSource {
 public:
  NgramMod(const NgramModSizes& sizes, std::shared_ptr<NgramModPool> pool)
      : sizes_(sizes),
        n_match_(static_cast<size_t>(sizes.n_match)),
        pool_(std::move(pool)),
        hash_(sizes.n_match) {}

  void begin(std::span<const TokenId> history, size_t n_kept) override {
    n_bad_ = 0;
    drafted_ = false;
    if (n_kept < size_) {
      size_ = n_kept;
      hash_.set(history.first(size_));
    }
    if (static_cast<float>(pool_->n_used()) > kMostUsed * static_cast<float>(NgramModPool::kCells))
      pool_->clear();
    append(history);
  }

  void append(std::span<const TokenId> history) override {
    if (n_cleared_ != pool_->n_cleared()) {  // by whomever: this text is worth knowing again
      n_cleared_ = pool_->n_cleared();
      size_ = 0;
      hash_.set({});
    }
    for (; size_ < history.size(); ++size_) {
      if (size_ < n_match_) {
        hash_.roll(history[size_]);
        continue;
      }
      pool_->insert(hash_.value(), history[size_]);
      hash_.roll(history[size_ - n_match_], history[size_]);
    }
  }

  void draft(std::span<const TokenId> history, int n_most, std::vector<DraftToken>& out) override {
    drafted_ = false;
    if (history.size() < n_match_) return;
    const size_t first = out.size();
    RollingHash hash = hash_;
    const int n_min = std::min(sizes_.n_min, sizes_.n_max), n = std::clamp(n_most, n_min, sizes_.n_max);
    int i = 0;
    for (; i < n; ++i) {
      const TokenId token = pool_->find(hash.value());
      if (token < 0) break;
      const size_t gone = history.size() + static_cast<size_t>(i) - n_match_;
      hash.roll(gone < history.size() ? history[gone] : out[first + gone - history.size()].token, token);
      out.push_back({.token = token, .confidence = usual_rate(sizes_.n_match + i, 1, 0)});
    }
    out.resize(first + static_cast<size_t>(i < n_min ? 0 : std::min(i, n_most)));
    drafted_ = out.size() > first;
  }

  void verified(int n_verified, int n_right) override {
    if (!drafted_) return;
    drafted_ = false;
    const bool bad = static_cast<float>(n_right) < kBad * static_cast<float>(n_verified);
    n_bad_ = bad ? n_bad_ + 1 : 0;
    if (n_bad_ < kMostBad) return;
    n_bad_ = 0;
    // Only when most of it is of other texts: this one will be inserted again.
    if (pool_->n_inserted() > 2 * size_) pool_->clear();
  }

 private:
  NgramModSizes sizes_;
  size_t n_match_;
  std::shared_ptr<NgramModPool> pool_;
  RollingHash hash_;  // of the last n_match tokens
  size_t size_ = 0;   // tokens inserted
  uint64_t n_cleared_ = 0;
  int n_bad_ = 0;
  bool drafted_ = false;
};

}  // namespace

std::unique_ptr<TokenSource> make_ngram_mod(const NgramModSizes& sizes, std::shared_ptr<NgramModPool> pool) {
  return std::make_unique<NgramMod>(sizes, std::move(pool));
}

}  // namespace gannet
