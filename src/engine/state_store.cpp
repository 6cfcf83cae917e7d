#include "engine/state_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/printable.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kEnding = ".state";
constexpr const char* kLockName = "lock";
constexpr size_t kMostWaiting = 64;
constexpr std::chrono::minutes kWarningsApart{1};

// Whoever has the lock of a folder is its owner; the system gives it back when the owner ends, however that
// is.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : fd_(::open((folder / kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      busy_ = true;
      ::close(std::exchange(fd_, -1));
    }
  }
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool held() const { return fd_ >= 0; }
  bool busy() const { return busy_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
  bool busy_ = false;
};

StateStore::Id id_of(StateStore::Id parent, std::span<const TokenId> tokens) {
  const uint64_t hash = XXH3_64bits_withSeed(tokens.data(), tokens.size_bytes(), parent);
  return hash == 0 ? 1 : hash;
}

int64_t bytes_in(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code problem;
  for (const auto& file : fs::directory_iterator(folder, problem)) {
    const auto size = file.file_size(problem);
    if (!problem) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

}  // namespace

struct StateStore::Entry {
  Id parent = 0;
  StateLengths to = {};
  int64_t bytes = 0, recurrent_bytes = 0;  // of the file; the latter are part of the former
  bool written = false, has_state = false;
  bool waiting = false;  // to be written
  int pinned = 0;        // by reads and writes that are going on
  int children = 0;
  uint64_t used = 0;
  std::vector<TokenId> tokens = {};  // until visit_points()
};

struct StateStore::Work {
  Id id = 0;
  // To be written.
  std::vector<TokenId> tokens = {};
  StatePool::KeptId kept = 0;
  Clock::time_point due = {};
  // To be read.
  StateSnapshot beginning = {};
  std::function<void(Result<StateSnapshot>)> done = {};
};

StateStore::StateStore(std::shared_ptr<StatePool> pool, StateStoreOptions options)
    : pool_(std::move(pool)), options_(std::move(options)) {
  options_.fingerprint = state_fingerprint(options_.fingerprint, pool_->layout());
  folder_ = fs::path(options_.folder) / options_.fingerprint;
}

Result<std::unique_ptr<StateStore>> StateStore::open(std::shared_ptr<StatePool> pool,
                                                     StateStoreOptions options) {
  std::unique_ptr<StateStore> store(new StateStore(std::move(pool), std::move(options)));
  GANNET_TRY(store->begin());
  return store;
}

Result<void> StateStore::begin() {
  std::error_code problem;
  fs::create_directories(options_.folder, problem);
  if (!problem && fs::create_directory(folder_, problem))
    fs::permissions(folder_, fs::perms::owner_all, fs::perm_options::replace, problem);
  if (problem)
    return Error(ErrorCode::kOutput,
                 fmt::format("{}: cannot be made: {}", printable(folder_), problem.message()));
  // Another process may try the lock for a moment, to see whether anybody has it.
  std::optional<FolderLock> lock;
  for (int i = 0; i < 10 && !(lock && lock->held()); ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    lock.emplace(folder_);
  }
  if (lock->busy())
    return Error(ErrorCode::kUsage,
                 fmt::format("{}: another server keeps what it read of this model there; give "
                             "each a folder of its own",
                             printable(options_.folder)));
  if (!lock->held())
    return Error(ErrorCode::kOutput, fmt::format("{}: {}", printable(folder_), std::strerror(errno)));
  lock_file_ = lock->release();
  scan();
  {
    Lock held(mutex_);
    make_room_locked(0, 0);
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

StateStore::~StateStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (lock_file_ >= 0) ::close(lock_file_);
}

std::string StateStore::path_of(Id id) const {
  return fs::path(folder_) / (fmt::format("{:016x}", id) + kEnding);
}

// What is in the folder; what is of no use goes.
void StateStore::scan() {
  std::error_code problem;
  std::vector<std::pair<fs::file_time_type, Id>> by_time;
  for (const auto& file : fs::directory_iterator(folder_, problem)) {
    const fs::path& path = file.path();
    if (path.filename() == kLockName) continue;
    auto opened = StateFile::open(path);
    if (opened.ok() && opened->head().fingerprint == options_.fingerprint &&
        path_of(opened->head().id) == path) {
      const StateFileHead& head = opened->head();
      const auto of_state = static_cast<int64_t>(head.recurrent_bytes + sizeof(uint64_t));
      entries_[head.id] = {.parent = head.parent,
                           .to = head.to,
                           .bytes = opened->bytes(),
                           .recurrent_bytes = opened->has_recurrent_state() ? of_state : 0,
                           .written = true,
                           .has_state = opened->has_recurrent_state(),
                           .tokens = head.tokens};
      std::error_code no_time;
      by_time.emplace_back(fs::last_write_time(path, no_time), head.id);
    } else {
      // A part of a file that was being written, or damaged.
      if (path.extension() == kEnding)
        warn(opened.ok() ? path.string() + ": of another model" : opened.error().message());
      std::error_code ignored;
      fs::remove(path, ignored);
    }
  }
  // Those whose beginning is missing.
  for (bool found = true; found;) {
    found = false;
    for (auto it = entries_.begin(); it != entries_.end();) {
      const Id parent = it->second.parent;
      if (parent == 0 || (entries_.contains(parent) && entries_[parent].to[0] < it->second.to[0])) {
        ++it;
        continue;
      }
      std::error_code ignored;
      fs::remove(path_of(it->first), ignored);
      it = entries_.erase(it);
      found = true;
    }
  }
  std::ranges::sort(by_time);
  for (const auto& [time, id] : by_time)
    if (const auto found = entries_.find(id); found != entries_.end()) found->second.used = ++uses_;
  for (auto& [id, entry] : entries_) {
    bytes_ += entry.bytes;
    if (entry.parent != 0) ++entries_[entry.parent].children;
  }
}

void StateStore::visit_points(const std::function<void(std::span<const TokenId> tokens, Id id)>& visit) {
  std::vector<std::pair<int64_t, Id>> order;
  for (const auto& [id, entry] : entries_) order.emplace_back(entry.to[0], id);
  std::ranges::sort(order);
  for (const auto& [length, id] : order) {
    std::vector<TokenId> text(static_cast<size_t>(length));
    for (Id at = id; at != 0;) {
      const Entry& entry = entries_.at(at);
      std::ranges::copy(entry.tokens, text.begin() + (entry.to[0] - std::ssize(entry.tokens)));
      at = entry.parent;
    }
    visit(text, id);
  }
  for (auto& [id, entry] : entries_) std::vector<TokenId>().swap(entry.tokens);
}

bool StateStore::can_load(Id id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.written && found->second.has_state;
}

bool StateStore::can_continue(Id id) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(id);
}

bool StateStore::lasts(Id id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found != entries_.end() && (found->second.has_state || found->second.waiting);
}

StateStore::Id StateStore::put(Id parent, std::span<const TokenId> tokens, StatePool::KeptId kept) {
  const Id id = id_of(parent, tokens);
  Lock lock(mutex_);
  if (parent != 0 && !entries_.contains(parent)) return id;  // it went meanwhile
  const auto [at, made] = entries_.try_emplace(id);
  Entry& entry = at->second;
  entry.used = ++uses_;
  if (entry.has_state || entry.waiting) return id;
  entry.waiting = true;
  if (made) {
    entry.parent = parent;
    if (parent != 0) ++entries_[parent].children;
  }
  writes_.push_back({.id = id,
                     .tokens = std::vector<TokenId>(tokens.begin(), tokens.end()),
                     .kept = kept,
                     .due = Clock::now() + options_.patience});
  if (writes_.size() > kMostWaiting) {
    const Id first = writes_.front().id;
    writes_.pop_front();
    entries_[first].waiting = false;
    remove_useless_locked(first);
  }
  changed_.notify_all();
  return id;
}

void StateStore::load(Id id, StateSnapshot beginning, std::function<void(Result<StateSnapshot>)> done) {
  {
    const std::lock_guard lock(mutex_);
    reads_.push_back({.id = id, .beginning = std::move(beginning), .done = std::move(done)});
  }
  changed_.notify_all();
}

void StateStore::forget(Id id) {
  Lock lock(mutex_);
  if (!entries_.contains(id)) return;
  std::erase_if(writes_, [&](const Work& work) { return work.id == id; });
  entries_[id].waiting = false;
  drop_state_locked(id);
}

void StateStore::set_busy(bool busy) {
  {
    const std::lock_guard lock(mutex_);
    if (busy_ == busy) return;
    busy_ = busy;
  }
  changed_.notify_all();
}

void StateStore::flush() {
  Lock lock(mutex_);
  flushing_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return writes_.empty() && !working_; });
  flushing_ = false;
}

