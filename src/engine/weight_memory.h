// Where the weights of a model lie: in the mapping of their file or in private huge pages, which are read
// faster. Addresses and bytes are the same in both, so it changes speed and nothing else.
//
// In mode kAuto a model runs from the mapping at once. What the kernel has not mapped in huge pages already
// is moved there by and by, what every token reads first: between the steps of sessions, for a small share of
// their time, and by threads of its own while no session runs. It stops before memory gets short, and gives
// back when others make it short later, as cached files do.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/huge_pages.h"
#include "base/memory_room.h"
#include "base/page_mover.h"
#include "base/thread_team.h"
#include "gguf/gguf.h"
#include "model/hyperparameters.h"

namespace gannet {

// Fraction done of bringing a file into memory, 0 to 1.
using LoadProgress = std::function<void(double fraction)>;

enum class LoadMode : uint8_t {
  kAuto,  // from the mapping at once, moved into huge pages while running, as far as memory allows
  kMmap,  // stays in the mapping, which processes share
  kHuge,  // all in huge pages before the first token, hugetlb pages if there are free ones
  kNone,  // all in private memory before the first token; the file is not needed any more
};
const char* load_mode_name(LoadMode mode);

struct LoadOptions {
  LoadMode mode = LoadMode::kAuto;
  bool lock = false;           // keep the weights from being swapped out or dropped (mlock)
  bool check_tensors = false;  // that every scale of every tensor is finite
  // A test of the moving, for any machine: in mode kAuto everything is moved, from and into whatever pages.
  bool move_any_pages = false;
};

// All methods are thread-safe.
class WeightMemory {
 public:
  // Brings the pages of `file` in, and in the modes kHuge and kNone moves them. The file must outlive this.
  // Errors: kOutOfMemory (in those modes, with both sizes and what else to do), kModelFile for a file that is
  // cut or rewritten meanwhile.
  static Result<std::unique_ptr<WeightMemory>> create(const GgufFile& file, const Hyperparameters& hp,
                                                      const LoadOptions& options,
                                                      const LoadProgress& progress);
  ~WeightMemory();
  WeightMemory(const WeightMemory&) = delete;
  WeightMemory& operator=(const WeightMemory&) = delete;

  // A session will need so many bytes for state and scratch, which are left free. From the first call on,
  // weights are moved while no session runs.
  void add_session(int64_t bytes);
  void remove_session(int64_t bytes);

  // Around every run of a plan. end_run() moves weights with the members of `team` for a share of the time
  // that the run took. Its error says that the run is worth nothing, because the file was cut or rewritten
  // (kModelFile).
  void begin_run();
  Result<void> end_run(ThreadTeam& team, int n_threads, std::chrono::nanoseconds took);

  // Moves all that can be moved now, for measurements. `keep_going` may be null.
  void settle(const std::function<bool()>& keep_going, const LoadProgress& progress);

  // What a token reads, on average, and how much of it lies in huge pages; -1: the kernel cannot tell.
  struct Share {
    int64_t bytes_per_token = 0, in_huge_pages = 0;
  };
  Share share() const;

  int64_t moved_bytes() const { return mover_ == nullptr ? 0 : mover_->moved_bytes(); }
  LoadMode mode() const { return options_.mode; }
  // What is in huge pages, why no more is, and what would help, in one line.
  std::string text() const;
  // What could not be done as asked for, for the user to know; empty when all was.
  std::string warning() const;

 private:
  using Clock = std::chrono::steady_clock;

  WeightMemory(const GgufFile& file, const Hyperparameters& hp, const LoadOptions& options);
  bool at_once() const { return options_.mode == LoadMode::kHuge || options_.mode == LoadMode::kNone; }
  Result<void> load(const LoadProgress& progress);
  Result<void> check_demand(const MemoryRoom& room, const HugePageFacts& facts) const;
  PageMoverOptions mover_options(const HugePageFacts& facts) const;
  std::vector<FilePart> parts_by_heat() const;
  void bring_in(const LoadProgress& progress) const;
  Result<void> move_now(const LoadProgress& progress);
  bool may_take(int64_t bytes) const;
  void idle_loop(bool watches);
  void relieve();

  const GgufFile& file_;
  const Hyperparameters& hp_;
  const LoadOptions options_;
  const int64_t file_bytes_;
  std::string left_because_;          // why nothing is to be moved
  std::unique_ptr<PageMover> mover_;  // null: nothing is to be moved
  bool lock_refused_ = false;

  std::atomic<int64_t> session_bytes_{0};
  std::atomic<int> n_running_{0};
  std::atomic<Clock::rep> last_end_{0};  // of a run
  std::atomic<int64_t> credit_{0};       // nanoseconds that moving may take behind the next run

  std::mutex idle_mutex_;
  std::condition_variable idle_wakes_;
  bool stop_ = false;
  std::vector<std::thread> idle_threads_;  // the first goes on to look after the room there is
};

}  // namespace gannet
