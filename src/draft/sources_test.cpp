// What every source that looks up the text must do, and each for itself, by definition and brute force.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

#include "draft/ngram_cache.h"
#include "draft/ngram_map.h"
#include "draft/ngram_mod.h"
#include "draft/ngram_simple.h"
#include "draft/suffix_source.h"
#include "draft/token_source.h"

namespace gannet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Text = std::vector<TokenId>;

constexpr NgramSizes kSizes = {.size_n = 2, .size_m = 5, .min_hits = 1};

std::unique_ptr<TokenSource> make(SourceKind kind, const NgramSizes& sizes = kSizes) {
  switch (kind) {
    case SourceKind::kNgramSimple:
      return make_ngram_simple(sizes);
    case SourceKind::kNgramMapK:
      return make_ngram_map_k(sizes);
    case SourceKind::kNgramMapK4v:
      return make_ngram_map_k4v(sizes);
    case SourceKind::kNgramMod:
      return make_ngram_mod({2, 1, 8}, std::make_shared<NgramModPool>());
    case SourceKind::kNgramCache:
      return make_ngram_cache(std::make_shared<NgramCacheFiles>());
    default:
      return make_suffix_source(16, 0.03f);
  }
}
constexpr SourceKind kKinds[] = {SourceKind::kNgramSimple, SourceKind::kNgramMapK,  SourceKind::kNgramMapK4v,
                                 SourceKind::kNgramMod,    SourceKind::kNgramCache, SourceKind::kSuffix};

std::vector<DraftToken> draft(TokenSource& source, const Text& text, int n_most = 100) {
  std::vector<DraftToken> out;
  source.draft(text, n_most, out);
  for (const DraftToken& d : out) EXPECT_TRUE(d.confidence > 0 && d.confidence < 1) << d.confidence;
  return out;
}
Text tokens(const std::vector<DraftToken>& draft) {
  Text text;
  for (const DraftToken& d : draft) text.push_back(d.token);
  return text;
}
Text drafted_from(SourceKind kind, const Text& text, const NgramSizes& sizes = kSizes) {
  const auto source = make(kind, sizes);
  source->begin(text, 0);
  return tokens(draft(*source, text));
}
void expect_equal(const std::vector<DraftToken>& a, const std::vector<DraftToken>& b) {
  RC_ASSERT(tokens(a) == tokens(b));
  for (size_t i = 0; i < a.size(); ++i) RC_ASSERT(a[i].confidence == b[i].confidence);
}

Text few_tokens() {
  const TokenId n = *rc::gen::inRange(1, 4);
  return *rc::gen::scale(2, rc::gen::container<Text>(rc::gen::inRange<TokenId>(0, n)));
}

