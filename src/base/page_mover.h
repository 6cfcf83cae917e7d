// Moves parts of mapped files out of the page cache into private memory of 2 MiB pages, without moving their
// addresses: a piece is copied beside the mapping, then takes its place in one step (mremap over it), so
// readers may go on reading all the while and see the same bytes before and after. The way back is one step
// as well.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/huge_pages.h"
#include "base/mapped_file.h"
#include "base/result.h"

namespace gannet {

// Bytes [begin, end) of a file; both are multiples of kHugePage, or `end` is the end of the file.
struct FilePart {
  const MappedFile* file;
  int64_t begin, end;
};

struct PageMoverOptions {
  // Leave a piece where it is when all of it lies in huge pages already, as files can that the kernel read in
  // large pieces.
  bool only_where_needed = true;
  // Stop when the system gives no huge pages any more: private memory of small pages is worth nothing.
  bool only_into_huge_pages = true;
  // Take hugetlb pages as long as there are free ones.
  bool reserved_pages = false;
  // Lock what is moved (mlock).
  bool lock = false;
  // Asked before a piece is begun; false ends the moving. Null: always true.
  std::function<bool(int64_t bytes)> may_take;
  // Asked when a piece was moved; true lets the system forget the file's copy. Null: never.
  std::function<bool()> cache_is_short;
};

// All methods are thread-safe; the files must outlive the mover, and the pieces stay moved when it ends.
class PageMover {
 public:
  // `parts` are moved in their order and must not overlap.
  PageMover(std::span<const FilePart> parts, PageMoverOptions options);
  PageMover(const PageMover&) = delete;
  PageMover& operator=(const PageMover&) = delete;
  ~PageMover();  // nobody may be in work() any more

  // Moves until `more` (asked every 2 MiB) says no or there is nothing to begin any more, and returns whether
  // something is left, if only in the hands of other threads. A piece that was begun is gone on with by the
  // next call, of whichever thread.
  bool work(const std::function<bool()>& more);
  // Puts moved pieces back into the mapping, the last moved first, until `bytes` are free again, and moves
  // nothing more. Returns how many were put back. Locked pieces stay.
  int64_t give_back(int64_t bytes);
  bool finished() const { return finished_.load(std::memory_order_acquire); }

  int64_t total_bytes() const { return total_bytes_; }
  int64_t done_bytes() const { return done_bytes_.load(std::memory_order_relaxed); }          // moved or left
  int64_t moved_bytes() const { return moved_bytes_.load(std::memory_order_relaxed); }        // moved
  int64_t unlocked_bytes() const { return unlocked_bytes_.load(std::memory_order_relaxed); }  // mlock refused
  // Why it ended before everything was done; empty when it did not.
  std::string stopped_because() const;
  // kModelFile when a file was cut or rewritten meanwhile: what is in memory belongs to no file then.
  Result<void> status() const;

 private:
  struct Piece {
    FilePart part = {};
    int64_t copied = 0;
    std::byte* memory = nullptr;  // null: not begun
    int64_t bytes() const { return part.end - part.begin; }
  };

  std::optional<Piece> take();
  void put_back(const Piece& piece);
  bool begin(Piece& piece);
  bool copy_page(Piece& piece);
  void finish(Piece& piece);
  void done_with(const Piece& piece, bool moved);
  void stop(std::string why);
  void fail(const Error& error);

  const PageMoverOptions options_;
  int64_t total_bytes_ = 0;
  std::atomic<int64_t> done_bytes_{0}, moved_bytes_{0}, unlocked_bytes_{0};
  std::atomic<bool> finished_{false};
  mutable std::mutex mutex_;
  std::vector<Piece> pieces_;    // not begun, or begun and put back; the next one last
  std::vector<FilePart> moved_;  // in that order
  int in_work_ = 0;
  std::string stopped_because_;
  std::optional<Error> error_;
};

}  // namespace gannet
