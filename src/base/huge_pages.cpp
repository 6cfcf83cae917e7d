#include "base/huge_pages.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>

namespace gannet {
namespace {

// By the values of HugePageFacts::Transparent.
constexpr std::array kTransparent = {"unavailable", "never", "madvise", "always"};

std::string word_in_brackets(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  const size_t open = line.find('['), close = line.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return line.substr(open + 1, close - open - 1);
}

// The PAGEMAP_SCAN call of Linux 6.7, as its manual gives it; the headers of older systems lack it.
struct ScanRegion {
  uint64_t start, end, categories;
};
struct ScanArguments {
  uint64_t size, flags, start, end, walk_end, regions, n_regions, max_pages;
  uint64_t inverted, all_of, any_of, returned;
};
constexpr unsigned long kPagemapScan = _IOWR('f', 16, ScanArguments);
constexpr uint64_t kPageIsHuge = 1 << 6;

}  // namespace

const char* HugePageFacts::text() const {
  return forbidden_here ? "forbidden to this process" : kTransparent[static_cast<size_t>(transparent)];
}

std::string HugePageFacts::remedy() const {
  if (forbidden_here)
    return "start the program from a process that does not forbid them (prctl PR_SET_THP_DISABLE)";
  if (transparent == Transparent::kNever)
    return "as root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
  return transparent == Transparent::kUnavailable ? "a kernel with CONFIG_TRANSPARENT_HUGEPAGE" : "";
}

HugePageFacts huge_page_facts(const std::string& root) {
  HugePageFacts facts;
  const std::string mode = word_in_brackets(root + "/sys/kernel/mm/transparent_hugepage/enabled");
  for (size_t i = 0; i < kTransparent.size(); ++i)
    if (mode == kTransparent[i]) facts.transparent = static_cast<HugePageFacts::Transparent>(i);
  facts.forbidden_here = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
  std::ifstream reserve(root + "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
  int64_t pages = 0;
  if (reserve >> pages) facts.reserved_free = pages * kHugePage;
  return facts;
}

int64_t bytes_in_huge_pages(const std::byte* begin, int64_t bytes) {
  static const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) return -1;
  std::array<ScanRegion, 64> regions;
  ScanArguments scan = {};
  scan.size = sizeof(scan);
  const auto first = reinterpret_cast<uint64_t>(begin), last = first + static_cast<uint64_t>(bytes);
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  scan.start = first / page * page;
  scan.end = (last + page - 1) / page * page;
  scan.regions = reinterpret_cast<uintptr_t>(regions.data());
  scan.n_regions = regions.size();
  scan.all_of = kPageIsHuge;
  scan.returned = kPageIsHuge;
  int64_t found = 0;
  while (scan.start < scan.end) {
    const int n = ioctl(pagemap, kPagemapScan, &scan);
    if (n < 0) return -1;
    for (const ScanRegion& r : std::span(regions).first(static_cast<size_t>(n)))
      found += static_cast<int64_t>(std::min(r.end, last) - std::max(r.start, first));
    if (scan.walk_end <= scan.start) break;
    scan.start = scan.walk_end;
  }
  return found;
}

std::byte* reserve_addresses(size_t bytes) {
  const size_t all = bytes + kHugePage;
  void* memory = mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(memory);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(begin) % kHugePage) % kHugePage;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + bytes, all - before - bytes);
  return begin + before;
}

std::byte* map_private(size_t bytes) {
  std::byte* at = reserve_addresses(bytes);
  if (at == nullptr) return nullptr;
  if (mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    const int code = errno;
    munmap(at, bytes);
    errno = code;
    return nullptr;
  }
  madvise(at, bytes, MADV_HUGEPAGE);
  return at;
}

HugeMemory::HugeMemory(int64_t bytes) {
  if (bytes < kHugePage / 2) {
    const size_t rounded = (static_cast<size_t>(bytes) + 63) / 64 * 64;
    data_ = static_cast<std::byte*>(std::aligned_alloc(64, rounded));
    if (data_ != nullptr) std::memset(data_, 0, rounded);
    return;
  }
  const auto rounded = static_cast<size_t>(to_huge_pages(bytes));
  data_ = map_private(rounded);
  if (data_ != nullptr) mapped_ = rounded;
}

HugeMemory::~HugeMemory() {
  if (mapped_ > 0)
    munmap(data_, mapped_);
  else
    std::free(data_);
}

}  // namespace gannet