StateStoreCounters StateStore::counters() const {
  const std::lock_guard lock(mutex_);
  StateStoreCounters now = counts_;
  now.bytes = bytes_;
  now.waiting = std::ssize(writes_);
  now.points = std::ranges::count_if(entries_, [](const auto& e) { return e.second.has_state; });
  return now;
}

void StateStore::run() {
  // What the model computes comes first.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 10);
  Lock lock(mutex_);
  while (true) {
    if (!reads_.empty()) {
      Work work = std::move(reads_.front());
      reads_.pop_front();
      read(lock, std::move(work));
      continue;
    }
    if (stopping_ && writes_.empty()) return;
    const bool now = !busy_ || stopping_ || flushing_;
    if (!writes_.empty() && (now || writes_.front().due <= Clock::now())) {
      const Work work = std::move(writes_.front());
      writes_.pop_front();
      working_ = true;
      write(lock, work);
      working_ = false;
      changed_.notify_all();
      continue;
    }
    if (writes_.empty())
      changed_.wait(lock);
    else
      changed_.wait_until(lock, writes_.front().due);
  }
}

void StateStore::write(Lock& lock, const Work& work) {
  const auto at = entries_.find(work.id);
  if (at == entries_.end()) return;  // forgotten
  Entry& entry = at->second;
  entry.waiting = false;
  const std::optional<StateSnapshot> state = pool_->find(work.kept);
  const Id parent = entry.parent;
  // Its file is there without the recurrent state, and others go on from more rows of the MTP block than this
  // has.
  if (state && entry.written && state->length(StatePart::kMtp) < entry.to[part_index(StatePart::kMtp)])
    return;
  // The point may have been given up, and so may the one before it.
  if (!state || (parent != 0 && !entries_[parent].written)) return remove_useless_locked(work.id);
  StateFileHead head;
  head.fingerprint = options_.fingerprint;
  head.id = work.id;
  head.parent = parent;
  head.tokens = work.tokens;
  head.to = lengths_of(*state);
  if (parent != 0) head.from = entries_[parent].to;
  head.from[1] = std::min(head.from[1], head.to[1]);
  ++entry.pinned;
  lock.unlock();
  std::vector<std::byte> kv(static_cast<size_t>(kv_bytes(pool_->layout(), head.from, head.to)));
  read_kv(*state, head.from, head.to, kv);
  RecurrentBytes recurrent = read_recurrent(*state);
  head.base_at = recurrent.base_at;
  head.kv_bytes = kv.size();
  head.recurrent_bytes = recurrent.bytes.size();
  const auto of_state = static_cast<int64_t>(recurrent.bytes.size() + sizeof(uint64_t));
  const auto bytes = static_cast<int64_t>(kv.size() + head.tokens.size() * sizeof(TokenId) + 512) + of_state;
  lock.lock();
  const bool room = make_room_locked(bytes, work.id);
  lock.unlock();
  const std::string path = path_of(work.id);
  Result<void> written = check_read(*state);
  if (written.ok() && room) written = write_state_file(path, head, kv, recurrent.bytes);
  struct stat facts {};
  const bool there = room && written.ok() && ::stat(path.c_str(), &facts) == 0;
  lock.lock();
  --entry.pinned;  // entries that are pinned stay where they are
  if (!written.ok()) {
    ++counts_.failed;
    warn(written.error().message());
  }
  if (!there) return remove_useless_locked(work.id);
  bytes_ += facts.st_size - entry.bytes;
  entry.bytes = facts.st_size;
  entry.recurrent_bytes = of_state;
  entry.to = head.to;
  entry.written = entry.has_state = true;
  ++counts_.written;
}

