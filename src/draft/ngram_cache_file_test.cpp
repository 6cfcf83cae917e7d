// Files of ngram-cache: written and read back, those of others, and such as are none.
#include "draft/ngram_cache_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "draft/token_source.h"

namespace gannet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
namespace fs = std::filesystem;
using Words = std::vector<int32_t>;

constexpr TokenId kVocab = 1000;

std::string bytes_of(const Words& words) {
  return {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(int32_t)};
}
Result<NgramCounts> parse(const std::string& bytes) {
  return parse_ngram_counts(std::as_bytes(std::span(bytes)), kVocab, "a.bin");
}

using Table = std::map<Ngram, std::map<TokenId, int32_t>>;
Table table_of(const NgramCounts& counts) {
  Table table;
  for (const auto& entry : counts.entries())
    for (uint32_t i = entry.latest; i != NgramCounts::kNone; i = counts.next(i).before)
      table[entry.tokens][counts.next(i).token] = counts.next(i).count;
  return table;
}

struct NgramCacheFile : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_ngram_cache_" + std::to_string(getpid()));
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  std::string path(const char* name) const { return folder / name; }
};

TEST_F(NgramCacheFile, RoundTrip) {
  NgramCounts counts;
  for (int i = 0; i < 500; ++i) {
    const TokenId window[] = {i % 7, i % 11, i % 3, i % 5};
    counts.add(make_ngram(std::span(window).first(static_cast<size_t>(1 + i % 4))), i % 13, 1 + i % 50);
  }
  ASSERT_TRUE(write_ngram_counts(counts, path("a")).ok());
  EXPECT_EQ(fs::file_size(path("a")), 20 * counts.entries().size() + 8 * counts.n_nexts());
  auto read = read_ngram_counts(path("a"), kVocab);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(table_of(*read), table_of(counts));
  // The same drafts follow from them, of equally frequent tokens, too.
  for (const auto& entry : counts.entries()) {
    const auto* again = read->find(entry.tokens);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(read->next(again->best).token, counts.next(entry.best).token);
  }
}

TEST(NgramCounts, ReadsTheFormatOfOthers) {
  const Result<NgramCounts> counts = parse(bytes_of({5, 6,  -1, -1, 2, 7, 3, 8, 1,  //
                                                     9, -1, -1, -1, 1, 5, 2,        //
                                                     5, 6,  -1, -1, 1, 7, 4}));
  ASSERT_TRUE(counts.ok()) << counts.error().message();
  const Table expected = {{{5, 6, -1, -1}, {{7, 7}, {8, 1}}}, {{9, -1, -1, -1}, {{5, 2}}}};
  EXPECT_EQ(table_of(*counts), expected);
  EXPECT_TRUE(parse("").ok());
  constexpr int32_t kMost = INT32_MAX;
  const auto large = parse(bytes_of({5, -1, -1, -1, 2, 7, kMost, 7, kMost}));
  ASSERT_TRUE(large.ok());
  EXPECT_EQ(large->count(make_ngram(std::vector<TokenId>{5}), 7), kMost);
}