Text random_text(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  Text text(n);
  for (TokenId& token : text) token = static_cast<TokenId>(random() % 100000);
  return text;
}
Text operator+(Text a, const Text& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string kind_name(const testing::TestParamInfo<SourceKind>& test) {
  std::string name = source_name(test.param);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
class EachSource : public testing::TestWithParam<SourceKind> {};
INSTANTIATE_TEST_SUITE_P(Sources, EachSource, testing::ValuesIn(kKinds), kind_name);

TEST_P(EachSource, PiecesOrAllAtOnce) {
  EXPECT_TRUE(rc::check([&] {
    const Text text = few_tokens();
    const auto whole = make(GetParam()), pieces = make(GetParam());
    whole->begin(text, 0);
    Text now;
    pieces->begin(now, 0);
    while (now.size() < text.size()) {
      now.push_back(text[now.size()]);
      if (*rc::gen::arbitrary<bool>()) pieces->append(now);
      if (*rc::gen::arbitrary<bool>()) {
        pieces->append(now);
        draft(*pieces, now);
      }
    }
    pieces->append(now);
    expect_equal(draft(*whole, text), draft(*pieces, text));
  }));
}

// Not ngram-mod, whose table keeps what was ever inserted.
class ShrinkingSource : public EachSource {};
INSTANTIATE_TEST_SUITE_P(Sources, ShrinkingSource,
                         testing::Values(SourceKind::kNgramSimple, SourceKind::kNgramMapK,
                                         SourceKind::kNgramMapK4v, SourceKind::kNgramCache,
                                         SourceKind::kSuffix),
                         kind_name);
TEST_P(ShrinkingSource, AShrunkTextIsAsIfItHadNeverBeenLonger) {
  EXPECT_TRUE(rc::check([&] {
    Text text;
    const auto source = make(GetParam());
    source->begin(text, 0);
    for (int round = 0; round < 3; ++round) {
      const size_t kept = *rc::gen::inRange<size_t>(0, text.size() + 1);
      text.resize(kept);
      const Text more = few_tokens();
      text.insert(text.end(), more.begin(), more.end());
      source->begin(text, kept);
      const auto fresh = make(GetParam());
      fresh->begin(text, 0);
      expect_equal(draft(*source, text), draft(*fresh, text));
    }
  }));
}

TEST_P(EachSource, GoesOnWithALoop) {
  for (const size_t period : {1u, 2u, 3u, 7u, 20u}) {
    Text text(100);
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<TokenId>(i % period * i % period);
    for (size_t i = period; i < text.size(); ++i) text[i] = text[i - period];
    const Text found = drafted_from(GetParam(), text, {.size_n = 12, .size_m = 8, .min_hits = 1});
    ASSERT_GE(found.size(), 8u) << period;
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(found[i], text[(100 - 5 * period + i) % period]) << period;
  }
}

TEST_P(EachSource, NothingToLookUp) {
  EXPECT_THAT(drafted_from(GetParam(), {}), IsEmpty());
  EXPECT_THAT(drafted_from(GetParam(), {1}), IsEmpty());
  Text text(3000);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<TokenId>(i);
  EXPECT_THAT(drafted_from(GetParam(), text), IsEmpty());
}

TEST_P(EachSource, NoMoreThanIsAskedFor) {
  const Text text(60, 5);
  const auto source = make(GetParam());
  source->begin(text, 0);
  for (const int n : {1, 2, 4}) EXPECT_EQ(draft(*source, text, n).size(), static_cast<size_t>(n));
}

// What a copy from a place gives: it goes on with itself where the text ends.
Text copied(Text text, size_t at, size_t n) {
  const size_t end = text.size();
  for (size_t i = 0; i < n; ++i) text.push_back(text[at + i]);
  return Text(text.begin() + static_cast<ptrdiff_t>(end), text.end());
}
// Places behind earlier occurrences of the last n tokens, in order.
std::vector<size_t> places(const Text& text, size_t n) {
  std::vector<size_t> found;
  for (size_t at = n; at < text.size(); ++at)
    if (std::equal(text.end() - static_cast<ptrdiff_t>(n), text.end(),
                   text.begin() + static_cast<ptrdiff_t>(at - n)))
      found.push_back(at);
  return found;
}

RC_GTEST_PROP(NgramSources, CopyWhatFollowedTheLatestKey, ()) {
  const Text text = few_tokens();
  const NgramSizes sizes = {*rc::gen::inRange(1, 4), *rc::gen::inRange(1, 6), *rc::gen::inRange(1, 4)};
  Text expected;
  if (text.size() >= static_cast<size_t>(sizes.size_n)) {
    const auto found = places(text, static_cast<size_t>(sizes.size_n));
    if (found.size() >= static_cast<size_t>(sizes.min_hits))
      expected = copied(text, found.back(), static_cast<size_t>(sizes.size_m));
  }
  RC_ASSERT(drafted_from(SourceKind::kNgramSimple, text, sizes) == expected);
  RC_ASSERT(drafted_from(SourceKind::kNgramMapK, text, sizes) == expected);
}

RC_GTEST_PROP(NgramSources, CopyTheMostFrequentTextBehindAKey, ()) {
  const Text text = few_tokens();
  const NgramSizes sizes = {*rc::gen::inRange(1, 3), *rc::gen::inRange(1, 4), *rc::gen::inRange(1, 3)};
  const size_t n = static_cast<size_t>(sizes.size_n), m = static_cast<size_t>(sizes.size_m);
  Text expected;
  if (text.size() >= n && places(text, n).size() >= static_cast<size_t>(sizes.min_hits)) {
    std::vector<std::pair<Text, int>> values;
    int all = 0;
    for (const size_t at : places(text, n)) {
      if (at + m > text.size()) continue;
      ++all;
      const Text value = copied(text, at, m);
      auto i = std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.first == value; });
      if (i == values.end() && values.size() < 4) i = values.insert(i, {value, 0});
      if (i != values.end()) ++i->second;
    }
    const auto best = std::max_element(values.begin(), values.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best != values.end() && best->second >= 2 * (all - best->second)) expected = best->first;
  }
  RC_ASSERT(drafted_from(SourceKind::kNgramMapK4v, text, sizes) == expected);
}

