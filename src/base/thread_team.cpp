#include "base/thread_team.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <fstream>
#include <set>

#include <fmt/core.h>

#include "base/control_groups.h"

namespace gannet {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spinning covers the gap between two plans of a token loop (tens of microseconds); after that a helper
// sleeps so an idle program uses no CPU.
constexpr int kSpinsBeforeSleep = 20000;
// Inside a run members wait for each other. When the machine has fewer free cores than members, the one that
// is waited for may not be running, so waiting gives its core away from time to time.
constexpr int kSpinsBeforeYield = 500;
// After so many such rounds, some milliseconds, a member sleeps: with many more members than cores, those
// that only yield take turns with each other and the one that has work hardly runs.
constexpr int kYieldsBeforeSleep = 100;

// How many members of all teams sleep inside a run. Waking up is a call of the system whenever anybody sleeps
// on anything, which helpers between two runs do all the time, so it is asked here first.
std::atomic<int> sleepers{0};

// Returns when `word` is no longer `old`. Who changes it must wake().
template <class T>
void wait_for_change(const std::atomic<T>& word, T old) noexcept {
  int yields = 0;
  for (int spins = 0; word.load(std::memory_order_acquire) == old; ++spins) {
    relax();
    if (spins < kSpinsBeforeYield) continue;
    spins = 0;
    if (++yields <= kYieldsBeforeSleep) {
      sched_yield();
    } else {
      sleepers.fetch_add(1);
      word.wait(old, std::memory_order_acquire);
      sleepers.fetch_sub(1);
    }
  }
}

// Behind a sequentially consistent change of `word`: who goes to sleep has been counted or sees the change.
template <class T>
void wake(std::atomic<T>& word) noexcept {
  if (sleepers.load() != 0) word.notify_all();
}

// The processors this process may use. Asked once, before a team binds the calling thread to one of them.
const std::vector<int>& usable_cpus() {
  static const std::vector<int> cpus = [] {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    const bool known = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
    const int n = known ? CPU_SETSIZE : static_cast<int>(std::thread::hardware_concurrency());
    std::vector<int> usable;
    for (int cpu = 0; cpu < n; ++cpu)
      if (!known || CPU_ISSET(cpu, &allowed)) usable.push_back(cpu);
    return usable;
  }();
  return cpus;
}

void bind_to_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

}  // namespace

void Worker::barrier() noexcept {
  wait_for_all(false);
}
void Worker::reset_claims() noexcept {
  wait_for_all(true);
}

void Worker::wait_for_all(bool reset) noexcept {
  if (team_ == nullptr) {
    if (reset) next_ = 0;
    return;
  }
  ThreadTeam& team = *team_;
  const uint32_t phase = team.phase_.load(std::memory_order_relaxed);
  if (count_ == 1 || team.arrived_.fetch_add(1, std::memory_order_acq_rel) == count_ - 1) {
    if (reset) team.next_.store(0, std::memory_order_relaxed);
    if (count_ == 1) return;
    team.arrived_.store(0, std::memory_order_relaxed);
    team.phase_.store(phase + 1);
    wake(team.phase_);
    return;
  }
  wait_for_change(team.phase_, phase);
}

bool Worker::claim(int64_t total, int64_t grain, int64_t& begin, int64_t& end) noexcept {
  if (team_ == nullptr) {
    begin = next_;
    next_ += grain;
  } else {
    begin = team_->next_.fetch_add(grain, std::memory_order_relaxed);
  }
  if (begin >= total) return false;
  end = std::min(begin + grain, total);
  return true;
}

ThreadTeam::ThreadTeam(int n_threads, std::vector<int> cpus)
    : n_threads_(std::max(1, n_threads)), cpus_(std::move(cpus)) {
  usable_cpus();
  if (!cpus_.empty()) bind_to_cpu(cpus_[0]);
  try {
    for (int i = 1; i < n_threads_; ++i) helpers_.emplace_back([this, i] { member_loop(i); });
  } catch (const std::exception&) {  // no more threads, or no memory for one
    n_threads_ = static_cast<int>(helpers_.size()) + 1;
  }
}

