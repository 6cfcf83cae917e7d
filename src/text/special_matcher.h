// Finds special and user-defined token texts inside raw text by plain byte comparison: longest text first
// over the whole text, each length scanned left to right, what is found is cut out and the rest searched on.
// (Where two texts of equal length overlap in the text, the leftmost wins.) Must not know: token types,
// merges.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace gannet {

struct SpecialText {
  std::string_view text;  // not empty; storage must outlive the matcher
  int32_t token;
};

// A piece of the text: a special token (text is its bytes), or raw text (token < 0).
struct Fragment {
  std::string_view text;
  int32_t token;
};

// Immutable; safe to share between threads.
class SpecialMatcher {
 public:
  // Texts must be distinct and at most kMaxText bytes.
  static constexpr size_t kMaxText = 1024;
  explicit SpecialMatcher(std::vector<SpecialText> texts);

  // Replaces the content of `out` with the fragments of `text` in order; no fragment is empty. Time is
  // O(n * lengths that occur * log of their number): one pass over n for text without specials.
  void split(std::string_view text, std::vector<Fragment>* out) const;

 private:
  // Calls found(length, index) for each special text that `text` begins with, shortest first.
  template <class Found>
  void match_prefixes(std::string_view text, Found found) const;
  // Next offset >= from where any special text could begin.
  size_t next_candidate(std::string_view text, size_t from) const;

  std::vector<SpecialText> texts_;  // sorted by bytes, so common prefixes are ranges
  std::array<std::pair<uint32_t, uint32_t>, 256> by_first_{};  // range of texts_ by first byte
  int only_first_ = -1;                                        // the first byte if all share one, for memchr
};

}  // namespace gannet
