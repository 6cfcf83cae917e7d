#include "draft/ngram_simple.h"

#include <algorithm>

#include "draft/lookup.h"
#include "draft/ngram_index.h"

namespace gannet {
namespace {

class NgramSimple : public TokenSource {
 public:
  explicit NgramSimple(const NgramSizes& sizes) : sizes_(sizes), index_(sizes.size_n) {}

  void begin(std::span<const TokenId> history, size_t n_kept) override {
    index_.shrink(history, n_kept);
    index_.append(history);
  }
  void append(std::span<const TokenId> history) override { index_.append(history); }

  void draft(std::span<const TokenId> history, int n_most, std::vector<DraftToken>& out) override {
    const uint32_t key = index_.key_at_end(history);
    if (key == NgramIndex::kNoKey || index_.count(key) < sizes_.min_hits) return;
    copy_from(history, static_cast<size_t>(index_.latest(key)), std::min(n_most, sizes_.size_m), 1, 0, out);
  }
  void verified(int, int) override {}

 private:
  NgramSizes sizes_;
  NgramIndex index_;
};

}  // namespace

std::unique_ptr<TokenSource> make_ngram_simple(const NgramSizes& sizes) {
  return std::make_unique<NgramSimple>(sizes);
}

}  // namespace gannet
