// Where the state of sequences lies: memory of a device, handed out in slabs. What the state module does to
// it itself goes through this interface; kernels do the rest through the views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace gannet {

// Thread-safe: sequences of one pool may live on several threads.
class StateMemory {
 public:
  virtual ~StateMemory() = default;

  // At a multiple of 64 bytes; null when memory is short.
  virtual std::byte* allocate(int64_t bytes) = 0;
  virtual void release(std::byte* at) = 0;

  virtual void zero(std::byte* at, int64_t bytes) = 0;
  // The memory is of no worth any more, its device being lost: what was read from it since is zeros or worse.
  virtual bool lost() const { return false; }

  // To and from memory of the host.
  virtual void read(const std::byte* from, std::span<std::byte> to) = 0;
  virtual void write(std::byte* to, std::span<const std::byte> from) = 0;
  // `n` runs of `width` bytes; each begins `pitch` bytes behind the one before it, here and there.
  virtual void copy(std::byte* to, const std::byte* from, int64_t width, int64_t pitch, int64_t n) = 0;
};

// Memory of the process, in huge pages where the system gives them.
std::shared_ptr<StateMemory> host_state_memory();

}  // namespace gannet
