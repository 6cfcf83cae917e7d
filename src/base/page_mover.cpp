#include "base/page_mover.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/core.h>

namespace gannet {
namespace {

// Every moved piece is a mapping of its own, and Linux lets a process have 65,530; the pieces of large models
// are larger.
constexpr int64_t kMostPieces = 16384;
constexpr int64_t kLeastPiece = 16 * kHugePage;

void unmap(std::byte* memory, int64_t bytes) {
  munmap(memory, static_cast<size_t>(to_huge_pages(bytes)));
}

}  // namespace

PageMover::PageMover(std::span<const FilePart> parts, PageMoverOptions options)
    : options_(std::move(options)) {
  for (const FilePart& part : parts) total_bytes_ += part.end - part.begin;
  const int64_t piece = std::max(kLeastPiece, to_huge_pages(total_bytes_ / kMostPieces));
  for (const FilePart& part : parts)
    for (int64_t at = part.begin; at < part.end; at += piece)
      pieces_.push_back({{part.file, at, std::min(at + piece, part.end)}});
  std::reverse(pieces_.begin(), pieces_.end());
  if (pieces_.empty()) finished_.store(true);
}

PageMover::~PageMover() {
  for (const Piece& piece : pieces_)
    if (piece.memory != nullptr) unmap(piece.memory, piece.bytes());
}

bool PageMover::work(const std::function<bool()>& more) {
  while (!finished() && more()) {
    std::optional<Piece> piece = take();
    if (!piece) break;
    if (piece->memory == nullptr && !begin(*piece)) continue;
    do {
      if (!copy_page(*piece)) break;
    } while (piece->copied < piece->bytes() && more());
    if (piece->memory == nullptr) continue;  // it failed
    if (piece->copied < piece->bytes())
      put_back(*piece);
    else
      finish(*piece);
  }
  return !finished();
}

std::optional<PageMover::Piece> PageMover::take() {
  std::lock_guard lock(mutex_);
  if (pieces_.empty()) return {};  // others are at the last ones
  Piece piece = pieces_.back();
  pieces_.pop_back();
  ++in_work_;
  return piece;
}

void PageMover::put_back(const Piece& piece) {
  std::lock_guard lock(mutex_);
  --in_work_;
  if (stopped_because_.empty() && !error_) {
    pieces_.push_back(piece);
    return;
  }
  unmap(piece.memory, piece.bytes());
  if (in_work_ == 0) finished_.store(true, std::memory_order_release);
}

void PageMover::done_with(const Piece& piece, bool moved) {
  done_bytes_ += piece.bytes();
  std::lock_guard lock(mutex_);
  if (moved) {
    moved_bytes_ += piece.bytes();
    moved_.push_back(piece.part);
  }
  if (--in_work_ == 0 && pieces_.empty()) finished_.store(true, std::memory_order_release);
}

void PageMover::stop(std::string why) {
  std::lock_guard lock(mutex_);
  if (stopped_because_.empty()) stopped_because_ = std::move(why);
  for (const Piece& piece : pieces_)
    if (piece.memory != nullptr) unmap(piece.memory, piece.bytes());
  pieces_.clear();
  if (in_work_ == 0) finished_.store(true, std::memory_order_release);
}

int64_t PageMover::give_back(int64_t bytes) {
  stop("memory became short");
  std::lock_guard lock(mutex_);
  int64_t given = 0;
  while (!options_.lock && given < bytes && !moved_.empty()) {
    const FilePart part = moved_.back();
    if (!part.file->check_unchanged().ok()) break;  // what is in memory is the only good copy
    auto* place = const_cast<std::byte*>(part.file->bytes().data()) + part.begin;
    const auto n = static_cast<size_t>(part.end - part.begin);
    if (mmap(place, n, PROT_READ, MAP_PRIVATE | MAP_FIXED, part.file->descriptor(), part.begin) == MAP_FAILED)
      break;
    madvise(place, n, MADV_HUGEPAGE);
    moved_.pop_back();
    moved_bytes_ -= static_cast<int64_t>(n);
    given += static_cast<int64_t>(n);
  }
  return given;
}

void PageMover::fail(const Error& error) {
  {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
  }
  stop(error.message());
}

std::string PageMover::stopped_because() const {
  std::lock_guard lock(mutex_);
  return stopped_because_;
}

Result<void> PageMover::status() const {
  std::lock_guard lock(mutex_);
  if (error_) return *error_;
  return {};
}

// Memory for a piece; false when it is left where it is or nothing more can be moved.
bool PageMover::begin(Piece& piece) {
  const std::byte* place = piece.part.file->bytes().data() + piece.part.begin;
  if (options_.only_where_needed && bytes_in_huge_pages(place, piece.bytes()) >= piece.bytes()) {
    done_with(piece, false);
    return false;
  }
  if (options_.may_take && !options_.may_take(to_huge_pages(piece.bytes()))) {
    stop("more would not leave enough memory free");
    done_with(piece, false);
    return false;
  }
  const auto n = static_cast<size_t>(to_huge_pages(piece.bytes()));
  if (options_.reserved_pages) {
    void* memory = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (memory != MAP_FAILED) piece.memory = static_cast<std::byte*>(memory);
  }
  if (piece.memory == nullptr) piece.memory = map_private(n);
  if (piece.memory != nullptr) return true;
  stop(fmt::format("the system gives this process no more memory: {}", std::strerror(errno)));
  done_with(piece, false);
  return false;
}

// Copies the next 2 MiB; false after an error, with the piece's memory given back.
bool PageMover::copy_page(Piece& piece) {
  const int64_t until = std::min(piece.copied + kHugePage, piece.bytes());
  while (piece.copied < until) {
    const ssize_t n = pread(piece.part.file->descriptor(), piece.memory + piece.copied,
                            static_cast<size_t>(until - piece.copied), piece.part.begin + piece.copied);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const std::string& path = piece.part.file->path();
      if (n < 0 && (errno == EFAULT || errno == ENOMEM))  // the memory, not the file
        stop("the system gives this process no more memory");
      else
        fail(n == 0 ? shrunk_error(path)
                    : Error(ErrorCode::kModelFile,
                            fmt::format("{}: cannot be read: {}", path, std::strerror(errno))));
      unmap(std::exchange(piece.memory, nullptr), piece.bytes());
      done_with(piece, false);
      return false;
    }
    piece.copied += n;
  }
  return true;
}

