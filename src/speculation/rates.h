// What is expected of the drafts of one source for one sequence: the chance of each token to be right when
// those before it were, by place and confidence. Evidence counts in two levels: the text of this sequence,
// before it what was seen of the source at all (AcceptanceTable), before it a guess for sources of that kind.
// Each level is worth a few tests (a Beta prior), and what it says of one place or class moves its neighbours
// that have few tests of their own by the same factor of the odds.
#pragma once

#include <array>

#include "speculation/acceptance.h"

namespace gannet {

// What all sequences know of a source, ready to be asked; brought up to date now and then.
struct CommonRates {
  using PerClass = AcceptanceCounts::PerClass;
  static constexpr size_t kPlaces = AcceptanceCounts::kPlaces;

  std::array<PerClass, kPlaces> by_class{};
  std::array<float, kPlaces> any{};  // whatever the confidence
  float n_right = 0;                 // tokens that this rests on

  void update(const AcceptanceCounts& counts, bool looks_up);
};

class SequenceRates {
 public:
  // Starts from what all sequences know.
  void begin();
  // A token's turn came.
  void tested(const CommonRates& common, int place, int confidence_class, bool right);
  // A draft had a token of this class at this place, whether it was verified or not.
  void seen(int place, int confidence_class);
  // `common` changed.
  void update() { sums_good_ = false; }

  float rate(const CommonRates& common, int place, int confidence_class) {
    const size_t p = prepare(common, place);
    const auto c = static_cast<size_t>(confidence_class);
    if ((places_[p].known >> c & 1) == 0) compute(common, p, c);
    return rates_[p][c];
  }
  // Before the confidence is known: over what is usually seen.
  float rate(const CommonRates& common, int place);

 private:
  using PerClass = AcceptanceCounts::PerClass;
  static constexpr size_t kPlaces = AcceptanceCounts::kPlaces;

  size_t prepare(const CommonRates& common, int place) {
    const auto p = place < static_cast<int>(kPlaces) ? static_cast<size_t>(place) : kPlaces - 1;
    if (p >= valid_ || !sums_good_) prepare_places(common, p);
    return p;
  }
  void prepare_places(const CommonRates& common, size_t place);
  void compute(const CommonRates& common, size_t place, size_t confidence_class);
  void changed(size_t place) { valid_ = place < valid_ ? place : valid_; }

  AcceptanceCounts counts_;
  std::array<PerClass, kPlaces> seen_{};
  int n_drafts_ = 0;  // since counts last faded
  struct Place {
    float n = 0, right = 0, expected = 0;  // over classes; expected: of n, by what all sequences know
    // Computed when it is asked for: how far this place differs from what was expected, in odds; any(); the
    // classes in rates_ that are (bits).
    float odds = 1, any = -1;
    unsigned known = 0;
  };
  std::array<Place, kPlaces> places_{};
  std::array<PerClass, kPlaces> rates_{};
  size_t valid_ = 0;        // places whose odds are computed
  bool sums_good_ = false;  // n, right, expected
};

}  // namespace gannet
