#include "engine/draft_vocabulary.h"

#include <algorithm>
#include <cmath>

namespace gannet {
namespace {

// The prior counts like so many tokens that were seen.
constexpr double kPriorTokens = 20000;
constexpr double kZipfOffset = 2.7;  // Mandelbrot's: the most frequent ones are less so than 1 / rank says

bool always(const Vocabulary& vocabulary, TokenId id) {
  const TokenType type = vocabulary.type(id);
  if (type == TokenType::kControl || type == TokenType::kUserDefined || type == TokenType::kByte) return true;
  const std::string_view piece = vocabulary.piece(id);
  return piece.size() == 1 ||
         (!piece.empty() && piece.find_first_not_of(" \t\n\r") == std::string_view::npos);
}

}  // namespace

void TokenCounts::add(std::span<const TokenId> tokens) {
  for (const TokenId id : tokens) {
    if (id < 0) continue;
    if (static_cast<size_t>(id) >= of_.size()) of_.resize(static_cast<size_t>(id) + 1);
    if (of_[static_cast<size_t>(id)] < UINT32_MAX) ++of_[static_cast<size_t>(id)];
  }
}

void TokenCounts::add(std::span<const std::pair<TokenId, uint32_t>> pairs) {
  for (const auto& [id, count] : pairs) {
    if (id < 0 || static_cast<size_t>(id) >= kMaxTokens) continue;
    if (static_cast<size_t>(id) >= of_.size()) of_.resize(static_cast<size_t>(id) + 1);
    uint32_t& own = of_[static_cast<size_t>(id)];
    own += std::min(count, UINT32_MAX - own);
  }
}

std::vector<std::pair<TokenId, uint32_t>> TokenCounts::list() const {
  std::vector<std::pair<TokenId, uint32_t>> all;
  for (size_t i = 0; i < of_.size(); ++i)
    if (of_[i] > 0) all.emplace_back(static_cast<TokenId>(i), of_[i]);
  return all;
}

std::vector<std::pair<TokenId, uint32_t>> TokenCounts::most_frequent(TokenId first, size_t most) const {
  auto all = list();
  std::erase_if(all, [&](const auto& pair) { return pair.first < first; });
  std::ranges::stable_sort(all, std::ranges::greater{}, [](const auto& pair) { return pair.second; });
  if (all.size() > most) all.resize(most);
  while (!all.empty() && all.front().second >= kFull)
    for (auto& [id, count] : all) count = (count + 1) / 2;
  std::ranges::sort(all);
  return all;
}

uint32_t TokenCounts::of(TokenId id) const {
  return id >= 0 && static_cast<size_t>(id) < of_.size() ? of_[static_cast<size_t>(id)] : 0;
}

std::vector<TokenId> choose_draft_tokens(const Vocabulary& vocabulary, const TokenCounts& counts, size_t n) {
  std::vector<std::pair<double, TokenId>> ranked;
  const double scale = kPriorTokens / std::log(vocabulary.size() + kZipfOffset);
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.type(id) == TokenType::kUnused) continue;
    const double weight = always(vocabulary, id) ? INFINITY : counts.of(id) + scale / (id + kZipfOffset);
    ranked.emplace_back(-weight, id);
  }
  n = std::min(n, ranked.size());
  std::nth_element(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(n), ranked.end());
  std::vector<TokenId> ids;
  for (size_t i = 0; i < n; ++i) ids.push_back(ranked[i].second);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace gannet