// Puts a copied piece in the place of the mapping.
void PageMover::finish(Piece& piece) {
  const auto n = static_cast<size_t>(to_huge_pages(piece.bytes()));
  const auto give_up = [&] {
    unmap(piece.memory, piece.bytes());
    done_with(piece, false);
  };
  if (Result<void> same = piece.part.file->check_unchanged(); !same.ok()) {
    fail(same.error());
    return give_up();
  }
  if (options_.only_into_huge_pages) {
    const int64_t huge = bytes_in_huge_pages(piece.memory, static_cast<int64_t>(n));
    if (huge >= 0 && huge < static_cast<int64_t>(n) / 2) {
      stop("the system has no free huge pages left");
      return give_up();
    }
  }
  if (options_.lock && mlock(piece.memory, n) != 0) unlocked_bytes_ += piece.bytes();
  auto* place = const_cast<std::byte*>(piece.part.file->bytes().data()) + piece.part.begin;
  if (mprotect(piece.memory, n, PROT_READ) != 0 ||
      mremap(piece.memory, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED) {
    stop(fmt::format("the system allows no more mappings ({}); sysctl vm.max_map_count sets how many",
                     std::strerror(errno)));
    return give_up();
  }
  if (options_.cache_is_short && options_.cache_is_short())
    posix_fadvise(piece.part.file->descriptor(), piece.part.begin, piece.bytes(), POSIX_FADV_DONTNEED);
  done_with(piece, true);
}

}  // namespace gannet
