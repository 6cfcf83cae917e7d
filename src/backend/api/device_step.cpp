#include "backend/api/device_step.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace gannet {
namespace {

uint64_t as_address(const void* p) {
  return reinterpret_cast<uint64_t>(p);
}

int64_t pages_of(const StepSegment& s, int64_t page_tokens) {
  return s.pages == nullptr ? 0 : (s.n_past + s.n_rows + page_tokens - 1) / page_tokens;
}

uint32_t u32(int64_t n) {
  GANNET_CHECK(n >= 0 && n <= std::numeric_limits<uint32_t>::max(), "a position beyond 32 bits");
  return static_cast<uint32_t>(n);
}

}  // namespace

int64_t device_step_bytes(int64_t n_segments, int64_t n_pages) {
  return int64_t{sizeof(DeviceStep)} + n_segments * int64_t{sizeof(DeviceSegment)} +
         n_pages * int64_t{sizeof(uint64_t)};
}

int64_t step_pages(const StepView& step, int64_t page_tokens) {
  int64_t n = 0;
  for (int64_t i = 0; i < step.n_segments; ++i) n += pages_of(step.segments[i], page_tokens);
  return n;
}

void write_device_step(const StepView& step, int64_t page_tokens, uint64_t address, std::span<std::byte> to) {
  const int64_t n_pages = step_pages(step, page_tokens);
  const int64_t bytes = device_step_bytes(step.n_segments, n_pages);
  GANNET_CHECK(bytes <= std::ssize(to), "a step that is too long for its place");
  DeviceStep head;
  head.n_segments = u32(step.n_segments);
  head.n_rows = u32(step.n_rows());
  head.pages = address + sizeof(DeviceStep) + static_cast<uint64_t>(step.n_segments) * sizeof(DeviceSegment);
  std::byte* segment_at = to.data() + sizeof(DeviceStep);
  std::byte* page_at = to.data() + (head.pages - address);
  uint32_t n_written = 0;
  for (int64_t i = 0; i < step.n_segments; ++i) {
    const StepSegment& s = step.segments[i];
    // A driver may run loads whose results nobody uses, as Mesa 26 for CPUs does: where there is no ring they
    // go into the base.
    const std::byte* ring = s.ring == nullptr ? s.base : s.ring;
    const DeviceSegment segment{.base = as_address(s.base),
                                .next_base = as_address(s.next_base),
                                .ring = as_address(ring),
                                .next_ring = as_address(s.next_ring),
                                .first_row = u32(s.first_row),
                                .n_rows = u32(s.n_rows),
                                .n_past = u32(s.n_past),
                                .base_at = u32(s.base_at),
                                .next_base_at = u32(s.next_base_at),
                                .first_page = n_written};
    std::memcpy(segment_at, &segment, sizeof segment);
    segment_at += sizeof segment;
    head.ring_entries = u32(std::max<int64_t>(s.ring_entries, 1));
    const int64_t n = pages_of(s, page_tokens);
    if (n > 0) std::memcpy(page_at, s.pages, static_cast<size_t>(n) * sizeof(uint64_t));
    page_at += n * int64_t{sizeof(uint64_t)};
    n_written += u32(n);
  }
  std::memcpy(to.data(), &head, sizeof head);
}

}  // namespace gannet
