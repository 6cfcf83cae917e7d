// The tables that the sources are made of, against the containers of the standard library.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <map>

#include "draft/match_rates.h"
#include "draft/ngram_counts.h"
#include "draft/ngram_index.h"

namespace gannet {
namespace {

using Text = std::vector<TokenId>;

RC_GTEST_PROP(IndexTable, FindsWhatIsInIt, ()) {
  // Few keys, so that records share them.
  const auto steps = *rc::gen::container<std::vector<std::pair<uint64_t, bool>>>(
      rc::gen::pair(rc::gen::inRange<uint64_t>(0, 40), rc::gen::arbitrary<bool>()));
  IndexTable table;
  std::map<uint32_t, uint64_t> records;
  for (const auto& [key, insert] : steps) {
    const uint32_t number = records.empty() ? 0 : records.rbegin()->first + 1;
    const auto some = records.lower_bound(static_cast<uint32_t>(key));
    if (insert) {
      table.insert(key, number);
      records[number] = key;
    } else if (some != records.end()) {
      table.erase(some->second, some->first);
      records.erase(some);
    }
    for (uint32_t r = 0; r < number + 2; ++r)
      for (const uint64_t k : {key, key + 1}) {
        const bool there = records.contains(r) && records[r] == k;
        RC_ASSERT(table.find(k, [&](uint32_t found) { return found == r; }) ==
                  (there ? r : IndexTable::kNone));
      }
  }
}

// Occurrences of the end of the text that something follows, the latest first.
std::vector<int32_t> occurrences(const Text& text, size_t n) {
  std::vector<int32_t> found;
  for (size_t at = text.size() - 1; text.size() > n && at >= n; --at)
    if (std::equal(text.end() - static_cast<ptrdiff_t>(n), text.end(),
                   text.begin() + static_cast<ptrdiff_t>(at - n)))
      found.push_back(static_cast<int32_t>(at));
  return found;
}

RC_GTEST_PROP(NgramIndex, KnowsAllOccurrences, ()) {
  const int n = *rc::gen::inRange(1, 5);
  NgramIndex index(n);
  Text text;
  for (int round = 0; round < 4; ++round) {
    const size_t kept = *rc::gen::inRange<size_t>(0, text.size() + 1);
    text.resize(kept);
    const Text more = *rc::gen::container<Text>(rc::gen::inRange<TokenId>(0, 2));
    text.insert(text.end(), more.begin(), more.end());
    index.shrink(text, kept);
    index.append(text);
    const uint32_t key = index.key_at_end(text);
    std::vector<int32_t> found;
    if (key != NgramIndex::kNoKey) {
      for (int32_t at = index.latest(key); at >= 0; at = index.before(at)) found.push_back(at);
      RC_ASSERT(index.count(key) == static_cast<int32_t>(found.size()));
    }
    RC_ASSERT(found == occurrences(text, static_cast<size_t>(n)));
    NgramIndex anew(n);
    anew.append(text);
    RC_ASSERT(index.n_keys() == anew.n_keys());  // nothing is left of what was forgotten
  }
}

// The sequence of Thue and Morse and its opposite have the same hash, whatever the factor: powers of it that
// are 1 modulo ever higher powers of two cancel each other.
TEST(NgramIndex, EqualHashesAreNoMatch) {
  Text text;
  for (uint32_t i = 0; i < 2048; ++i) text.push_back(std::popcount(i) % 2);
  text.push_back(7);
  for (uint32_t i = 0; i < 2048; ++i) text.push_back(1 - text[i]);
  RollingHash one(2048), other(2048);
  one.set(std::span(text).first(2048));
  other.set(text);
  ASSERT_EQ(one.value(), other.value());
  NgramIndex index(2048);
  index.append(text);
  EXPECT_EQ(index.key_at_end(text), NgramIndex::kNoKey);
}

RC_GTEST_PROP(NgramCounts, CountsAndForgets, ()) {
  struct Step {
    Ngram ngram;
    TokenId token;
  };
  NgramCounts counts;
  std::vector<std::pair<Step, NgramCounts::Change>> done;
  const auto check = [&] {
    std::map<Ngram, std::map<TokenId, int32_t>> expected;
    for (const auto& [step, change] : done) ++expected[step.ngram][step.token];
    RC_ASSERT(counts.entries().size() == expected.size());
    for (const auto& [ngram, nexts] : expected) {
      const auto* entry = counts.find(ngram);
      RC_ASSERT(entry);
      std::vector<int32_t> sorted;
      int64_t total = 0;
      for (const auto& [token, n] : nexts) {
        RC_ASSERT(counts.count(ngram, token) == n);
        sorted.push_back(n);
        total += n;
      }
      std::sort(sorted.rbegin(), sorted.rend());
      RC_ASSERT(entry->total == total);
      RC_ASSERT(counts.next(entry->best).count == sorted[0]);
      RC_ASSERT((entry->second == NgramCounts::kNone) == (sorted.size() == 1));
      if (sorted.size() > 1) RC_ASSERT(counts.next(entry->second).count == sorted[1]);
    }
  };
  for (const int choice : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 24))) {
    if (choice < 6) {
      if (done.empty()) continue;
      counts.undo(done.back().second);
      done.pop_back();
    } else {
      const Step step = {make_ngram(std::vector<TokenId>(1 + static_cast<size_t>(choice % 2), 7)),
                         choice / 4};
      done.push_back({step, counts.add(step.ngram, step.token)});
    }
    check();
  }
}

RC_GTEST_PROP(MatchRates, StaysInsideAndGoesBack, ()) {
  const auto lessons = *rc::gen::container<std::vector<std::pair<int, bool>>>(
      rc::gen::pair(rc::gen::inRange(0, 40), rc::gen::arbitrary<bool>()));
  const auto match = [](int i) {
    return MatchClass(static_cast<uint32_t>(1 + i / 4), 1 + i % 3, i % 2, i % 5 == 0);
  };
  const auto all = [&](const MatchRates& rates) {
    std::vector<float> chances;
    for (int i = 0; i < 40; ++i) {
      chances.push_back(rates.chance(match(i)));
      RC_ASSERT(chances.back() > 0 && chances.back() < 1);
    }
    return chances;
  };
  MatchRates rates;
  std::vector<std::vector<float>> states = {all(rates)};
  for (const auto& [i, right] : lessons) {
    if (i == 0)
      rates.learn_nothing();
    else
      rates.learn(match(i), right);
    states.push_back(all(rates));
  }
  for (; states.size() > 1; states.pop_back()) {
    RC_ASSERT(all(rates) == states.back());
    rates.forget_last();
  }
  RC_ASSERT(all(rates) == states.back());
}

TEST(MatchRates, LearnsWhatATextIsLike) {
  const MatchClass seldom(2, 1, 5, false), sure(40, 3, 0, true);
  MatchRates rates;
  EXPECT_LT(rates.chance(seldom), 0.2f);
  EXPECT_GT(rates.chance(sure), 0.95f);
  for (int i = 0; i < 100; ++i) {
    rates.learn(seldom, true);
    rates.learn(sure, false);
  }
  EXPECT_GT(rates.chance(seldom), 0.8f);
  EXPECT_LT(rates.chance(sure), 0.2f);
  for (int i = 0; i < 300; ++i) rates.learn(sure, true);
  EXPECT_GT(rates.chance(sure), 0.9f) << "and forgives";
}

}  // namespace
}  // namespace gannet
