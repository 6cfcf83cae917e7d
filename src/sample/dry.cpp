#include "sample/dry.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/core.h>

namespace gannet {
namespace {

// More is no use, and less distance between logits would be lost in rounding.
constexpr double kMostPenalty = 1e6;

}  // namespace

Result<std::shared_ptr<const DryBreakers>> DryBreakers::create(const Vocabulary& vocabulary,
                                                               std::span<const std::string> texts) {
  if (texts.size() > kMostBreakers)
    return Error(ErrorCode::kUsage, fmt::format("{} DRY sequence breakers; at most {} are possible",
                                                texts.size(), kMostBreakers));
  std::shared_ptr<DryBreakers> made(new DryBreakers(vocabulary));
  for (const std::string& text : texts) {
    if (text.empty() || text.size() > kLongestBreaker)
      return Error(ErrorCode::kUsage, fmt::format("DRY sequence breaker {}: must have 1 to {} bytes",
                                                  quoted(text), kLongestBreaker));
    made->longest_ = std::max(made->longest_, text.size());
  }
  made->texts_.assign(texts.begin(), texts.end());
  const auto n_tokens = static_cast<size_t>(vocabulary.size());
  made->contains_.resize(n_tokens);
  made->begins_.resize(n_tokens);
  for (size_t i = 0; i < n_tokens; ++i) {
    const std::string_view piece = vocabulary.piece(static_cast<TokenId>(i));
    for (const std::string_view text : made->texts_) {
      if (piece.find(text) != piece.npos) made->contains_[i] = true;
      for (size_t n = std::min(piece.size(), text.size() - 1); n > 0 && !made->begins_[i]; --n)
        if (piece.ends_with(text.substr(0, n))) made->begins_[i] = true;
    }
  }
  return std::shared_ptr<const DryBreakers>(std::move(made));
}

size_t DryBreakers::tokens_behind(std::span<const TokenId> history) const {
  const auto piece = [&](size_t i) {
    return vocabulary_->contains(history[i]) ? vocabulary_->piece(history[i]) : std::string_view();
  };
  std::optional<size_t> last;  // the token in which a breaker ends
  size_t n_bytes = 0;          // from behind token i to the end of `last`
  for (size_t i = history.size(); i-- > 0;) {
    // What begins in token i or before it ends at most so many bytes behind it.
    if (last && n_bytes + 1 >= longest_) break;
    if (!last && contains(history[i])) last = i;
    if (has(begins_, history[i])) {
      // The end of token i, and as much of what follows as a breaker could reach.
      const std::string_view own = piece(i);
      std::string text(own.substr(own.size() - std::min(own.size(), longest_ - 1)));
      const size_t n_own = text.size();
      std::vector<size_t> ends = {n_own};  // of the tokens
      for (size_t j = i + 1; j < history.size() && text.size() < n_own + longest_ - 1; ++j) {
        text += piece(j);
        ends.push_back(text.size());
      }
      for (const std::string& breaker : texts_) {
        for (size_t at = text.find(breaker); at < n_own; at = text.find(breaker, at + 1)) {
          const auto token = std::ranges::lower_bound(ends, at + breaker.size()) - ends.begin();
          last = std::max(last.value_or(0), i + static_cast<size_t>(token));
        }
      }
    }
    if (last && *last >= i) {
      n_bytes = 0;
      for (size_t j = i; j <= *last; ++j) n_bytes += piece(j).size();
    }
  }
  return last ? history.size() - 1 - *last : history.size();
}

void find_dry_penalties(const SamplingParams& p, std::span<const TokenId> history, DryScratch* scratch,
                        std::vector<LogitBias>* out) {
  out->clear();
  if (p.dry_penalty_last_n >= 0)
    history = history.last(std::min(history.size(), static_cast<size_t>(p.dry_penalty_last_n)));
  const size_t n = history.size();
  const auto allowed = static_cast<size_t>(p.dry_allowed_length);
  const size_t limit = p.dry_breakers != nullptr ? p.dry_breakers->tokens_behind(history) : n;
  if (n < 2 || limit < allowed) return;

  // matches[j]: how long the ends of the text and of the text without its last j tokens are the same (the
  // Z-function of the reversed text).
  std::vector<size_t>& matches = scratch->matches;
  matches.assign(n, 0);
  const auto back = [&](size_t i) { return history[n - 1 - i]; };
  size_t begin = 0, end = 0;  // the known match that reaches furthest
  for (size_t j = 1; j < n; ++j) {
    size_t m = j < end ? std::min(end - j, matches[j - begin]) : 0;
    while (j + m < n && back(m) == back(j + m)) ++m;
    matches[j] = m;
    if (j + m > end) {
      begin = j;
      end = j + m;
    }
  }

  std::vector<std::pair<TokenId, size_t>>& longest = scratch->longest;
  longest.clear();
  for (size_t j = 1; j < n; ++j) {
    const size_t m = std::min(matches[j], limit);
    if (m >= allowed && !(p.dry_breakers != nullptr && p.dry_breakers->contains(back(j - 1))))
      longest.push_back({back(j - 1), m});
  }
  std::ranges::sort(longest);
  for (size_t i = 0; i < longest.size(); ++i) {
    if (i + 1 < longest.size() && longest[i + 1].first == longest[i].first) continue;
    const auto beyond = static_cast<double>(longest[i].second - allowed);
    const double penalty = p.dry_multiplier * std::pow(double{p.dry_base}, beyond);
    out->push_back({longest[i].first, -static_cast<float>(std::min(penalty, kMostPenalty))});
  }
}

}  // namespace gannet