TEST(NgramCounts, RefusesWhatIsNoFileOfCounts) {
  const std::pair<Words, const char*> cases[] = {
      {{-1, -1, -1, -1, 1, 7, 1}, "an empty n-gram at byte 0"},
      {{5, -1, 6, -1, 1, 7, 1}, "an n-gram with a gap at byte 8"},
      {{5, kVocab, -1, -1, 1, 7, 1}, "token 1000 of a vocabulary of 1000 at byte 4"},
      {{5, -2, -1, -1, 1, 7, 1}, "token -2 of a vocabulary of 1000 at byte 4"},
      {{5, 6, -1, -1, 0}, "0 tokens, more than there are at byte 16"},
      {{5, 6, -1, -1, -1}, "-1 tokens, more than there are at byte 16"},
      {{5, 6, -1, -1, 2, 7, 1}, "2 tokens, more than there are at byte 16"},
      {{5, 6, -1, -1, INT32_MAX, 7, 1}, "2147483647 tokens, more than there are at byte 16"},
      {{5, 6, -1, -1, 1, kVocab, 1}, "token 1000 of a vocabulary of 1000 at byte 20"},
      {{5, 6, -1, -1, 1, -1, 1}, "token -1 of a vocabulary of 1000 at byte 20"},
      {{5, 6, -1, -1, 1, 7, 0}, "a count of 0 at byte 24"},
      {{5, 6, -1, -1, 1, 7, -3}, "a count of -3 at byte 24"},
      {{5, 6, -1, -1, 1, 7, 1, 5}, "it is cut off at byte 32"},
  };
  for (const auto& [words, expected] : cases) {
    const auto counts = parse(bytes_of(words));
    ASSERT_FALSE(counts.ok()) << expected;
    EXPECT_EQ(counts.error().code(), ErrorCode::kRuntime);
    EXPECT_THAT(counts.error().message(), StartsWith("a.bin: "));
    EXPECT_THAT(counts.error().message(), HasSubstr(expected));
  }
  EXPECT_FALSE(parse("abc").ok());
}

// Whatever the bytes, they are refused, or mean what they say and can be used.
RC_GTEST_PROP(NgramCounts, AnyBytes, ()) {
  // Mostly sound records, of small numbers, with some words replaced and the end cut off.
  Words words;
  for (int n = *rc::gen::inRange(0, 5); n > 0; --n) {
    const int32_t k = *rc::gen::inRange(1, 4);
    const Words head = {*rc::gen::inRange(0, 9), *rc::gen::inRange(-1, 9), -1, -1, k};
    words.insert(words.end(), head.begin(), head.end());
    for (int i = 0; i < 2 * k; ++i) words.push_back(*rc::gen::inRange(1, 9));
  }
  if (!words.empty())
    for (int n = *rc::gen::inRange(0, 3); n > 0; --n)
      words[*rc::gen::inRange<size_t>(0, words.size())] =
          *rc::gen::oneOf(rc::gen::inRange(-2, 12), rc::gen::arbitrary<int32_t>());
  std::string bytes = bytes_of(words);
  if (*rc::gen::inRange(0, 3) == 0) bytes.resize(*rc::gen::inRange<size_t>(0, bytes.size() + 1));
  if (*rc::gen::inRange(0, 10) == 0) bytes = *rc::gen::arbitrary<std::string>();
  const auto counts = parse(bytes);
  if (!counts.ok()) {
    RC_ASSERT(counts.error().message().size() < 200);
    return;
  }
  size_t n_words = 0;
  for (const auto& [ngram, nexts] : table_of(*counts)) {
    n_words += 5 + 2 * nexts.size();
    for (const auto& [token, count] : nexts) {
      RC_ASSERT(token >= 0 && token < kVocab && count > 0);
      RC_ASSERT(counts->count(ngram, token) == count);
    }
  }
  RC_ASSERT(n_words * sizeof(int32_t) <= bytes.size());
}

struct DynamicCache : NgramCacheFile {
  SpeculationOptions options;
  DynamicCache() { options.cache_dynamic = path("dynamic"); }
  std::unique_ptr<Drafter> make() const {
    return make_token_drafter(SourceKind::kNgramCache, options, kVocab).take();
  }
  static std::vector<TokenId> drafted(Drafter& drafter, const std::vector<TokenId>& text) {
    EXPECT_TRUE(drafter.begin(0, text, 0).ok());
    DraftRequest request = {.slot = 0, .history = text, .n_most = 20};
    EXPECT_TRUE(drafter.draft(std::span(&request, 1)).ok());
    std::vector<TokenId> tokens;
    for (const DraftToken& d : request.tokens) tokens.push_back(d.token);
    return tokens;
  }
  const std::vector<TokenId> lesson = {1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5};
};

