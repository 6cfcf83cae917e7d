#include "draft/ngram_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "draft/lookup.h"
#include "draft/ngram_cache_file.h"

namespace gannet {

// n-grams with a token behind them that the dynamic file may grow to: about 80 MB of file.
constexpr size_t kMostEarlier = size_t{1} << 22;

Result<std::shared_ptr<NgramCacheFiles>> NgramCacheFiles::open(const std::string& static_path,
                                                               const std::string& dynamic_path,
                                                               TokenId n_vocab) {
  auto files = std::make_shared<NgramCacheFiles>();
  files->dynamic_path = dynamic_path;
  if (!static_path.empty()) files->corpus = GANNET_TRY(read_ngram_counts(static_path, n_vocab));
  struct stat info;
  if (!dynamic_path.empty() && stat(dynamic_path.c_str(), &info) == 0)
    files->earlier = GANNET_TRY(read_ngram_counts(dynamic_path, n_vocab));
  return files;
}

void NgramCacheFiles::add(const NgramCounts& text) {
  if (dynamic_path.empty()) return;
  for (const NgramCounts::Entry& entry : text.entries())
    for (const uint32_t i : text.nexts_of(entry)) {
      const auto& next = text.next(i);
      if (earlier.n_nexts() >= kMostEarlier && earlier.count(entry.tokens, next.token) == 0) continue;
      earlier.add(entry.tokens, next.token, next.count);
      changed = true;
    }
}

Result<void> NgramCacheFiles::save() {
  if (!changed) return {};
  GANNET_TRY(write_ngram_counts(earlier, dynamic_path));
  changed = false;
  return {};
}

namespace {

// By length of the n-gram: how often it must have been seen, and in how many of 100 cases the token must have
// followed.
struct Demands {
  std::array<int, kLongestNgram> samples, percent;
};
constexpr Demands kOfText = {{2, 2, 1, 1}, {66, 50, 50, 50}};
constexpr Demands kOfEarlier = {{4, 3, 2, 2}, {75, 66, 66, 66}};
constexpr Demands kOfCorpus = {{0, 2, 0, 0}, {0, 50, 0, 0}};  // it is asked for pairs only

struct Found {
  TokenId token;
  int length;
  double seen, others;
};

class NgramCache : public TokenSource {
 public:
  explicit NgramCache(std::shared_ptr<NgramCacheFiles> files) : files_(std::move(files)) {}
  ~NgramCache() override { files_->add(text_); }

  void begin(std::span<const TokenId> history, size_t n_kept) override {
    if (n_kept == 0) {
      files_->add(text_);
      text_ = {};
      changes_.clear();
      size_ = 0;
    }
    for (; size_ > n_kept; --size_)
      for (size_t n = std::min(size_ - 1, kLongestNgram); n > 0; --n) {
        text_.undo(changes_.back());
        changes_.pop_back();
      }
    append(history);
  }

  void append(std::span<const TokenId> history) override {
    for (; size_ < history.size(); ++size_)
      for (size_t n = 1; n <= std::min(size_, kLongestNgram); ++n)
        changes_.push_back(text_.add(make_ngram(history.subspan(size_ - n, n)), history[size_]));
  }

  void draft(std::span<const TokenId> history, int n_most, std::vector<DraftToken>& out) override {
    window_.assign(history.end() - static_cast<ptrdiff_t>(std::min(history.size(), kLongestNgram)),
                   history.end());
    for (int i = 0; i < std::min(n_most, kNgramCacheMost); ++i) {
      auto found = find(text_, kOfText);
      if (!found) found = find(files_->earlier, kOfEarlier);
      if (!found && window_.size() >= 2) found = find_length(files_->corpus, 2, kOfCorpus);
      if (!found) return;
      out.push_back(
          {.token = found->token, .confidence = usual_rate(found->length, found->seen, found->others)});
      window_.push_back(found->token);
      if (window_.size() > kLongestNgram) window_.erase(window_.begin());
    }
  }
  void verified(int, int) override {}

 private:
  // The longest n-gram at the end of the window that has a token which meets the demands.
  std::optional<Found> find(const NgramCounts& counts, const Demands& demands) const {
    if (counts.empty()) return std::nullopt;
    for (size_t n = window_.size(); n > 0; --n)
      if (auto found = find_length(counts, n, demands)) return found;
    return std::nullopt;
  }

  std::optional<Found> find_length(const NgramCounts& counts, size_t n, const Demands& demands) const {
    const auto* entry = counts.find(make_ngram(std::span(window_).last(n)));
    if (!entry || entry->total < demands.samples[n - 1]) return std::nullopt;
    // No more than two tokens can have half of all; where both do, the corpus says which.
    std::optional<Found> best;
    double best_weight = 0;
    for (const uint32_t i : {entry->best, entry->second}) {
      if (i == NgramCounts::kNone) continue;
      const auto& next = counts.next(i);
      const double seen = next.count, all = static_cast<double>(entry->total);
      if (100 * seen < demands.percent[n - 1] * all) continue;
      const double weight = seen * std::max(1.0, 100.0 * corpus_count(next.token));
      if (weight <= best_weight) continue;
      best_weight = weight;
      best = Found{next.token, static_cast<int>(n), seen, all - seen};
    }
    return best;
  }

  int32_t corpus_count(TokenId token) const {
    if (files_->corpus.empty() || window_.size() < 2) return 0;
    return files_->corpus.count(make_ngram(std::span(window_).last(2)), token);
  }

  std::shared_ptr<NgramCacheFiles> files_;
  NgramCounts text_;
  std::vector<NgramCounts::Change> changes_;  // of text_, the shortest n-gram of a token first
  size_t size_ = 0;                           // tokens counted
  std::vector<TokenId> window_;               // the end of the text with the draft
};

}  // namespace

std::unique_ptr<TokenSource> make_ngram_cache(std::shared_ptr<NgramCacheFiles> files) {
  return std::make_unique<NgramCache>(std::move(files));
}

}  // namespace gannet
