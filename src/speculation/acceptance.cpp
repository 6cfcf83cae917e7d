#include "speculation/acceptance.h"

#include <algorithm>
#include <cmath>

namespace gannet {
namespace {

// Half is forgotten after so many drafts; done in steps, to be cheap.
constexpr int kHalfLife = 1024, kFadeEvery = 32;
// So much of stored counts is believed, per place and class: text may be of another kind now.
constexpr float kMostRestored = 32;

}  // namespace

void AcceptanceCounts::fade(float factor) {
  for (auto* table : {&tested, &right})
    for (PerClass& place : *table)
      for (float& count : place) count *= factor;
}

int AcceptanceTable::source(const std::string& name) {
  const auto it = std::ranges::find(sources_, name, &Source::name);
  if (it != sources_.end()) return static_cast<int>(it - sources_.begin());
  sources_.push_back({name, {}, 0});
  return static_cast<int>(sources_.size()) - 1;
}

void AcceptanceTable::tested(int source, int place, int confidence_class, bool right) {
  static const float fade = std::exp2(-static_cast<float>(kFadeEvery) / kHalfLife);
  Source& s = sources_[static_cast<size_t>(source)];
  if (place == 0 && ++s.n_drafts >= kFadeEvery) {
    s.n_drafts = 0;
    s.counts.fade(fade);
  }
  const auto p = static_cast<size_t>(std::min(place, kPlaces - 1));
  const auto c = static_cast<size_t>(confidence_class);
  s.counts.tested[p][c] += 1;
  s.counts.right[p][c] += right ? 1.0f : 0.0f;
}

void AcceptanceTable::restore(std::vector<Source> sources) {
  sources_ = std::move(sources);
  for (Source& s : sources_)
    for (size_t p = 0; p < kPlaces; ++p)
      for (size_t c = 0; c < kClasses; ++c)
        if (const float n = s.counts.tested[p][c]; n > kMostRestored) {
          s.counts.right[p][c] *= kMostRestored / n;
          s.counts.tested[p][c] = kMostRestored;
        }
}

}  // namespace gannet