RC_GTEST_PROP(SuffixSource, FollowsTheLongestEndThatOccurredBefore, ()) {
  Text text = few_tokens();
  const Text found = drafted_from(SourceKind::kSuffix, text);
  size_t longest = 0;
  for (size_t n = 1; n < text.size(); ++n)
    if (!places(text, n).empty()) longest = n;
  RC_ASSERT(found.empty() == (longest == 0));
  if (found.empty()) return;
  const auto after = places(text, longest);
  RC_ASSERT(std::any_of(after.begin(), after.end(), [&](size_t at) { return text[at] == found[0]; }));
  // And then what follows that: each pair of tokens occurs in the text.
  for (TokenId previous = text.back(); const TokenId token : found) {
    bool occurs = false;
    for (size_t i = 1; i < text.size(); ++i) occurs |= text[i - 1] == previous && text[i] == token;
    RC_ASSERT(occurs);
    previous = token;
  }
}

TEST(NgramSources, WantKeysThatWereSeenOftenEnough) {
  const NgramSizes sizes = {.size_n = 2, .size_m = 1, .min_hits = 3};
  const Text twice = {1, 2, 3, 1, 2, 3, 1, 2}, thrice = Text{1, 2, 3} + twice;
  for (const SourceKind kind : {SourceKind::kNgramSimple, SourceKind::kNgramMapK, SourceKind::kNgramMapK4v}) {
    EXPECT_THAT(drafted_from(kind, twice, sizes), IsEmpty());
    EXPECT_THAT(drafted_from(kind, thrice, sizes), ElementsAre(3));
  }
}

// A bad streak shortens drafts; good ones make them as long as before.
TEST(NgramMap, Recovers) {
  const Text text(200, 5);
  for (const SourceKind kind : {SourceKind::kNgramMapK, SourceKind::kNgramMapK4v}) {
    const auto source = make(kind, {.size_n = 3, .size_m = 48, .min_hits = 1});
    source->begin(text, 0);
    EXPECT_EQ(draft(*source, text).size(), 48u);
    source->verified(48, 10);
    EXPECT_EQ(draft(*source, text).size(), 10u);
    for (int i = 0; i < 20; ++i) {
      const size_t n = draft(*source, text).size();
      ASSERT_GE(n, 1u);
      source->verified(static_cast<int>(n), 0);
    }
    EXPECT_EQ(draft(*source, text).size(), 1u);
    for (const int n : {1, 2, 4, 8, 16, 32, 48, 48}) {
      EXPECT_EQ(draft(*source, text).size(), static_cast<size_t>(n));
      source->verified(n, n);
    }
    draft(*source, text);
    source->verified(3, 3);  // no more were tested: no reason to shorten
    EXPECT_EQ(draft(*source, text).size(), 48u);
  }
}

// Texts that found no place among the four count too.
TEST(NgramMapK4v, RefusesWhatHasManyRivals) {
  const NgramSizes sizes = {.size_n = 1, .size_m = 1, .min_hits = 1};
  Text text = {1, 10, 1, 11, 1, 12};
  for (int i = 0; i < 6; ++i) text = text + Text{1, 20};
  EXPECT_EQ(drafted_from(SourceKind::kNgramMapK4v, text + Text{1}, sizes), Text{20});
  EXPECT_THAT(drafted_from(SourceKind::kNgramMapK4v, text + Text{1, 13, 1}, sizes), IsEmpty());
}

TEST(SuffixSource, EndsWhereLittleWouldComeOfIt) {
  const Text text(40, 5);
  std::vector<DraftToken> sure, all;
  const auto cautious = make_suffix_source(60, 0.9f), bold = make_suffix_source(60, 0.1f);
  cautious->begin(text, 0);
  bold->begin(text, 0);
  sure = draft(*cautious, text);
  all = draft(*bold, text);
  ASSERT_LT(sure.size(), all.size());
  float survival = 1;
  for (size_t i = 0; i <= sure.size(); ++i) {
    EXPECT_GE(survival, 0.9f);
    survival *= all[i].confidence;
  }
  EXPECT_LT(survival, 0.9f);
}

TEST(SuffixSource, OfEqualsTheLatest) {
  EXPECT_EQ(drafted_from(SourceKind::kSuffix, {1, 2, 1, 3, 1}).at(0), 3);
  EXPECT_EQ(drafted_from(SourceKind::kSuffix, {1, 2, 1, 2, 1, 3, 1}).at(0), 2);
}

