#include "cli/read_bandwidth.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/huge_pages.h"
#include "base/thread_team.h"
#include "cli/machine_facts.h"

namespace gannet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kMiB = int64_t{1} << 20;
constexpr int64_t kSmallest = 256 * kMiB;
constexpr int64_t kCacheMultiple = 8;
constexpr size_t kFewestPasses = 9;
constexpr auto kMeasureFor = std::chrono::milliseconds(400);

constexpr int64_t kGrain = kHugePage;
constexpr int64_t kLine = 64;
constexpr int64_t kAhead = 16 * kLine;  // of each stream, prefetched by hand

typedef uint64_t Line __attribute__((vector_size(kLine), may_alias));

// The folding of all words in [begin, begin + bytes), read as kStreams streams side by side; bytes is a
// multiple of kStreams * kLine.
template <int64_t kStreams>
uint64_t fold(const std::byte* begin, int64_t bytes) {
  const int64_t part = bytes / kStreams;
  Line sums[kStreams] = {};
  for (int64_t at = 0; at < part; at += kLine) {
    for (int64_t s = 0; s < kStreams; ++s) {
      const std::byte* line = begin + s * part + at;
      __builtin_prefetch(line + kAhead);
      sums[s] ^= *reinterpret_cast<const Line*>(line);
    }
  }
  uint64_t result = 0;
  for (const Line& sum : sums)
    for (size_t i = 0; i < kLine / sizeof(uint64_t); ++i) result ^= sum[i];
  return result;
}

// How many streams a thread needs to keep enough lines in flight differs between processors, so the passes
// take turns and the best counts.
constexpr std::array kFolds = {fold<1>, fold<2>, fold<4>};

Result<double> measure(int n_threads, const std::vector<int>& cpus) {
  const MachineFacts facts = machine_facts();
  int64_t bytes = std::max(kSmallest, kCacheMultiple * facts.last_level_cache_bytes());
  if (facts.available_bytes > 0) bytes = std::min(bytes, facts.available_bytes / 4);
  bytes = std::max(kGrain * n_threads, bytes / kGrain * kGrain);
  const HugeMemory memory(bytes);
  if (memory.data() == nullptr)
    return Error(
        ErrorCode::kOutOfMemory,
        fmt::format("no {} MiB to measure the read bandwidth with; close other programs or raise the limit",
                    bytes / kMiB));
  std::byte* begin = memory.data();

  const auto team = GANNET_TRY(ThreadTeam::create(n_threads, cpus));
  // Written by the thread that will read it, so that it lies in that thread's memory node.
  team->run([&](Worker& worker) {
    int64_t from = 0, to = 0;
    worker.share(bytes, kGrain, from, to);
    std::memset(begin + from, worker.index() + 1, static_cast<size_t>(to - from));
  });
  double best = 0;
  std::atomic<uint64_t> keep = 0;  // the reads must not be optimised away
  const auto started = Clock::now();
  for (size_t pass = 0; pass < kFewestPasses || Clock::now() - started < kMeasureFor; ++pass) {
    const auto pass_started = Clock::now();
    team->run([&](Worker& worker) {
      int64_t from = 0, to = 0;
      worker.share(bytes, kGrain, from, to);
      keep.fetch_xor(kFolds[pass % kFolds.size()](begin + from, to - from), std::memory_order_relaxed);
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - pass_started).count();
    best = std::max(best, static_cast<double>(bytes) / std::max(seconds, 1e-9));
  }
  return best;
}

}  // namespace

Result<double> read_bandwidth(int n_threads, const std::vector<int>& cpus) {
  static std::map<std::pair<int, std::vector<int>>, double> measured;
  n_threads = std::min(n_threads, ThreadTeam::most_threads());
  const auto key = std::make_pair(n_threads, cpus);
  if (const auto it = measured.find(key); it != measured.end()) return it->second;
  const double bytes_per_second = GANNET_TRY(measure(n_threads, cpus));
  measured[key] = bytes_per_second;
  return bytes_per_second;
}

}  // namespace gannet
