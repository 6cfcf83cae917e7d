#include "engine/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include <fmt/core.h>

#include "model/heat.h"

namespace gannet {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kPiece = 64 << 20;

// Of the time of a run, one part in so many may go into moving weights behind it.
constexpr int64_t kShareOfRun = 16;
// No session runs: nobody has for so long, so it is a person's turn and not a pause between two steps.
constexpr auto kIdleAfter = std::chrono::milliseconds(30);
constexpr int kMostIdleThreads = 4;
// So often the room there is gets looked at once weights were moved.
constexpr auto kLookEvery = std::chrono::milliseconds(250);

// Always left free: one part in so many of the memory (or of the group's limit), and no less than this.
constexpr int64_t kFreeShare = 32;
constexpr int64_t kLeastFree = int64_t{64} << 20;
// Of the address space, when that is limited.
constexpr int64_t kFreeAddresses = int64_t{256} << 20;
// Weights are given back when less than one part in so many of that is left.
constexpr int64_t kTooLittle = 2;
// Cached files are forgotten when less than one part in so many of the memory is unused.
constexpr int64_t kShortShare = 16;

int64_t left_free(const MemoryRoom& room) {
  return std::max(kLeastFree, room.limit / kFreeShare);
}

// Runs `work` in threads beside this one, `most` or as many as the system allows: none is only slower.
template <class F>
void start_threads(std::vector<std::thread>& threads, int most, F work) {
  try {
    for (int i = 0; i < most; ++i) threads.emplace_back(work, i);
  } catch (const std::exception&) {  // no more threads, or no memory for one
  }
}

std::string gib(int64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1 << 30));
}

}  // namespace

const char* load_mode_name(LoadMode mode) {
  constexpr std::array kNames = {"auto", "mmap", "huge", "none"};
  return kNames[static_cast<size_t>(mode)];
}

WeightMemory::WeightMemory(const GgufFile& file, const Hyperparameters& hp, const LoadOptions& options)
    : file_(file), hp_(hp), options_(options), file_bytes_(static_cast<int64_t>(file.file_bytes())) {}

WeightMemory::~WeightMemory() {
  {
    std::lock_guard lock(idle_mutex_);
    stop_ = true;
  }
  idle_wakes_.notify_all();
  for (std::thread& thread : idle_threads_) thread.join();
}

Result<std::unique_ptr<WeightMemory>> WeightMemory::create(const GgufFile& file, const Hyperparameters& hp,
                                                           const LoadOptions& options,
                                                           const LoadProgress& progress) {
  std::unique_ptr<WeightMemory> memory(new WeightMemory(file, hp, options));
  GANNET_TRY(memory->load(progress));
  return memory;
}

Result<void> WeightMemory::load(const LoadProgress& progress) {
  if (file_.maps().empty()) {
    left_because_ = "they are part of the program";
    return {};
  }
  const MemoryRoom room = memory_room();
  const HugePageFacts facts = huge_page_facts();
  if (at_once()) GANNET_TRY(check_demand(room, facts));
  // A file that does not stay in memory is read again and again, in pieces as small as they are needed.
  if (file_bytes_ <= room.bytes)
    for (const MappedFile& map : file_.maps()) map.prefer_huge_pages();
  const double share = at_once() ? 0.5 : 1;
  bring_in([&](double fraction) {
    if (progress) progress(share * fraction);
  });
  if (options_.lock)
    for (const MappedFile& map : file_.maps())
      if (mlock(map.bytes().data(), map.bytes().size()) != 0) lock_refused_ = true;
  if (options_.mode == LoadMode::kMmap) {
    left_because_ = "load mode mmap leaves them in the file's mapping";
  } else if (options_.mode == LoadMode::kAuto && !facts.usable() && !options_.move_any_pages) {
    left_because_ = fmt::format("transparent huge pages: {}; to have them, {}", facts.text(), facts.remedy());
  } else {
    mover_ = std::make_unique<PageMover>(parts_by_heat(), mover_options(facts));
    if (at_once())
      return move_now([&](double fraction) {
        if (progress) progress(share + (1 - share) * fraction);
      });
  }
  return {};
}

// Whether the modes that move everything at once can have what they need.
Result<void> WeightMemory::check_demand(const MemoryRoom& room, const HugePageFacts& facts) const {
  const auto refused = [&](const std::string& why) {
    return Error(ErrorCode::kOutOfMemory,
                 fmt::format("{}: --load-mode {}: {}", file_.path(), load_mode_name(options_.mode), why));
  };
  const bool huge = options_.mode == LoadMode::kHuge;
  const int64_t reserved = huge ? facts.reserved_free : 0;
  const int64_t needed = std::max<int64_t>(0, file_bytes_ - reserved) + left_free(room);
  if (room.bytes < needed)
    return refused(
        fmt::format("{} of memory are needed, and {} can be taken ({}); use --load-mode auto, or a "
                    "smaller file",
                    gib(needed), gib(room.bytes), room.bound));
  if (huge && !facts.usable() && reserved < to_huge_pages(file_bytes_))
    return refused(fmt::format("transparent huge pages: {}; to have them, {}", facts.text(), facts.remedy()));
  return {};
}