// A draft that has come to the end of the text knows no more than the text that ends there.
TEST(SuffixSource, IsAsSureBehindTheEndAsAtIt) {
  Text text;
  for (uint32_t seed = 0; seed < 10; ++seed) {  // where copies are sure
    const Text piece = random_text(40, seed);
    for (int i = 0; i < 5; ++i) text = text + piece;
  }
  const Text song = random_text(30, 100);
  text = text + song + Text(song.begin(), song.begin() + 3);
  const auto source = make_suffix_source(63, 0.03f);
  source->begin(text, 0);
  const auto found = draft(*source, text);
  ASSERT_GT(found.size(), 32u);
  EXPECT_EQ(found[30].token, found[0].token);
  EXPECT_EQ(found[30].confidence, found[0].confidence);
  EXPECT_GT(found[29].confidence, found[0].confidence);
}

RC_GTEST_PROP(NgramModPool, IsAFunctionOfWhatWasInserted, ()) {
  const auto list = *rc::gen::container<std::vector<std::pair<uint64_t, TokenId>>>(
      rc::gen::pair(rc::gen::inRange<uint64_t>(0, 20), rc::gen::inRange<TokenId>(0, kMaxTokens)));
  NgramModPool pool;
  pool.insert(3, 1);
  pool.clear();
  std::map<uint64_t, TokenId> last;
  for (const auto& [hash, token] : list) {
    pool.insert(hash, token);
    last[hash] = token;
  }
  for (uint64_t hash = 0; hash < 25; ++hash)
    RC_ASSERT(pool.find(hash) == (last.contains(hash) ? last[hash] : -1));
  RC_ASSERT(pool.n_used() == last.size());
}