void StateStore::read(Lock& lock, Work work) {
  std::vector<Id> chain;
  for (Id id = work.id; id != 0;) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || !found->second.written || (chain.empty() && !found->second.has_state)) {
      chain.clear();
      break;
    }
    chain.push_back(id);
    id = found->second.parent;
  }
  if (chain.empty()) {
    lock.unlock();
    work.done(Error(ErrorCode::kRuntime, "the stored state is no longer there"));
    lock.lock();
    return;
  }
  std::ranges::reverse(chain);
  std::vector<std::string> paths;
  for (const Id id : chain) {
    Entry& entry = entries_[id];
    ++entry.pinned;
    entry.used = ++uses_;
    paths.push_back(path_of(id));
  }
  lock.unlock();
  // When it was used last is known to the next process, too.
  ::utimensat(AT_FDCWD, paths.back().c_str(), nullptr, 0);
  Result<StateSnapshot> state = read_chain(paths, work.beginning);
  work.beginning = {};
  lock.lock();
  for (const Id id : chain) --entries_[id].pinned;
  if (state.ok()) {
    ++counts_.loaded;
  } else {
    ++counts_.failed;
    warn(state.error().message());
    // Damaged, all of it that lies behind that place; shown by the first that cannot be read.
    if (state.error().code() != ErrorCode::kOutOfMemory)
      for (const Id id : chain) {
        auto file = StateFile::open(path_of(id));
        const bool good = file.ok() && file->read_kv().ok() && (id != work.id || file->read_recurrent().ok());
        if (good && id != work.id) continue;
        remove_locked(id);
        break;
      }
  }
  lock.unlock();
  work.done(std::move(state));
  lock.lock();
}

