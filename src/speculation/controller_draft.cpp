// While drafts are made, and when they are: speculation/controller.h.
#include <algorithm>

#include "base/check.h"
#include "speculation/controller_state.h"

namespace gannet {

bool ControllerState::another(size_t i, float confidence) {
  GANNET_CHECK(i < drafting.size(), "a sequence of the last choose()");
  Drafting& d = drafting[i];
  const int source = d.plan.source;
  if (source < 0) return false;
  const CommonRates& common = sources[static_cast<size_t>(source)].common;
  SequenceRates& r = rates(d.slot, source);
  d.alive *= r.rate(common, d.n, AcceptanceTable::class_of(confidence));
  d.gain += d.alive;
  ++d.n;
  if (d.n >= d.plan.n) return false;
  if (!options.choose || trying >= 0) return true;

  // Beside the drafts of the others as they are planned.
  double won = static_cast<double>(drafting.size()) + d.gain,
         cost = draft_seconds - drafts(source, d.expected);
  int rows = static_cast<int>(drafting.size()) + d.n;
  for (size_t k = 0; k < drafting.size(); ++k) {
    if (k == i) continue;
    won += drafting[k].expected_gain;
    rows += drafting[k].expected;
  }
  const double now = won / (step(rows) + cost + drafts(source, d.n));
  double alive = d.alive;
  for (int n = d.n + 1; n <= d.plan.n; ++n) {
    alive *= r.rate(common, n - 1);
    won += alive;
    if (won / (step(++rows) + cost + drafts(source, n)) > now) return true;
    if (alive < static_cast<double>(kHopeless)) return false;
  }
  return false;
}

std::vector<int> ControllerState::cut(std::span<const std::vector<float>> confidence) {
  GANNET_CHECK(confidence.size() == drafting.size(), "the sequences of the last choose()");
  std::vector<int> lengths(confidence.size(), 0);
  best_.assign(confidence.size(), {});
  if (alive_.size() < confidence.size()) alive_.resize(confidence.size());
  double sunk = 0;
  source_tokens_.assign(sources.size(), 0);
  for (size_t i = 0; i < confidence.size(); ++i) {
    const int source = drafting[i].plan.source;
    const int n = std::min(static_cast<int>(confidence[i].size()), drafting[i].plan.n);
    if (source < 0 || n < 1) continue;
    lengths[i] = n;
    source_tokens_[static_cast<size_t>(source)] += static_cast<int>(confidence[i].size());
    SequenceRates& r = rates(drafting[i].slot, source);
    best_[i] = {.source = source, .n = std::min(n, CostTable::kMostRows)};
    float alive = 1;
    for (int k = 0; k < best_[i].n; ++k) {
      const int c = AcceptanceTable::class_of(confidence[i][static_cast<size_t>(k)]);
      alive *= r.rate(sources[static_cast<size_t>(source)].common, k, c);
      alive_[i][static_cast<size_t>(k)] = alive;
      if (!kind(source).looks_up) r.seen(k, c);
    }
  }
  if (!options.choose || trying >= 0) return lengths;
  for (size_t s = 0; s < sources.size(); ++s) sunk += drafts(static_cast<int>(s), source_tokens_[s]);
  share(best_, static_cast<int>(confidence.size()), sunk);
  for (size_t i = 0; i < confidence.size(); ++i) lengths[i] = best_[i].n;
  return lengths;
}

}  // namespace gannet