PageMoverOptions WeightMemory::mover_options(const HugePageFacts& facts) const {
  PageMoverOptions o;
  o.only_where_needed = options_.mode == LoadMode::kAuto && !options_.move_any_pages;
  o.only_into_huge_pages = options_.mode != LoadMode::kNone && !options_.move_any_pages;
  o.reserved_pages = options_.mode == LoadMode::kHuge && facts.reserved_free > 0;
  o.lock = options_.lock;
  if (!at_once()) o.may_take = [this](int64_t bytes) { return may_take(bytes); };
  o.cache_is_short = [] {
    const MemoryRoom now = memory_room();
    return now.unused < now.limit / kShortShare;
  };
  return o;
}

// Maps all pages of the file before the first token asks for them one by one.
void WeightMemory::bring_in(const LoadProgress& progress) const {
  const double total = static_cast<double>(std::max<int64_t>(1, file_bytes_));
  double done = 0;
  for (const MappedFile& map : file_.maps()) {
    const std::span<const std::byte> bytes = map.bytes();
    for (size_t at = 0; at < bytes.size(); at += kPiece) {
      const size_t n = std::min(kPiece, bytes.size() - at);
      auto* address = const_cast<std::byte*>(bytes.data() + at);
#ifdef MADV_POPULATE_READ
      const bool populated = madvise(address, n, MADV_POPULATE_READ) == 0;
#else
      const bool populated = false;
#endif
      if (!populated) {
        madvise(address, n, MADV_WILLNEED);
        for (size_t i = 0; i < n; i += kPage)
          static_cast<void>(*static_cast<volatile const std::byte*>(address + i));
      }
      done += static_cast<double>(n);
      progress(done / total);
    }
  }
}

// Neighbouring huge pages that are read equally often make a part; parts that are read more often come first.
std::vector<FilePart> WeightMemory::parts_by_heat() const {
  std::vector<std::vector<double>> heat;  // by shard and huge page
  for (const MappedFile& map : file_.maps())
    heat.emplace_back(
        static_cast<size_t>(to_huge_pages(static_cast<int64_t>(map.bytes().size())) / kHugePage), 0.0);
  for (const GgufTensor& tensor : file_.tensors()) {
    const double reads = reads_per_token(file_, hp_, tensor);
    std::vector<double>& pages = heat[static_cast<size_t>(tensor.shard)];
    const size_t first = tensor.file_offset / kHugePage;
    const size_t last = (tensor.file_offset + tensor.data.size() - 1) / kHugePage;
    for (size_t page = first; page <= last; ++page) pages[page] = std::max(pages[page], reads);
  }
  std::vector<std::pair<double, FilePart>> parts;
  for (size_t shard = 0; shard < heat.size(); ++shard) {
    const MappedFile& map = file_.maps()[shard];
    const std::vector<double>& pages = heat[shard];
    for (size_t first = 0, end; first < pages.size(); first = end) {
      for (end = first + 1; end < pages.size() && pages[end] == pages[first];) ++end;
      const auto size = static_cast<int64_t>(map.bytes().size());
      parts.emplace_back(pages[first], FilePart{&map, static_cast<int64_t>(first) * kHugePage,
                                                std::min(static_cast<int64_t>(end) * kHugePage, size)});
    }
  }
  std::ranges::stable_sort(parts, std::ranges::greater(), [](const auto& part) { return part.first; });
  std::vector<FilePart> ordered;
  for (const auto& [reads, part] : parts) ordered.push_back(part);
  return ordered;
}

// What stays in the mapping needs its place in the page cache, or every token would read it from the disk.
bool WeightMemory::may_take(int64_t bytes) const {
  if (address_room() < kFreeAddresses + bytes) return false;
  const MemoryRoom room = memory_room();
  const int64_t rest = std::max<int64_t>(0, file_bytes_ - mover_->moved_bytes());
  return room.bytes >= rest + session_bytes_.load(std::memory_order_relaxed) + left_free(room);
}

Result<void> WeightMemory::move_now(const LoadProgress& progress) {
  settle({}, progress);
  GANNET_TRY(mover_->status());
  const std::string why = mover_->stopped_because();
  if (why.empty()) return {};
  return Error(
      ErrorCode::kOutOfMemory,
      fmt::format("{}: --load-mode {}: {} of {} were moved, then {}; use --load-mode auto", file_.path(),
                  load_mode_name(options_.mode), gib(moved_bytes()), gib(file_bytes_), why));
}

void WeightMemory::settle(const std::function<bool()>& keep_going, const LoadProgress& progress) {
  if (mover_ == nullptr) return;
  const auto more = [&] { return !keep_going || keep_going(); };
  std::vector<std::thread> helpers;
  start_threads(helpers, std::min(kMostIdleThreads, ThreadTeam::physical_cores()) - 1,
                [&](int) { mover_->work(more); });
  const auto report = [&] {
    if (progress)
      progress(static_cast<double>(mover_->done_bytes()) /
               static_cast<double>(std::max<int64_t>(1, mover_->total_bytes())));
    return more();
  };
  mover_->work(report);
  for (std::thread& helper : helpers) helper.join();
  // What an idle thread has in its hands.
  while (!mover_->finished() && report()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    mover_->work(report);
  }
}

