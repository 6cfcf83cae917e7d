// Trying sources that are not worth it as far as known: speculation/controller.h. Text changes, and first
// measurements can be wrong.
#include <algorithm>

#include "speculation/controller_state.h"

namespace gannet {
namespace {

// Where a source must be tried: how often a draft of it would be right, at best.
constexpr double kBestRate = 0.95;
// What was never measured may cost this part of what is guessed.
constexpr double kBestGuess = 0.25;
// After a try the next one waits until what is expected to be lost by it is a small part of the time since;
// twice as long after each one that was wrong. Not so long when much may be lost, as after long plain text.
constexpr double kPaidSteps = 640, kPaidStepsRich = 160, kLeastLoss = 0.01, kMostPaid = 1024;
constexpr int kMostDoubled = 3;
constexpr double kRich = 4;  // plain steps
// So many tries in a row that were right: what is known of the source is of another text.
constexpr int kLucky = 3;

}  // namespace

// Nothing seems worth it. Sources that would be if the text were easier now, or if steps or drafts cost less
// than is guessed, are tried now and then with one token.
bool ControllerState::try_one(std::span<const SequenceOffers> sequences, int rows) {
  const SequenceOffers& sequence = sequences[static_cast<size_t>(rounds) % sequences.size()];
  for (const Offer& offer : sequence.offers) {
    // Text that repeats itself is easy for models, too.
    if (!kind(offer.source).looks_up || offer.n < 8 || offer.confidence.empty() || offer.confidence[0] < 0.9f)
      continue;
    for (SourceState& s : sources)
      if (s.failed > 1) {
        s.failed = 1;
        s.next_try = tokens;
      }
  }
  for (const Offer& offer : sequence.offers) {
    if (offer.n < 1 || sources[static_cast<size_t>(offer.source)].next_try > tokens) continue;
    const int n = worth_trying(sequence, offer, rows);
    if (n < 1 || worst_step(rows + n) + worst_drafts(offer.source, n) > room() + plain_seconds) continue;
    trying = offer.source;
    ++tries[static_cast<size_t>(rows + n)];
    Drafting& d = drafting[static_cast<size_t>(&sequence - sequences.data())];
    d.plan = {offer.source, n};
    d.expected = n;
    draft_seconds = drafts(offer.source, n);
    return true;
  }
  return false;
}

// How many tokens to try: as many as would pay if steps of more rows or drafts cost less than is guessed,
// else one, if the source would pay if its drafts were good enough. 0: it would not.
int ControllerState::worth_trying(const SequenceOffers& sequence, const Offer& offer, int rows) {
  const SourceState& source = sources[static_cast<size_t>(offer.source)];
  SequenceRates& r = rates(sequence.slot, offer.source);
  const bool looks_up = kind(offer.source).looks_up;
  const double needed = kBegin * rows / plain_seconds;
  const double draft_guess = looks_up || costs.draft_measurements(source.costs) >= kKnown ? 1 : kBestGuess;
  const int limit = row_limit(rows), most = std::min({offer.n, kind(offer.source).most, limit - rows});
  double good = 1, won_if_good = 0, alive = 1, won = 0;
  double known = plain_seconds, guessed = plain_seconds;  // of the most rows whose cost is known
  bool pays_if_good = false;
  for (int i = 0; i < most; ++i) {
    const int more = rows + i + 1;
    const double seconds = costs.step_seconds(more, n_past), drafting_seconds = drafts(offer.source, i + 1);
    const bool cost_known = measured(more) || tries[static_cast<size_t>(more)] >= kMostTries;
    if (cost_known) known = guessed = seconds;
    alive *= rate_of(r, offer, i);
    won += alive;
    const double hoped = known + kBestGuess * (seconds - guessed) + draft_guess * drafting_seconds;
    if ((!cost_known || draft_guess < 1) && (rows + won) / hoped >= needed) return i + 1;
    if (looks_up) {  // what it says was compared with the text, tried or not
      if (alive < static_cast<double>(kHopeless)) break;
      continue;
    }
    good *= kBestRate;
    won_if_good += good;
    const int all = rows * (i + 2);  // if all sequences draft so much
    pays_if_good =
        pays_if_good || (rows + won_if_good) / (seconds + drafting_seconds) >= needed ||
        (rows > 1 && all <= limit &&
         rows * (1 + won_if_good) / (costs.step_seconds(all, n_past) + drafts(offer.source, all - rows)) >=
             needed);
  }
  return pays_if_good ? 1 : 0;
}

// When the sources that drafted are tried next, should they not be worth it.
void ControllerState::space_tries(int n_tried_right, int rows) {
  const double per_step = room() > kRich * plain_seconds ? kPaidStepsRich : kPaidSteps;
  for (const Drafting& d : drafting) {
    if (d.plan.source < 0) continue;
    SourceState& source = sources[static_cast<size_t>(d.plan.source)];
    const double right = rates(d.slot, d.plan.source).rate(source.common, 0);
    const double lost =
        (costs.step_seconds(rows + 1, n_past) + drafts(d.plan.source, 1)) / plain_seconds - 1 - right / rows;
    const auto paid = static_cast<int64_t>(std::min(per_step * std::max(lost, kLeastLoss), kMostPaid)) * rows;
    if (trying < 0) {
      source.failed = 0;
      source.next_try = tokens + paid;
    } else if (n_tried_right > 0) {
      source.failed = 0;
      source.next_try = tokens;
      if (++source.lucky < kLucky) continue;
      source.lucky = 0;
      acceptance.doubt(source.acceptance);
      update_common(trying);
    } else {
      source.lucky = 0;
      source.next_try = tokens + (paid << source.failed);
      source.failed = std::min(source.failed + 1, kMostDoubled);
    }
  }
  trying = -1;
}

}  // namespace gannet