TEST(NgramModPool, SeldomTakesACellOfOthersForItsOwn) {
  NgramModPool pool;
  for (uint64_t i = 0; i < 100'000; ++i) pool.insert(i, 1);
  int found = 0;
  for (uint64_t i = 0; i < 100'000; ++i) found += pool.find(i << 32) >= 0;
  EXPECT_LT(found, 100) << "of 2400 that meet a used cell";
}

TEST(NgramMod, SharesItsTableAndForgetsWhatIsBad) {
  const auto pool = std::make_shared<NgramModPool>();
  const NgramModSizes sizes = {.n_match = 4, .n_min = 3, .n_max = 6};
  const auto a = make_ngram_mod(sizes, pool), b = make_ngram_mod(sizes, pool);
  const Text song = random_text(40, 1);
  a->begin(song, 0);
  const Text start(song.begin() + 10, song.begin() + 14);
  b->begin(start, 0);
  EXPECT_EQ(tokens(draft(*b, start)), Text(song.begin() + 14, song.begin() + 20)) << "of another sequence";
  EXPECT_EQ(tokens(draft(*b, start, 1)), Text{song[14]});
  const Text late(song.begin() + 33, song.begin() + 37), end(song.begin() + 34, song.begin() + 38);
  b->begin(late, 0);
  EXPECT_EQ(draft(*b, late).size(), 3u);
  b->begin(end, 0);
  EXPECT_THAT(draft(*b, end), IsEmpty()) << "fewer than n_min";
  EXPECT_THAT(draft(*b, end, 1), IsEmpty()) << "though one is enough";
  EXPECT_EQ(draft(*a, song).size(), 0u);

  b->begin(start, 0);
  for (int i = 0; i < 4; ++i) {
    draft(*b, start);
    b->verified(6, 1);
  }
  draft(*b, start);
  b->verified(6, 6);  // no streak any more
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(draft(*b, start).size(), 6u);
    b->verified(6, 1);
  }
  EXPECT_THAT(draft(*b, start), IsEmpty()) << "cleared";
  a->append(song);
  EXPECT_EQ(draft(*b, start).size(), 6u) << "whoever uses it inserts the text again";
  const Text twice = song + start;
  a->append(twice);
  for (int i = 0; i < 5; ++i) {
    draft(*a, twice);
    a->verified(6, 0);
  }
  EXPECT_EQ(draft(*a, twice).size(), 6u) << "there is nothing in it but this text";
}

TEST(NgramMod, ClearsAFullTable) {
  const auto pool = std::make_shared<NgramModPool>();
  const auto source = make_ngram_mod({.n_match = 4, .n_min = 1, .n_max = 6}, pool);
  const Text text = random_text(30, 2);
  source->begin(text, 0);
  for (uint64_t i = 0; pool->n_used() <= NgramModPool::kCells / 4; ++i) pool->insert(~i, 1);
  const Text next = text + Text(text.begin(), text.begin() + 4);
  source->begin(next, text.size());
  EXPECT_LT(pool->n_used(), 100u);
  EXPECT_EQ(tokens(draft(*source, next)), Text(text.begin() + 4, text.begin() + 10))
      << "its own text is there";
}

TEST(NgramCache, WantsAClearMajority) {
  // After 1 2: 3 and 4 as often. After 2: the same. After 9 9 2, and after 9 2: always 4.
  const Text text = {1, 2, 3, 1, 2, 4, 9, 9, 2, 4, 9, 9, 2, 4};
  EXPECT_THAT(drafted_from(SourceKind::kNgramCache, text + Text{7, 9, 2}), testing::Contains(4));
  EXPECT_EQ(drafted_from(SourceKind::kNgramCache, {1, 2, 1, 3, 1, 4, 1}), Text{}) << "a third is too little";
}

TEST(TokenDrafter, KeepsSlotsApart) {
  SpeculationOptions options;
  options.simple = {.size_n = 2, .size_m = 3, .min_hits = 1};
  const auto drafter = make_token_drafter(SourceKind::kNgramSimple, options).take();
  EXPECT_EQ(drafter->info().name, "ngram-simple");
  EXPECT_TRUE(drafter->info().looks_up);
  EXPECT_EQ(drafter->info().most, 3);
  const Text a = {1, 2, 3, 4, 5, 1, 2}, b = {1, 2, 9, 9, 1, 2};
  ASSERT_TRUE(drafter->begin(0, a, 0).ok());
  ASSERT_TRUE(drafter->begin(2, std::span(b).first(4), 0).ok());
  const TargetRows rows[] = {{.slot = 2, .history = b, .first = 4, .n = 2}};
  ASSERT_TRUE(drafter->ran(rows).ok());
  std::vector<DraftRequest> requests(3);
  requests[0] = {.slot = 0, .history = a, .n_most = 8};
  requests[1] = {.slot = 2, .history = b, .n_most = 8};
  requests[2] = {.slot = 2, .history = b, .n_most = 8, .another = [](float) { return false; }};
  ASSERT_TRUE(drafter->draft(requests).ok());
  EXPECT_EQ(tokens(requests[0].tokens), (Text{3, 4, 5}));
  EXPECT_EQ(tokens(requests[1].tokens), (Text{9, 9, 1}));
  EXPECT_EQ(tokens(requests[2].tokens), (Text{9}));
  // A slot that was not there when its text began.
  ASSERT_TRUE(drafter->begin(5, b, 4).ok());
  requests = {{.slot = 5, .history = b, .n_most = 8}};
  ASSERT_TRUE(drafter->draft(requests).ok());
  EXPECT_EQ(tokens(requests[0].tokens), (Text{9, 9, 1}));
  drafter->end(2);
  requests = {{.slot = 2, .history = std::span(b).last(2), .n_most = 8}};
  ASSERT_TRUE(drafter->draft(requests).ok());
  EXPECT_THAT(requests[0].tokens, IsEmpty());
}

// Every way in which a text may change, told by begin() or not.
TEST(TokenDrafter, FollowsTextsThatShrink) {
  for (const SourceKind kind : kKinds) {
    SpeculationOptions options;
    options.simple = options.map_k = options.map_k4v = {.size_n = 2, .size_m = 3, .min_hits = 1};
    options.mod_n_match = 2;
    options.mod_n_min = 1;
    const auto drafter = make_token_drafter(kind, options).take();
    std::mt19937 random(1);
    Text text;
    for (int round = 0; round < 300; ++round) {
      const size_t kept = random() % (text.size() + 1), claimed = random() % 3 == 0 ? 0 : kept;
      text.resize(kept);
      for (size_t n = random() % 40; n > 0; --n) text.push_back(static_cast<TokenId>(random() % 3));
      if (random() % 4 != 0) {
        ASSERT_TRUE(drafter->begin(0, text, claimed).ok());
      }
      DraftRequest request = {.slot = 0, .history = text, .n_most = 10};
      ASSERT_TRUE(drafter->draft(std::span(&request, 1)).ok());
      for (const DraftToken& d : request.tokens) EXPECT_TRUE(d.token >= 0 && d.token < 3);
      if (!request.tokens.empty())
        drafter->verified(0, static_cast<int>(request.tokens.size()), static_cast<int>(random() % 2));
    }
  }
}

}  // namespace
}  // namespace gannet
