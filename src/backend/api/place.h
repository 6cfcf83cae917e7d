// Where data lies: a buffer of a device and an offset in it. Light: files compiled for wide instruction sets
// include it with kernel.h.
#pragma once

#include <cstdint>

namespace gannet {

// What runs kernels. A kernel is written for one kind; several devices may be of the same kind.
enum class DeviceKind : uint8_t { kCpu, kVulkan, kCuda };

// A buffer of one device; numbers mean nothing elsewhere, and are not given out again.
enum class BufferId : uint32_t { kNone = 0 };

struct Place {
  BufferId buffer = BufferId::kNone;
  int64_t offset = 0;  // bytes

  bool operator==(const Place&) const = default;
  Place operator+(int64_t bytes) const { return {buffer, offset + bytes}; }
};

}  // namespace gannet
