// How sure the suffix source is against how often it is right, on texts whose ways are known.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "draft/suffix_source.h"

namespace gannet {
namespace {

using Text = std::vector<TokenId>;

struct Bin {
  double n = 0, said = 0, right = 0;
};
// By place in the draft (0, 1 to 3, behind) and tenth of the confidence. Tokens behind a wrong one count
// nothing: the confidence is that of a token whose predecessors are right.
using Bins = std::array<std::array<Bin, 10>, 3>;

Bins measure(const Text& text, size_t from) {
  Bins bins;
  const auto source = make_suffix_source(12, 0.03f);
  source->begin(std::span(text).first(from), 0);
  std::vector<DraftToken> draft;
  for (size_t at = from; at < text.size(); ++at) {
    source->append(std::span(text).first(at));
    draft.clear();
    source->draft(std::span(text).first(at), 12, draft);
    for (size_t i = 0; i < draft.size() && at + i < text.size(); ++i) {
      Bin& bin = bins[i == 0 ? 0 : i < 4 ? 1 : 2][static_cast<size_t>(draft[i].confidence * 10)];
      ++bin.n;
      bin.said += draft[i].confidence;
      if (draft[i].token != text[at + i]) break;
      ++bin.right;
    }
  }
  return bins;
}

// What was said and what was right differ by `off` at most, on average over the tokens of a place; in the sum
// over all bins errors of both signs cancel, and half of it is left.
void expect_calibrated(const Bins& bins, double off) {
  for (size_t place = 0; place < bins.size(); ++place) {
    double n = 0, error = 0, sum = 0;
    for (const Bin& bin : bins[place]) {
      n += bin.n;
      error += std::abs(bin.said - bin.right);
      sum += bin.said - bin.right;
    }
    if (place == 0) {
      ASSERT_GT(n, 10000) << "or the text tells nothing";
    }
    if (n < 1000) continue;
    EXPECT_LT(error / n, off) << "place " << place;
    EXPECT_LT(std::abs(sum) / n, off / 2) << "place " << place;
  }
}

// Each token depends on the two before it: one of three, with the given chances.
Text markov(size_t n, std::array<double, 3> chances, uint32_t seed) {
  std::mt19937 random(seed);
  std::discrete_distribution<uint32_t> choice(chances.begin(), chances.end());
  Text text = {0, 1};
  while (text.size() < n) {
    const uint32_t a = static_cast<uint32_t>(text[text.size() - 2]), b = static_cast<uint32_t>(text.back());
    text.push_back(static_cast<TokenId>((a * 2654435761u + b * 40503u + choice(random) * 977u) % 61));
  }
  return text;
}

TEST(Calibration, MarkovText) {
  for (const auto& chances : {std::array{0.9, 0.07, 0.03}, {0.6, 0.3, 0.1}, {0.4, 0.35, 0.25}}) {
    SCOPED_TRACE(chances[0]);
    expect_calibrated(measure(markov(20000, chances, 1), 500), 0.05);
  }
}

// Pieces of text that are copied, each broken off at random: long matches are right until they end.
TEST(Calibration, CopiedPieces) {
  std::mt19937 random(3);
  Text text;
  while (text.size() < 20000) {
    const size_t n = 5 + random() % 60, at = text.empty() ? 0 : random() % text.size();
    for (size_t i = 0; i < n; ++i)
      text.push_back(random() % 2 == 0 && i < 3 ? static_cast<TokenId>(random() % 5000)
                                                : text[std::min(at + i, text.size() - 1)]);
  }
  expect_calibrated(measure(text, 500), 0.03);
}

TEST(Calibration, RandomTokensAreKnownToBeRandom) {
  std::mt19937 random(4);
  Text text(8000);
  for (TokenId& token : text) token = static_cast<TokenId>(random() % 300);
  double said = 0;
  for (const auto& place : measure(text, 1000))
    for (const Bin& bin : place) said += bin.said;
  EXPECT_LT(said / 7000, 0.01) << "tokens that it thinks to get right, of all; one in 300 would be";
}

// A text that begins to repeat itself is trusted soon, and distrusted soon when it stops.
TEST(Calibration, ChangesWithTheText) {
  std::mt19937 random(5);
  Text text(2000);
  for (TokenId& token : text) token = static_cast<TokenId>(random() % 300);
  const auto mean = [](const Text& t, size_t from) {
    double said = 0, n = 0;
    for (const auto& place : measure(t, from)) {
      said += place[9].said;
      for (const Bin& bin : place) n += bin.n;
    }
    return n == 0 ? 0 : said / n;
  };
  const Text start = text;
  for (int i = 0; i < 100; ++i) text.push_back(start[static_cast<size_t>(i)]);
  EXPECT_GT(mean(text, 2040), 0.9);
  for (int i = 0; i < 400; ++i) text.push_back(static_cast<TokenId>(random() % 300));
  EXPECT_LT(mean(text, 2110), 0.05);
}

}  // namespace
}  // namespace gannet