Result<StateSnapshot> StateStore::read_chain(const std::vector<std::string>& paths,
                                             const StateSnapshot& beginning) {
  StateBuilder builder(pool_, beginning);
  for (const std::string& path : paths) {
    const StateFile file = GANNET_TRY(StateFile::open(path));
    const StateFileHead& head = file.head();
    if (head.fingerprint != options_.fingerprint)
      return Error(ErrorCode::kRuntime, printable(path) + ": of another model");
    bool news = false;
    for (size_t i = 0; i < head.to.size(); ++i) news = news || head.to[i] > builder.lengths()[i];
    if (news) {
      const auto kv = GANNET_TRY(file.read_kv());
      if (auto added = builder.add_kv(head.from, head.to, kv); !added.ok())
        return added.take_error().with_context(printable(path));
    }
    if (&path != &paths.back()) continue;
    const auto recurrent = GANNET_TRY(file.read_recurrent());
    return builder.finish(head.to[0], head.base_at, recurrent);
  }
  return Error(ErrorCode::kRuntime, "there is nothing to read");
}

// The point, and all that go on from it.
void StateStore::remove_locked(Id id) {
  std::vector<Id> below;
  for (const auto& [other, entry] : entries_)
    if (entry.parent == id) below.push_back(other);
  for (const Id other : below) remove_locked(other);
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.pinned > 0) return;
  std::erase_if(writes_, [&](const Work& work) { return work.id == id; });
  found->second.has_state = found->second.waiting = false;
  remove_useless_locked(id);
}