Result<std::unique_ptr<ThreadTeam>> ThreadTeam::create(int n_threads, std::vector<int> cpus) {
  auto team = std::make_unique<ThreadTeam>(n_threads, std::move(cpus));
  if (team->size() >= n_threads) return team;
  return Error(
      ErrorCode::kOutOfMemory,
      fmt::format("the system gives {} of {} threads; use fewer threads (-t), or raise the limits of "
                  "processes and memory (ulimit -u, -v)",
                  team->size(), n_threads));
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadTeam::run_erased(Erased work, void* context, int n) {
  active_ = n <= 0 || n > n_threads_ ? n_threads_ : n;
  work_ = work;
  context_ = context;
  next_.store(0, std::memory_order_relaxed);
  finished_.store(0, std::memory_order_relaxed);
  if (n_threads_ > 1) {
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
  }
  Worker self(this, 0, active_);
  work(context, self);
  for (int done; (done = finished_.load(std::memory_order_acquire)) != n_threads_ - 1;)
    wait_for_change(finished_, done);
}

void ThreadTeam::member_loop(int index) {
  if (!cpus_.empty()) bind_to_cpu(cpus_[static_cast<size_t>(index) % cpus_.size()]);
  uint32_t seen = 0;
  while (true) {
    for (int spins = 0; generation_.load(std::memory_order_acquire) == seen; ++spins) {
      relax();
      if (spins >= kSpinsBeforeSleep) {
        generation_.wait(seen, std::memory_order_acquire);
        spins = 0;
      }
    }
    ++seen;
    if (stop_.load(std::memory_order_relaxed)) return;
    if (index < active_) {
      Worker self(this, index, active_);
      work_(context_, self);
    }
    if (finished_.fetch_add(1) == n_threads_ - 2) wake(finished_);
  }
}

Result<std::vector<int>> ThreadTeam::parse_cpu_mask(const std::string& mask) {
  std::string digits = mask;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits = digits.substr(2);
  std::vector<int> cpus;
  const int n = static_cast<int>(digits.size());
  for (int i = 0; i < n; ++i) {
    const char c = digits[static_cast<size_t>(n - 1 - i)];
    const int nibble = c >= '0' && c <= '9'   ? c - '0'
                       : c >= 'a' && c <= 'f' ? c - 'a' + 10
                       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                              : -1;
    if (nibble < 0)
      return Error(
          ErrorCode::kUsage,
          fmt::format("CPU mask \"{}\" is not hexadecimal; write for example 0x3 for CPUs 0 and 1", mask));
    for (int bit = 0; bit < 4; ++bit)
      if (nibble & (1 << bit)) cpus.push_back(4 * i + bit);
  }
  if (cpus.empty()) return Error(ErrorCode::kUsage, fmt::format("CPU mask \"{}\" names no CPU", mask));
  const int limit = static_cast<int>(std::thread::hardware_concurrency());
  for (int cpu : cpus)
    if (cpu >= limit)
      return Error(ErrorCode::kUsage, fmt::format("CPU mask \"{}\" names CPU {}, this machine has 0 to {}",
                                                  mask, cpu, limit - 1));
  return cpus;
}

int ThreadTeam::physical_cores(const std::string& root) {
  // Hyper-threads of one core share the same first sibling.
  std::set<std::string> cores;
  const std::vector<int>& cpus = usable_cpus();
  for (int cpu : cpus) {
    std::ifstream in(fmt::format("{}/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", root, cpu));
    std::string siblings;
    if (std::getline(in, siblings)) cores.insert(siblings);
  }
  const auto n = static_cast<double>(cores.empty() ? cpus.size() : cores.size());
  return std::max(1, static_cast<int>(std::min(n, std::ceil(cpu_quota(root)))));
}

int ThreadTeam::default_threads(const std::vector<int>& cpus) {
  return cpus.empty() ? physical_cores() : std::min(physical_cores(), static_cast<int>(cpus.size()));
}

int ThreadTeam::most_threads() {
  return 2 * std::max(1, static_cast<int>(usable_cpus().size()));
}

}  // namespace gannet
