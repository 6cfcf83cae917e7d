#include "draft/ngram_map.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "draft/lookup.h"
#include "draft/ngram_index.h"

namespace gannet {
namespace {

// How long drafts of one kind may be: no longer than the last one was right, and twice as long after each
// that was right to its end. Never less than one, so that it can grow again.
struct Limit {
  int length;
  void update(int n_verified, int n_right, int most) {
    length = n_right < n_verified ? std::max(n_right, 1) : std::clamp(2 * n_right, length, most);
  }
};

class NgramMapK : public TokenSource {
 public:
  explicit NgramMapK(const NgramSizes& sizes) : sizes_(sizes), index_(sizes.size_n) {}

  void begin(std::span<const TokenId> history, size_t n_kept) override {
    index_.shrink(history, n_kept);
    if (limits_.size() > index_.n_keys()) limits_.resize(index_.n_keys(), {sizes_.size_m});
    drafted_ = NgramIndex::kNoKey;
    index_.append(history);
  }
  void append(std::span<const TokenId> history) override { index_.append(history); }

  void draft(std::span<const TokenId> history, int n_most, std::vector<DraftToken>& out) override {
    drafted_ = NgramIndex::kNoKey;
    const uint32_t key = index_.key_at_end(history);
    if (key == NgramIndex::kNoKey || index_.count(key) < sizes_.min_hits) return;
    if (limits_.size() <= key) limits_.resize(index_.n_keys(), {sizes_.size_m});
    const int n = std::min(n_most, limits_[key].length);
    copy_from(history, static_cast<size_t>(index_.latest(key)), n, 1, 0, out);
    drafted_ = key;
  }
  void verified(int n_verified, int n_right) override {
    if (drafted_ != NgramIndex::kNoKey) limits_[drafted_].update(n_verified, n_right, sizes_.size_m);
    drafted_ = NgramIndex::kNoKey;
  }

 private:
  NgramSizes sizes_;
  NgramIndex index_;
  std::vector<Limit> limits_;  // by key
  uint32_t drafted_ = NgramIndex::kNoKey;
};

class NgramMapK4v : public TokenSource {
 public:
  explicit NgramMapK4v(const NgramSizes& sizes) : sizes_(sizes), index_(sizes.size_n) {}

  void begin(std::span<const TokenId> history, size_t n_kept) override {
    index_.shrink(history, n_kept);
    if (index_.n_keys() == 0) keys_.clear();
    // What was counted in text that is gone must go: it is counted again at the next draft.
    std::erase_if(keys_, [&](const auto& k) {
      return static_cast<size_t>(k.second.counted_to + sizes_.size_m) > n_kept;
    });
    drafted_ = nullptr;
    index_.append(history);
  }
  void append(std::span<const TokenId> history) override { index_.append(history); }

  void draft(std::span<const TokenId> history, int n_most, std::vector<DraftToken>& out) override {
    drafted_ = nullptr;
    const uint32_t number = index_.key_at_end(history);
    if (number == NgramIndex::kNoKey || index_.count(number) < sizes_.min_hits) return;
    Key& key = keys_[number];
    count(history, number, key);
    Value* best = nullptr;
    int others = key.n_others;
    for (Value& value : key.values) {
      if (value.count == 0) break;
      others += value.count;
      if (!best || value.count > best->count) best = &value;
    }
    if (!best) return;
    others -= best->count;
    if (best->count < 2 * others) return;
    copy_from(history, static_cast<size_t>(best->position), std::min(n_most, best->limit.length), best->count,
              others, out);
    drafted_ = best;
  }
  void verified(int n_verified, int n_right) override {
    if (drafted_) drafted_->limit.update(n_verified, n_right, sizes_.size_m);
    drafted_ = nullptr;
  }

 private:
  struct Value {
    int32_t position = 0;  // of its latest occurrence
    int32_t count = 0;     // 0: free, and so are those behind it
    Limit limit = {0};
  };
  struct Key {
    int32_t counted_to = -1;  // the latest occurrence that is counted
    int32_t n_others = 0;     // that found no free value
    std::array<Value, 4> values = {};
  };

  // Counts the occurrences with size_m tokens behind them that are not counted yet, in the order of the text.
  void count(std::span<const TokenId> history, uint32_t number, Key& key) {
    const size_t m = static_cast<size_t>(sizes_.size_m);
    places_.clear();
    for (int32_t at = index_.latest(number); at > key.counted_to; at = index_.before(at))
      if (static_cast<size_t>(at) + m <= history.size()) places_.push_back(at);
    for (; !places_.empty(); places_.pop_back()) {
      const int32_t at = key.counted_to = places_.back();
      const auto text = history.subspan(static_cast<size_t>(at), m);
      Value* value = key.values.begin();
      while (value != key.values.end() && value->count > 0 &&
             !std::equal(text.begin(), text.end(), history.begin() + value->position))
        ++value;
      if (value == key.values.end()) {
        ++key.n_others;
        continue;
      }
      if (value->count == 0) value->limit.length = sizes_.size_m;
      value->position = at;
      ++value->count;
    }
  }

  NgramSizes sizes_;
  NgramIndex index_;
  std::unordered_map<uint32_t, Key> keys_;  // by number, those that there was a draft for
  std::vector<int32_t> places_;
  Value* drafted_ = nullptr;
};

}  // namespace

std::unique_ptr<TokenSource> make_ngram_map_k(const NgramSizes& sizes) {
  return std::make_unique<NgramMapK>(sizes);
}
std::unique_ptr<TokenSource> make_ngram_map_k4v(const NgramSizes& sizes) {
  return std::make_unique<NgramMapK4v>(sizes);
}

}  // namespace gannet