void StateStore::remove_useless_locked(Id id) {
  while (id != 0) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    const Entry& entry = found->second;
    if (entry.has_state || entry.waiting || entry.pinned > 0 || entry.children > 0) return;
    if (entry.written) ::unlink(path_of(id).c_str());
    bytes_ -= entry.bytes;
    id = entry.parent;
    entries_.erase(found);
    if (id != 0) --entries_[id].children;
  }
}

// What would be free, per token that would have to be read again, and for how long nobody asked for it.
double StateStore::going(const Entry& entry) const {
  int64_t before = 0;
  for (Id id = entry.parent; id != 0 && before == 0;) {
    const Entry& parent = entries_.at(id);
    if (parent.has_state) before = parent.to[0];
    id = parent.parent;
  }
  const int64_t bytes = entry.children == 0 ? entry.bytes : entry.recurrent_bytes;
  return static_cast<double>(bytes) / static_cast<double>(std::max<int64_t>(1, entry.to[0] - before)) *
         static_cast<double>(uses_ - entry.used + 1);
}

void StateStore::drop_state_locked(Id id) {
  Entry& entry = entries_[id];
  if (entry.has_state && entry.written && (entry.children > 0 || entry.pinned > 0)) {
    if (auto dropped = drop_recurrent_state(path_of(id)); !dropped.ok()) warn(dropped.error().message());
    struct stat facts {};
    const int64_t left = ::stat(path_of(id).c_str(), &facts) == 0 ? facts.st_size : 0;
    bytes_ -= std::exchange(entry.bytes, left) - left;
    entry.recurrent_bytes = 0;
  }
  entry.has_state = false;
  remove_useless_locked(id);
}

bool StateStore::make_room_locked(int64_t bytes, Id keep) {
  const int64_t own = options_.most_bytes - bytes - bytes_;
  const int64_t most = options_.most_bytes - others_bytes(std::max<int64_t>(0, own));
  while (bytes_ + bytes > most) {
    Id worst = 0;
    double its = 0;
    for (const auto& [id, entry] : entries_) {
      if (!entry.has_state || !entry.written || entry.pinned > 0 || id == keep) continue;
      if (const double going_now = going(entry); going_now > its) {
        worst = id;
        its = going_now;
      }
    }
    if (worst == 0) return false;
    drop_state_locked(worst);
    ++counts_.dropped;
  }
  return true;
}

// Bytes that are not for this model: in folders of models that are not loaded, the ones used longest ago of
// which are removed until they have `most`; models that are loaded share what is left.
int64_t StateStore::others_bytes(int64_t most) const {
  std::error_code problem;
  std::vector<std::pair<fs::file_time_type, fs::path>> folders;
  int64_t n_loaded = 1, unloaded = 0;
  for (const auto& other : fs::directory_iterator(options_.folder, problem)) {
    std::error_code ignored;
    if (!other.is_directory(ignored) || other.path() == folder_ ||
        !fs::exists(other.path() / kLockName, ignored))
      continue;
    if (FolderLock(other.path()).busy()) {
      ++n_loaded;
    } else {
      folders.emplace_back(other.last_write_time(ignored), other.path());
      unloaded += bytes_in(other.path());
    }
  }
  std::ranges::sort(folders);
  for (const auto& [time, path] : folders) {
    if (unloaded <= most) break;
    const FolderLock lock(path);
    if (!lock.held()) continue;
    unloaded -= bytes_in(path);
    for (const auto& file : fs::directory_iterator(path, problem))
      if (file.path().extension() == kEnding || file.path().filename() == kLockName)
        fs::remove(file.path(), problem);
    fs::remove(path, problem);
  }
  return unloaded + (options_.most_bytes - unloaded) * (n_loaded - 1) / n_loaded;
}

void StateStore::warn(const std::string& what) {
  const auto now = Clock::now();
  if (!options_.warn || (warned_ != Clock::time_point() && now - warned_ < kWarningsApart)) return;
  warned_ = now;
  options_.warn("what was read is not kept on disk: " + what);
}

}  // namespace gannet
