// A step as kernels of devices that replay recordings see it: the segments of state_view.h and the addresses
// of their pages, in one piece of memory that is written before every run. Shaders: backend/vulkan/step.glsl.
#pragma once

#include <span>

#include "backend/api/state_view.h"

namespace gannet {

// Sequences of a step at most: there is room for so many.
inline constexpr int64_t kMostDeviceSegments = 64;

struct DeviceSegment {
  uint64_t base = 0, next_base = 0, ring = 0, next_ring = 0;  // addresses
  uint32_t first_row = 0, n_rows = 0, n_past = 0;
  uint32_t base_at = 0, next_base_at = 0;
  uint32_t first_page = 0;  // of its pages among all
  uint32_t unused[2] = {};
};

struct DeviceStep {
  uint64_t pages = 0;  // address of the table: an address per page
  uint32_t n_segments = 0, n_rows = 0, ring_entries = 0, unused = 0;
  // Behind it lie the segments, and behind them the pages.
};

// Bytes for so many segments with so many pages together.
int64_t device_step_bytes(int64_t n_segments, int64_t n_pages);

// Pages that the segments of a step use.
int64_t step_pages(const StepView& step, int64_t page_tokens);

// Writes the step to the host's side of a piece that lies at `address` of the device. It must fit, and so
// must positions into 32 bits.
void write_device_step(const StepView& step, int64_t page_tokens, uint64_t address, std::span<std::byte> to);

}  // namespace gannet