TEST_F(DynamicCache, KnowsEarlierTexts) {
  {
    const auto drafter = make();
    EXPECT_THAT(drafted(*drafter, {1, 2, 3}), IsEmpty());
    ASSERT_TRUE(drafter->begin(0, lesson, 0).ok());
    EXPECT_EQ(drafted(*drafter, {2, 3}), (std::vector<TokenId>{4, 5, 1, 2, 3, 4, 5, 1}))
        << "in the same process";
    ASSERT_TRUE(drafter->save().ok());
    EXPECT_TRUE(fs::exists(path("dynamic")));
  }
  EXPECT_EQ(drafted(*make(), {2, 3}), (std::vector<TokenId>{4, 5, 1, 2, 3, 4, 5, 1})) << "in the next one";
}

TEST_F(DynamicCache, IsSavedInTheEndToo) {
  {
    const auto drafter = make();
    ASSERT_TRUE(drafter->begin(3, lesson, 0).ok());
  }
  const auto counts = read_ngram_counts(path("dynamic"), kVocab);
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->count(make_ngram(std::vector<TokenId>{1, 2, 3, 4}), 5), 3);
  {
    const auto drafter = make();
    ASSERT_TRUE(drafter->begin(3, std::vector<TokenId>{7, 8, 9}, 0).ok());
    drafter->end(3);
    const std::vector<TokenId> next = {7, 8};
    ASSERT_TRUE(drafter->begin(1, next, 0).ok());
    ASSERT_TRUE(drafter->save().ok());
  }
  EXPECT_EQ(read_ngram_counts(path("dynamic"), kVocab)->count(make_ngram(std::vector<TokenId>{7}), 8), 2);
  const auto before = fs::last_write_time(path("dynamic"));
  { const auto drafter = make(); }
  EXPECT_EQ(fs::last_write_time(path("dynamic")), before) << "nothing new, nothing written";
}

TEST_F(DynamicCache, AddsUpWhatItIsGiven) {
  for (int i = 0; i < 3; ++i) {
    const auto drafter = make();
    ASSERT_TRUE(drafter->begin(0, lesson, 0).ok());
  }
  const auto counts = read_ngram_counts(path("dynamic"), kVocab);
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->count(make_ngram(std::vector<TokenId>{1, 2, 3, 4}), 5), 9);
}

TEST_F(DynamicCache, ErrorsNameTheFile) {
  std::ofstream(path("dynamic")) << "no counts";
  const auto drafter = make_token_drafter(SourceKind::kNgramCache, options, kVocab);
  ASSERT_FALSE(drafter.ok());
  EXPECT_THAT(drafter.error().message(), HasSubstr(path("dynamic")));
  options = {};
  options.cache_static = path("missing");
  const auto missing = make_token_drafter(SourceKind::kNgramCache, options, kVocab);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kUsage);
  EXPECT_THAT(missing.error().message(), HasSubstr(path("missing")));
  options = {};
  options.cache_dynamic = path("no_folder/file");
  const auto unwritable = make();
  ASSERT_TRUE(unwritable->begin(0, lesson, 0).ok());
  EXPECT_FALSE(unwritable->save().ok());
}

TEST_F(DynamicCache, TheCorpusDecidesBetweenEqualTokens) {
  NgramCounts corpus;
  corpus.add(make_ngram(std::vector<TokenId>{1, 2}), 3, 4);
  corpus.add(make_ngram(std::vector<TokenId>{7, 8}), 9, 2);
  ASSERT_TRUE(write_ngram_counts(corpus, path("static")).ok());
  options = {};
  options.cache_static = path("static");
  const std::vector<TokenId> text = {1, 2, 3, 1, 2, 4, 1, 2};
  EXPECT_EQ(drafted(*make(), text).at(0), 3);
  EXPECT_EQ(drafted(*make(), {7, 8}), std::vector<TokenId>{9}) << "and alone";
  options = {};
  EXPECT_NE(drafted(*make(), text).at(0), 3) << "without it: the latest";
}

}  // namespace
}  // namespace gannet
