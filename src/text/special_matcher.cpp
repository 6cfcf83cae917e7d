#include "text/special_matcher.h"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "base/check.h"

namespace gannet {

SpecialMatcher::SpecialMatcher(std::vector<SpecialText> texts) : texts_(std::move(texts)) {
  std::sort(texts_.begin(), texts_.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  int n_first = 0;
  for (uint32_t i = 0; i < texts_.size(); ++i) {
    GANNET_CHECK(!texts_[i].text.empty() && texts_[i].text.size() <= kMaxText);
    const auto first = static_cast<uint8_t>(texts_[i].text[0]);
    auto& range = by_first_[first];
    if (range.second == 0) {
      range.first = i;
      only_first_ = ++n_first == 1 ? first : -1;
    }
    range.second = i + 1;
  }
}

template <class Found>
void SpecialMatcher::match_prefixes(std::string_view text, Found found) const {
  auto [low, high] = by_first_[static_cast<uint8_t>(text[0])];
  // Invariant: texts_[low, high) are exactly those that share the first `depth` bytes with `text`.
  for (size_t depth = 1; low < high; ++depth) {
    if (texts_[low].text.size() == depth) {
      found(depth, low);
      if (++low == high) return;
    }
    if (depth == text.size()) return;
    const char next = text[depth];
    const auto before = [depth](const SpecialText& s, char c) {
      return static_cast<uint8_t>(s.text[depth]) < static_cast<uint8_t>(c);
    };
    const auto after = [depth](char c, const SpecialText& s) {
      return static_cast<uint8_t>(c) < static_cast<uint8_t>(s.text[depth]);
    };
    const auto begin = texts_.begin();
    const auto lower = std::lower_bound(begin + low, begin + high, next, before);
    const auto upper = std::upper_bound(lower, begin + high, next, after);
    low = static_cast<uint32_t>(lower - begin);
    high = static_cast<uint32_t>(upper - begin);
  }
}

size_t SpecialMatcher::next_candidate(std::string_view text, size_t from) const {
  if (only_first_ >= 0) {
    const void* at =
        from < text.size() ? std::memchr(text.data() + from, only_first_, text.size() - from) : nullptr;
    return at ? static_cast<size_t>(static_cast<const char*>(at) - text.data()) : text.size();
  }
  while (from < text.size() && by_first_[static_cast<uint8_t>(text[from])].second == 0) ++from;
  return from;
}

void SpecialMatcher::split(std::string_view text, std::vector<Fragment>* out) const {
  out->clear();
  if (text.empty()) return;
  out->push_back({text, -1});
  if (texts_.empty()) return;

  std::bitset<kMaxText + 1> occurring;
  for (size_t at = next_candidate(text, 0); at < text.size(); at = next_candidate(text, at + 1)) {
    match_prefixes(text.substr(at), [&](size_t length, uint32_t) { occurring.set(length); });
  }
  if (occurring.none()) return;

  std::vector<Fragment> cut;
  for (size_t length = kMaxText; length > 0; --length) {
    if (!occurring.test(length)) continue;
    cut.clear();
    for (const Fragment& fragment : *out) {
      if (fragment.token >= 0) {
        cut.push_back(fragment);
        continue;
      }
      const std::string_view raw = fragment.text;
      size_t done = 0;
      for (size_t at = next_candidate(raw, 0); at < raw.size();) {
        int32_t token = -1;
        match_prefixes(raw.substr(at, length), [&](size_t found, uint32_t index) {
          if (found == length) token = texts_[index].token;
        });
        if (token < 0) {
          at = next_candidate(raw, at + 1);
          continue;
        }
        if (at > done) cut.push_back({raw.substr(done, at - done), -1});
        cut.push_back({raw.substr(at, length), token});
        done = at + length;
        at = next_candidate(raw, done);
      }
      if (done < raw.size()) cut.push_back({raw.substr(done), -1});
    }
    out->swap(cut);
  }
}

}  // namespace gannet
