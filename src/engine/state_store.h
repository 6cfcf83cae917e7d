// Remembered points of texts in a folder: they outlive the process, and the model in memory. Every point is
// one file with what lies between it and the stored point before it, so that texts which begin alike share
// their beginnings.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/state_file.h"
#include "state/state_pool.h"

namespace gannet {

struct StateStoreOptions {
  std::string folder;  // of all models; this one's files are in a folder of their own in it
  // Of all that the state depends on but its layout: model, build, instruction sets. Files of other
  // fingerprints are never read.
  std::string fingerprint;
  // For all models together. Folders of models that are not loaded make room first, the ones used longest ago
  // before others, then points of this model, those first that are least worth.
  int64_t most_bytes = int64_t{8} << 30;
  // A point is worth a file if so many tokens lie between it and the one before it. They and the beginning
  // of an answer are what a restart costs the next turn.
  int64_t least_tokens = 48;
  // While the model is busy, points wait so long before they are written.
  std::chrono::milliseconds patience{2000};
  // Whole sentences: what could not be written or read. By any thread. May be null.
  std::function<void(const std::string& warning)> warn = {};
};

struct StateStoreCounters {
  uint64_t written = 0, loaded = 0, dropped = 0, failed = 0;
  int64_t points = 0, bytes = 0, waiting = 0;  // now
};

// Thread-safe. Files are written and read by a thread of its own; what is written by one process is there for
// the next, whatever ends it.
class StateStore {
 public:
  using Id = uint64_t;  // never 0
  // Makes the folder (mode 0700) if it is not there. Errors: kOutput; kUsage when another process has the
  // model's folder open.
  static Result<std::unique_ptr<StateStore>> open(std::shared_ptr<StatePool> pool, StateStoreOptions options);
  ~StateStore();  // writes what waits

  // Calls visit(tokens of the whole text, id) for every point that was there when it was opened, those of
  // shorter texts first. To be called once, before anything is stored.
  void visit_points(const std::function<void(std::span<const TokenId> tokens, Id id)>& visit);

  // A text can be taken up at this point / another point can go on from it. What waits to be written counts
  // as there for the second.
  bool can_load(Id id) const;
  bool can_continue(Id id) const;
  // As can_load(), or it waits to be written.
  bool lasts(Id id) const;
  // Stores a point in a while, unless the pool gives it up before. `tokens` are those behind `parent` (0:
  // all).
  Id put(Id parent, std::span<const TokenId> tokens, StatePool::KeptId kept);
  // Reads the point in the background, behind `beginning` (a point of the same text, may be empty), and calls
  // `done` from there. Errors: what the file or the memory is short of; a damaged file is removed.
  void load(Id id, StateSnapshot beginning, std::function<void(Result<StateSnapshot>)> done);
  // No text is taken up here any more; points that go on from it stay.
  void forget(Id id);

  // Whether the model has something to do: writing waits for a pause then.
  void set_busy(bool busy);
  // Until everything is written.
  void flush();
  StateStoreCounters counters() const;
  const StateStoreOptions& options() const { return options_; }
  const std::string& folder() const { return folder_; }

 private:
  struct Entry;
  struct Work;
  using Lock = std::unique_lock<std::mutex>;
  StateStore(std::shared_ptr<StatePool> pool, StateStoreOptions options);
  Result<void> begin();
  void scan();
  void run();
  void write(Lock& lock, const Work& work);
  void read(Lock& lock, Work work);
  Result<StateSnapshot> read_chain(const std::vector<std::string>& paths, const StateSnapshot& beginning);
  std::string path_of(Id id) const;
  void remove_locked(Id id);
  void remove_useless_locked(Id id);
  void drop_state_locked(Id id);
  bool make_room_locked(int64_t bytes, Id keep);
  int64_t others_bytes(int64_t most) const;
  double going(const Entry& entry) const;
  void warn(const std::string& what);

  std::shared_ptr<StatePool> pool_;
  StateStoreOptions options_;
  std::string folder_;
  int lock_file_ = -1;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::unordered_map<Id, Entry> entries_;
  std::deque<Work> reads_, writes_;
  bool busy_ = false, stopping_ = false, flushing_ = false, working_ = false;
  uint64_t uses_ = 0;
  int64_t bytes_ = 0;  // of files
  StateStoreCounters counts_;
  std::chrono::steady_clock::time_point warned_;
  std::thread thread_;
};

}  // namespace gannet
