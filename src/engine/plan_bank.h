// The plans of a session: made when a run first asks for them, or before that on a thread of its own, so that
// nothing is compiled between two tokens.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/plan_maker.h"

namespace gannet {

// One thread asks; another may be making plans ahead. Plans do not move while they are in the bank.
class PlanBank {
 public:
  // Makes a plan; called by one thread at a time, but by more than one in turn.
  using Maker = std::function<Result<MadePlan>(const PlanRequest& request)>;
  // What the owner keeps with a plan.
  struct Entry {
    PlanRequest request;
    MadePlan made;
    // Its inputs (data null where the plan has none) and outputs (-1).
    TensorView tokens, positions, mask, logit_rows, hidden_rows;
    int logits_output = -1, top_output = -1, hidden_output = -1;
    int64_t runs = 0;
    std::vector<double> nanoseconds, last_ends;  // see Session::Profile

    Entry(const PlanRequest& of, MadePlan plan);
  };

  // Keeps the `most` plans that were asked for last, and those that were made ahead.
  PlanBank(Maker maker, size_t most);
  ~PlanBank();
  PlanBank(const PlanBank&) = delete;
  PlanBank& operator=(const PlanBank&) = delete;

  // The plan for a run like this. Makes it, or waits for the thread that is making it, when it is not there.
  // Valid until the next call. Errors: those of the maker.
  Result<Entry*> get(const PlanRequest& request);

  // Has these made in the background, in this order. A plan that cannot be made is left out: get() will say
  // why.
  void make_ahead(std::vector<PlanRequest> requests);
  // Whether get() has a plan for a run like this at once; it stays then. Otherwise it is made in the
  // background, unless that failed before.
  bool ready(const PlanRequest& request);
  // Until all of them are made.
  void wait();

  // Plans that get() made or waited for.
  int64_t waited_for() const { return waited_for_; }
  // The plans that are there, those asked for last first. For the thread that asks.
  std::vector<const Entry*> entries() const;

 private:
  struct Kept {
    Entry entry;
    bool ahead;
    Kept(const PlanRequest& request, MadePlan made, bool was_ahead)
        : entry(request, std::move(made)), ahead(was_ahead) {}
  };
  std::list<Kept>::iterator find_locked(const PlanRequest& request);
  void make_ahead_locked(std::span<const PlanRequest> requests);
  void work();

  const Maker maker_;
  const size_t most_;
  int64_t waited_for_ = 0;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::list<Kept> plans_;  // most recently used first
  std::deque<PlanRequest> ahead_;
  std::vector<PlanRequest> failed_;  // of those, the ones that could not be made
  bool making_ = false;              // somebody is in maker_
  bool stop_ = false;
  std::thread worker_;
};

// Whether a plan that looks at n_kv rows of the caches (0: at all there are), made for `made`, serves `run`.
bool serves(const PlanRequest& made, int64_t n_kv, const PlanRequest& run);

}  // namespace gannet
