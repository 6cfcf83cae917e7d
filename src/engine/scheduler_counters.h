// What a scheduler counts, for those who watch it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gannet {

// How many durations were at most so long.
struct Latencies {
  static constexpr std::array<double, 18> kBounds = {
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 600};
  std::array<uint64_t, kBounds.size() + 1> counts = {};  // the last one: longer than all bounds
  double sum = 0;                                        // seconds

  void add(double seconds, uint64_t n = 1) {
    const auto at = std::ranges::lower_bound(kBounds, seconds);
    counts[static_cast<size_t>(at - kBounds.begin())] += n;
    sum += seconds * static_cast<double>(n);
  }
};

struct SchedulerCounters {
  uint64_t submitted = 0, refused = 0, finished = 0, failed = 0, cancelled = 0;
  uint64_t prompt_tokens = 0;  // that were read
  uint64_t cached_tokens = 0,
           stored_tokens = 0;  // that were not; of these, the ones that came from the store
  uint64_t generated_tokens = 0;
  double prompt_seconds = 0, generate_seconds = 0;  // of all requests, those beside each other counted each
  uint64_t steps = 0, steps_with_prompts = 0;
  uint64_t answers_in_steps = 0;  // summed over the steps
  size_t longest = 0;             // tokens of the longest text so far
  uint64_t drafts = 0, drafted_tokens = 0, accepted_tokens = 0;
  std::vector<uint64_t> accepted_by_place;
  Latencies first_token, between_tokens, whole, queue;
  size_t running = 0, reading = 0, waiting = 0;  // now
  size_t paused = 0;                             // of the running
  size_t fetching = 0;                           // wait for the store
};

// What goes on in one of the places for answers, or what was there last.
struct SlotFacts {
  uint64_t request = 0;  // Scheduler::Id; 0: nobody was there yet
  bool busy = false, paused = false;
  size_t n_prompt = 0, n_read = 0, n_cached = 0, n_generated = 0;
  int64_t n_predict = -1;
};

}  // namespace gannet
