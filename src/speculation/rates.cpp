#include "speculation/rates.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gannet {
namespace {

using PerClass = AcceptanceCounts::PerClass;
constexpr size_t kClasses = AcceptanceCounts::kClasses;

// What a level is worth beside the tests of the next one.
constexpr float kPrior = 4;
// Others that are right do not make a class that is doubtful a sure one.
constexpr float kMostOdds = 4;
constexpr int kHalfLife = 64, kFadeEvery = 8;  // drafts of one sequence

// A drafter's confidence taken at its word, by class; models are less often wrong than they say at the low
// end and more often at the high end.
constexpr PerClass kLookedUp = {0.10f, 0.35f, 0.62f, 0.83f, 0.94f, 0.985f};
constexpr PerClass kModelled = {0.25f, 0.45f, 0.65f, 0.80f, 0.88f, 0.94f};
// Of any draft of a model (MTP blocks of this family: .79 of first tokens, then .77 and .82), and where
// nothing is known of one from the text.
constexpr float kAnyModelled = 0.79f, kAnyLookedUp = 0.5f;

float sum(const PerClass& counts) {
  return std::accumulate(counts.begin(), counts.end(), 0.0f);
}

float limited(float p) {
  return std::clamp(p, 0.001f, 0.999f);
}

// p with its odds multiplied.
float shifted(float p, float odds) {
  return limited(p * odds / (1 - p + p * odds));
}

// What is known of all classes of a place together. `any` is what was believed of them before, `before` how
// far places before this one differ from what was believed of those, in odds.
struct Together {
  float n, right, expected, any, before;
};

// The rate of a class of which `base` was believed, from `right` of `tested`. With few tests of its own it
// follows the others: by as much as their odds differ from what was believed.
float class_rate(float base, float tested, float right, const Together& all) {
  const float moved = shifted(all.any, all.before);
  // The others only: its own tests count once.
  const float n = std::max(all.n - tested, 0.0f);
  const float r = std::clamp(all.right - right, 0.0f, n);
  const float e = std::clamp(all.expected - tested * base, 0.0f, n);
  const float more = (r + kPrior * moved) * (n - e + kPrior * (1 - all.any));
  const float less = (n - r + kPrior * (1 - moved)) * (e + kPrior * all.any);
  const float likely = shifted(base, std::min(more / less, kMostOdds));
  return limited((right + kPrior * likely) / (tested + kPrior));
}

float odds_of(const Together& all) {
  const float moved = shifted(all.any, all.before);
  const float r = std::min(all.right, all.n), e = std::min(all.expected, all.n);
  return (r + kPrior * moved) * (all.n - e + kPrior * (1 - all.any)) /
         ((all.n - r + kPrior * (1 - moved)) * (e + kPrior * all.any));
}

float sum_expected(const PerClass& base, const PerClass& tested) {
  return std::inner_product(base.begin(), base.end(), tested.begin(), 0.0f);
}

}  // namespace

void CommonRates::update(const AcceptanceCounts& counts, bool looks_up) {
  const PerClass* base = looks_up ? &kLookedUp : &kModelled;
  float before = looks_up ? kAnyLookedUp : kAnyModelled;
  n_right = 0;
  for (size_t p = 0; p < kPlaces; ++p) {
    const PerClass &tested = counts.tested[p], &right = counts.right[p];
    const Together all = {sum(tested), sum(right), sum_expected(*base, tested), before, 1};
    for (size_t c = 0; c < kClasses; ++c) by_class[p][c] = class_rate((*base)[c], tested[c], right[c], all);
    before = any[p] = limited((all.right + kPrior * before) / (all.n + kPrior));
    base = &by_class[p];
    n_right += all.right;
  }
}

void SequenceRates::begin() {
  counts_ = {};
  seen_ = {};
  n_drafts_ = 0;
  sums_good_ = false;
}

void SequenceRates::tested(const CommonRates& common, int place, int confidence_class, bool right) {
  static const float fade = std::exp2(-static_cast<float>(kFadeEvery) / kHalfLife);
  if (place == 0 && ++n_drafts_ >= kFadeEvery) {
    n_drafts_ = 0;
    counts_.fade(fade);
    for (PerClass& counts : seen_)
      for (float& count : counts) count *= fade;
    sums_good_ = false;
  }
  const auto p = std::min(static_cast<size_t>(place), kPlaces - 1);
  const auto c = static_cast<size_t>(confidence_class);
  counts_.tested[p][c] += 1;
  places_[p].n += 1;
  places_[p].expected += common.by_class[p][c];
  if (right) {
    counts_.right[p][c] += 1;
    places_[p].right += 1;
  }
  changed(p);
}

void SequenceRates::seen(int place, int confidence_class) {
  const auto p = std::min(static_cast<size_t>(place), kPlaces - 1);
  seen_[p][static_cast<size_t>(confidence_class)] += 1;
  places_[p].any = -1;
}

void SequenceRates::prepare_places(const CommonRates& common, size_t place) {
  if (!sums_good_) {
    for (size_t p = 0; p < kPlaces; ++p) {
      places_[p].n = sum(counts_.tested[p]);
      places_[p].right = sum(counts_.right[p]);
      places_[p].expected = sum_expected(common.by_class[p], counts_.tested[p]);
    }
    valid_ = 0;
    sums_good_ = true;
  }
  for (; valid_ <= place; ++valid_) {
    Place& of = places_[valid_];
    of.odds = odds_of(
        {of.n, of.right, of.expected, common.any[valid_], valid_ == 0 ? 1 : places_[valid_ - 1].odds});
    of.any = -1;
    of.known = 0;
  }
}

void SequenceRates::compute(const CommonRates& common, size_t p, size_t c) {
  const Place& of = places_[p];
  rates_[p][c] = class_rate(common.by_class[p][c], counts_.tested[p][c], counts_.right[p][c],
                            {of.n, of.right, of.expected, common.any[p], p == 0 ? 1 : places_[p - 1].odds});
  places_[p].known |= 1u << c;
}

float SequenceRates::rate(const CommonRates& common, int place) {
  const size_t p = prepare(common, place);
  Place& of = places_[p];
  if (of.any >= 0) return of.any;
  float expected = kPrior * shifted(common.any[p], of.odds), n = kPrior;
  for (size_t c = 0; c < kClasses; ++c) {
    if (seen_[p][c] <= 0) continue;
    expected += seen_[p][c] * rate(common, static_cast<int>(p), static_cast<int>(c));
    n += seen_[p][c];
  }
  return of.any = expected / n;
}

}  // namespace gannet
