#include "text/special_matcher.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

namespace gannet {
namespace {

using Pieces = std::vector<std::pair<std::string, int32_t>>;

Pieces split(const std::vector<std::string>& specials, std::string_view text) {
  std::vector<SpecialText> texts;
  for (size_t i = 0; i < specials.size(); ++i) texts.push_back({specials[i], static_cast<int32_t>(i)});
  std::vector<Fragment> fragments;
  SpecialMatcher(std::move(texts)).split(text, &fragments);
  Pieces pieces;
  for (const auto& fragment : fragments) pieces.emplace_back(fragment.text, fragment.token);
  return pieces;
}

// The rule as it is stated: one length after the other, each fragment scanned from the left.
Pieces split_plainly(const std::vector<std::string>& specials, const std::string& text) {
  Pieces pieces = {{text, -1}};
  for (size_t length = 12; length > 0; --length) {
    Pieces next;
    for (const auto& [piece, token] : pieces) {
      std::string raw;
      for (size_t at = 0; token < 0 && at < piece.size();) {
        const auto found = std::find(specials.begin(), specials.end(), piece.substr(at, length));
        if (found == specials.end() || found->size() != length) {
          raw += piece[at++];
          continue;
        }
        if (!raw.empty()) next.emplace_back(raw, -1);
        raw.clear();
        next.emplace_back(*found, static_cast<int32_t>(found - specials.begin()));
        at += length;
      }
      if (token >= 0) next.emplace_back(piece, token);
      if (!raw.empty()) next.emplace_back(raw, -1);
    }
    pieces = next;
  }
  return pieces;
}

TEST(SpecialMatcher, Splits) {
  const std::vector<std::string> specials = {"<|im_start|>", "<|im_end|>", "<t>"};
  EXPECT_EQ(split(specials, ""), Pieces{});
  EXPECT_EQ(split(specials, "plain < text |>"), (Pieces{{"plain < text |>", -1}}));
  EXPECT_EQ(split(specials, "<|im_start|>user<|im_end|>\n<t"),
            (Pieces{{"<|im_start|>", 0}, {"user", -1}, {"<|im_end|>", 1}, {"\n<t", -1}}));
  EXPECT_EQ(split(specials, "<<t>>"), (Pieces{{"<", -1}, {"<t>", 2}, {">", -1}}));
  EXPECT_EQ(split({}, "<t>"), (Pieces{{"<t>", -1}}));
}

TEST(SpecialMatcher, LongestFirstOverTheWholeTextNotLeftmost) {
  EXPECT_EQ(split({"abc", "bcdef"}, "abcdef"), (Pieces{{"a", -1}, {"bcdef", 1}}));
  EXPECT_EQ(split({"ab", "abab"}, "ababab"), (Pieces{{"abab", 1}, {"ab", 0}}));
}

RC_GTEST_PROP(SpecialMatcher, EqualsThePlainRule, ()) {
  const auto letters = rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'));
  std::set<std::string> distinct;
  for (const auto& s : *rc::gen::container<std::vector<std::string>>(letters)) {
    if (!s.empty()) distinct.insert(s.substr(0, 12));
  }
  const std::vector<std::string> specials(distinct.begin(), distinct.end());
  const auto text = *letters;
  if (!text.empty()) RC_ASSERT(split(specials, text) == split_plainly(specials, text));
}

TEST(SpecialMatcher, ManyNestedTextsStayFast) {
  std::vector<std::string> specials;
  for (size_t n = 1; n <= SpecialMatcher::kMaxText; n += 16) specials.emplace_back(n, 'a');
  for (int i = 0; i < 20000; ++i) specials.push_back("<|reserved_" + std::to_string(i) + "|>");
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "<|reserved_" + std::to_string(i) + "|> aaa";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(split(specials, text).size(), 20000u * 5);
  EXPECT_EQ(split(specials, std::string(1 << 13, 'a')).front().second, 63);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace gannet