void WeightMemory::add_session(int64_t bytes) {
  session_bytes_ += bytes;
  std::lock_guard lock(idle_mutex_);
  if (mover_ == nullptr || options_.mode != LoadMode::kAuto || !idle_threads_.empty()) return;
  last_end_ = Clock::now().time_since_epoch().count();
  start_threads(idle_threads_, std::min(kMostIdleThreads, ThreadTeam::physical_cores()),
                [this](int i) { idle_loop(i == 0); });
}

void WeightMemory::remove_session(int64_t bytes) {
  session_bytes_ -= bytes;
}

void WeightMemory::idle_loop(bool watches) {
  const auto idle = [&] {
    const Clock::time_point last{Clock::duration(last_end_.load(std::memory_order_relaxed))};
    return n_running_.load(std::memory_order_relaxed) == 0 && Clock::now() - last > kIdleAfter;
  };
  const auto ended_after = [&](Clock::duration pause) {
    std::unique_lock lock(idle_mutex_);
    return idle_wakes_.wait_for(lock, pause, [&] { return stop_; });
  };
  while (!mover_->finished()) {
    if (ended_after(kIdleAfter / 2)) return;
    mover_->work(idle);
  }
  while (watches && mover_->moved_bytes() > 0 && !ended_after(kLookEvery)) relieve();
}

// The same as the system does with cached files, which weights in private memory are no longer.
void WeightMemory::relieve() {
  const MemoryRoom room = memory_room();
  if (room.bytes < left_free(room) / kTooLittle) mover_->give_back(left_free(room));
}

void WeightMemory::begin_run() {
  n_running_.fetch_add(1, std::memory_order_relaxed);
}

Result<void> WeightMemory::end_run(ThreadTeam& team, int n_threads, std::chrono::nanoseconds took) {
  Result<void> status;
  if (mover_ != nullptr) status = mover_->status();
  if (mover_ != nullptr && !mover_->finished()) {
    for (const MappedFile& map : file_.maps())
      if (status.ok()) status = map.check_unchanged();
    // The time of a piece is not known before, so credit may become a debt that later runs pay.
    const int64_t credit = credit_.fetch_add(took.count() / kShareOfRun) + took.count() / kShareOfRun;
    if (credit > 0) {
      const Clock::time_point began = Clock::now(), until = began + std::chrono::nanoseconds(credit);
      team.run([&](Worker&) { mover_->work([&] { return Clock::now() < until; }); }, n_threads);
      credit_ -= std::chrono::nanoseconds(Clock::now() - began).count();
    }
  }
  last_end_.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  n_running_.fetch_sub(1, std::memory_order_relaxed);
  return status;
}

WeightMemory::Share WeightMemory::share() const {
  Share sum;
  double read = 0, huge = 0;
  for (const GgufTensor& tensor : file_.tensors()) {
    const double reads = reads_per_token(file_, hp_, tensor);
    const auto size = static_cast<int64_t>(tensor.data.size());
    const int64_t in_huge = bytes_in_huge_pages(tensor.data.data(), size);
    if (in_huge < 0) sum.in_huge_pages = -1;
    read += reads * static_cast<double>(size);
    huge += reads * static_cast<double>(in_huge);
  }
  sum.bytes_per_token = static_cast<int64_t>(read);
  if (sum.in_huge_pages == 0) sum.in_huge_pages = static_cast<int64_t>(huge);
  return sum;
}

std::string WeightMemory::text() const {
  const Share s = share();
  std::string text =
      fmt::format("{} of weights, load mode {}; ", gib(file_bytes_), load_mode_name(options_.mode));
  if (s.in_huge_pages < 0)
    text += fmt::format("{} moved into huge pages", gib(moved_bytes()));
  else
    text += fmt::format("of {} that a token reads, {:.0f} % lies in huge pages", gib(s.bytes_per_token),
                        100.0 * static_cast<double>(s.in_huge_pages) /
                            static_cast<double>(std::max<int64_t>(1, s.bytes_per_token)));
  if (!left_because_.empty()) {
    if (s.in_huge_pages < s.bytes_per_token) text += fmt::format(" ({})", left_because_);
    return text;
  }
  if (const std::string why = mover_->stopped_because(); !why.empty()) {
    text += fmt::format("; {} moved, no more because {}", gib(moved_bytes()), why);
  } else if (!mover_->finished()) {
    text += "; the rest is moved while the model runs";
  } else if (mover_->moved_bytes() > 0) {
    text += fmt::format("; {} moved", gib(moved_bytes()));
  }
  return text;
}

std::string WeightMemory::warning() const {
  if (!lock_refused_ && (mover_ == nullptr || mover_->unlocked_bytes() == 0)) return "";
  return "--mlock: the system does not let this process lock so much memory; raise the limit (ulimit -l)";
}

}  // namespace gannet
