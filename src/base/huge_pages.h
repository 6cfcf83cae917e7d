// Pages of 2 MiB. Reading gigabytes through pages of 4 KiB costs a walk through the page tables per page,
// which on virtual machines is two walks; a page of 2 MiB is 512 times rarer. The system gives them to
// private memory that asks (transparent huge pages), from a reserve that an administrator made (hugetlb),
// and, for files that it reads into its cache in large pieces, to mappings of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace gannet {

inline constexpr int64_t kHugePage = int64_t{2} << 20;

// What this system and this process may have. `root` stands in front of /proc and /sys, for tests.
struct HugePageFacts {
  enum class Transparent : uint8_t { kUnavailable, kNever, kMadvise, kAlways };
  Transparent transparent = Transparent::kUnavailable;
  bool forbidden_here = false;  // to this process alone (prctl PR_SET_THP_DISABLE)
  int64_t reserved_free = 0;    // bytes of free hugetlb pages of 2 MiB

  // Whether private memory of this process gets them when it asks.
  bool usable() const { return transparent >= Transparent::kMadvise && !forbidden_here; }
  // "unavailable", "never", "madvise", "always", "forbidden to this process".
  const char* text() const;
  // The one setting that would help; empty when nothing is in the way.
  std::string remedy() const;
};
HugePageFacts huge_page_facts(const std::string& root = "");

// How much of [begin, begin + bytes) this process reads through pages of 2 MiB or more; -1 when the kernel
// cannot tell (Linux before 6.7). Thread-safe.
int64_t bytes_in_huge_pages(const std::byte* begin, int64_t bytes);

// Zeroed private memory of any size, aligned to 64 bytes. From half a huge page upward it begins at a huge
// page and asks for such pages; the system decides. Movable; freed by the destructor.
class HugeMemory {
 public:
  HugeMemory() = default;
  // Null data when memory is short.
  explicit HugeMemory(int64_t bytes);
  HugeMemory(HugeMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), mapped_(std::exchange(other.mapped_, 0)) {}
  HugeMemory& operator=(HugeMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~HugeMemory();

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  size_t mapped_ = 0;  // bytes of the mapping; 0: from the heap
};

// Addresses for [0, bytes) that begin at a huge page, with nothing behind them yet (any access faults). Null
// when the process may have no more. The caller unmaps, all or in part.
std::byte* reserve_addresses(size_t bytes);
// The same with zeroed private memory behind them that asks for huge pages.
std::byte* map_private(size_t bytes);

// `n` rounded up to whole huge pages.
constexpr int64_t to_huge_pages(int64_t n) {
  return (n + kHugePage - 1) / kHugePage * kHugePage;
}

}  // namespace gannet
