#include "engine/plan_bank.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <system_error>

namespace gannet {
namespace {

// The making of plans gives way to the run of others.
void lower_priority() {
#if defined(__linux__)
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10);
#endif
}

}  // namespace

bool serves(const PlanRequest& made, int64_t n_kv, const PlanRequest& run) {
  return made.mtp == run.mtp && made.shape == run.shape &&
         (n_kv == 0 || n_kv == kv_rows(run.n_past + run.shape.n_tokens));
}

PlanBank::Entry::Entry(const PlanRequest& of, MadePlan plan) : request(of), made(std::move(plan)) {
  const Plan& p = made.plan;
  tokens = p.input(InputSource::kTokens);
  positions = p.input(InputSource::kPositions);
  mask = p.input(InputSource::kCausalMask);
  logit_rows = p.input(InputSource::kLogitRows);
  hidden_rows = p.input(InputSource::kHiddenRows);
  logits_output = p.output_index("logits");
  top_output = p.output_index("top");
  hidden_output = p.output_index("hidden");
}

PlanBank::PlanBank(Maker maker, size_t most) : maker_(std::move(maker)), most_(most) {}

PlanBank::~PlanBank() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    ahead_.clear();
  }
  changed_.notify_all();
  if (worker_.joinable()) worker_.join();
}

std::list<PlanBank::Kept>::iterator PlanBank::find_locked(const PlanRequest& request) {
  return std::ranges::find_if(plans_, [&](const Kept& kept) {
    return serves(kept.entry.request, kept.entry.made.report.n_kv, request);
  });
}

Result<PlanBank::Entry*> PlanBank::get(const PlanRequest& request) {
  std::unique_lock lock(mutex_);
  auto found = find_locked(request);
  if (found == plans_.end()) {
    ++waited_for_;
    // It may be the one that is being made.
    changed_.wait(lock, [&] { return !making_; });
    found = find_locked(request);
  }
  if (found != plans_.end()) {
    plans_.splice(plans_.begin(), plans_, found);
    return &found->entry;
  }
  making_ = true;
  lock.unlock();
  Result<MadePlan> made = maker_(request);
  lock.lock();
  making_ = false;
  changed_.notify_all();
  if (!made.ok()) return made.take_error();
  const auto on_demand = std::ranges::count_if(plans_, [](const Kept& kept) { return !kept.ahead; });
  if (static_cast<size_t>(on_demand) >= most_) {
    const auto last =
        std::find_if(plans_.rbegin(), plans_.rend(), [](const Kept& kept) { return !kept.ahead; });
    plans_.erase(std::prev(last.base()));
  }
  plans_.emplace_front(request, made.take(), false);
  return &plans_.front().entry;
}

void PlanBank::make_ahead(std::vector<PlanRequest> requests) {
  const std::lock_guard lock(mutex_);
  make_ahead_locked(requests);
}

bool PlanBank::ready(const PlanRequest& request) {
  const std::lock_guard lock(mutex_);
  if (const auto found = find_locked(request); found != plans_.end()) return found->ahead = true;
  const auto same = [&](const PlanRequest& other) { return serves(other, 0, request); };
  if (std::ranges::none_of(ahead_, same) && std::ranges::none_of(failed_, same))
    make_ahead_locked({&request, 1});
  return false;
}

void PlanBank::make_ahead_locked(std::span<const PlanRequest> requests) {
  if (!worker_.joinable()) {
    try {
      worker_ = std::thread([this] { work(); });
    } catch (const std::system_error&) {
      return;  // no thread to be had: they are made when they are asked for
    }
  }
  ahead_.insert(ahead_.end(), requests.begin(), requests.end());
  changed_.notify_all();
}

void PlanBank::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ahead_.empty() && !making_; });
}

std::vector<const PlanBank::Entry*> PlanBank::entries() const {
  const std::lock_guard lock(mutex_);
  std::vector<const Entry*> all;
  for (const Kept& kept : plans_) all.push_back(&kept.entry);
  return all;
}

void PlanBank::work() {
  lower_priority();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || (!ahead_.empty() && !making_); });
    if (stop_) return;
    const PlanRequest request = ahead_.front();
    if (find_locked(request) == plans_.end()) {
      making_ = true;
      lock.unlock();
      Result<MadePlan> made = [&]() -> Result<MadePlan> {
        try {
          return maker_(request);
        } catch (const std::bad_alloc&) {  // nobody is above this thread
          return Error(ErrorCode::kOutOfMemory, "there is no memory for a plan");
        }
      }();
      lock.lock();
      making_ = false;
      if (made.ok())
        plans_.emplace_back(request, made.take(), true);
      else
        failed_.push_back(request);
    }
    if (!ahead_.empty()) ahead_.pop_front();
    changed_.notify_all();
  }
}

}  // namespace gannet
