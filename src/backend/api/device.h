// A device: memory, copies between it and the host, and what its kernels can do. Plans, weights and state
// speak of places in its buffers; only code that runs on the device may use addresses in them. Which kernels
// run when is no part of it: that is the business of the executor for its kind (exec/README.md).
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backend/api/capabilities.h"
#include "backend/api/place.h"
#include "base/result.h"
#include "ir/op_site.h"

namespace gannet {

class Recorder;

const char* device_kind_name(DeviceKind kind);  // "cpu"

// What a buffer is for. Kernels read and write all of them; the other two are also quick to reach for copies.
enum class BufferUse : uint8_t { kDevice, kUpload, kReadback };

// A copy that was begun. The memory of the host that it reads or writes must stay until it is done.
struct Event {
  uint64_t number = 0;  // 0: done from the beginning
};

struct DeviceMemory {
  int64_t allocated = 0;  // bytes in buffers of its own
  int64_t imported = 0;   // bytes of host memory that are used where they lie
  int64_t peak = 0;       // the most that was ever allocated
  int64_t limit = 0;      // the most that may be allocated; 0: not known
};

// Thread-safe, except that who frees a buffer must know that nobody uses it.
class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& name() const { return name_; }
  DeviceKind kind() const { return kind_; }
  // What decides which ops a graph for this device should be made of.
  virtual const Capabilities& capabilities() const = 0;
  // Why this device runs no kernel for this use of the op of this name, whatever kernels there are; null: it
  // does. The planner takes the op apart then.
  virtual const char* refuses(const char* /*op*/, const OpSite& /*site*/) const { return nullptr; }

  // Bits of DeviceFeature (recorder.h).
  virtual uint32_t features() const { return 0; }

  // A zeroed buffer; it begins at a multiple of 64 bytes. Errors: kOutOfMemory with the size.
  Result<BufferId> allocate(int64_t bytes, BufferUse use = BufferUse::kDevice);
  // Makes host memory a buffer without copying it; it must outlive the buffer, and kernels only read it.
  // Errors: kDevice when the device does not take (such) host memory; then copy it.
  Result<BufferId> import_host(std::span<const std::byte> bytes);
  void free(BufferId buffer);
  int64_t size(BufferId buffer) const;

  // Copies begin in the order of the calls, and behind the kernels that were started before. Errors: kDevice.
  Result<Event> upload(Place to, std::span<const std::byte> from);
  Result<Event> download(Place from, std::span<std::byte> to);
  Result<Event> copy(Place from, Place to, int64_t bytes);
  Result<Event> zero(Place place, int64_t bytes);
  // Copies rows of weights, each of n elements, so that the device's kernels read them: in planes
  // (tensor/planes.h) where this device has them so and such rows can be, else as they are. On the way: the
  // host keeps no second copy.
  Result<Event> upload_weights(Place to, std::span<const std::byte> from, DType type, int64_t n);
  // Whether kernels find rows that can be in planes in planes. Then import_host() is not for them.
  virtual bool weights_in_planes() const { return false; }
  // Errors: kDevice, from when on the device is lost or does not answer: nothing runs on it any more, and
  // what lies in its memory is of no worth. Open it again.
  virtual Result<void> health() const { return {}; }
  // Whether import_host() is of use: files are used where they are mapped.
  virtual bool uses_host_memory() const { return false; }
  // The most bytes of a buffer, imported or its own; 0: no limit.
  virtual int64_t largest_buffer() const { return 0; }
  virtual bool done(Event) const { return true; }
  virtual Result<void> wait(Event) { return {}; }

  // The address that kernels know a place by. The host must not follow it.
  std::byte* address(Place place) const;
  // The same memory for the host; null when the host cannot see it. Only while no kernel runs.
  virtual std::byte* host_view(Place place) const = 0;

  // For devices that replay what was recorded (recorder.h); null: threads of the host run this one's kernels.
  virtual std::unique_ptr<Recorder> record();

  // Around kernels that threads of the host run on memory of this device, and only for kernels.
  virtual void begin_kernels() {}
  virtual void end_kernels() {}

  DeviceMemory memory() const;
  // "cpu: 12.0 MiB allocated (peak 14.0 MiB), 510.2 MiB imported, 3 buffers", and the limit if it is known.
  std::string explain() const;

 protected:
  Device(std::string name, DeviceKind kind) : name_(std::move(name)), kind_(kind) {}

  // What differs from device to device. Addresses are those that address() gives; ranges were checked.
  virtual std::byte* make_buffer(int64_t bytes, BufferUse use) = 0;  // null: no memory
  virtual void drop_buffer(std::byte* address, int64_t bytes) = 0;
  virtual Result<std::byte*> take_host(std::span<const std::byte> bytes) = 0;
  virtual void drop_host(std::byte* /*address*/, int64_t /*bytes*/) {}
  virtual Result<Event> write(std::byte* to, std::span<const std::byte> from) = 0;
  // Of a device with weights in planes.
  virtual Result<Event> write_planes(std::byte* to, std::span<const std::byte> from, DType type, int64_t n);
  virtual Result<Event> read(const std::byte* from, std::span<std::byte> to) = 0;
  virtual Result<Event> move(const std::byte* from, std::byte* to, int64_t bytes) = 0;
  virtual Result<Event> clear(std::byte* at, int64_t bytes) = 0;
  virtual int64_t limit() const { return 0; }

 private:
  struct Buffer {
    std::byte* address = nullptr;  // null: freed
    int64_t bytes = 0;
    bool imported = false;
  };
  std::byte* checked(Place place, int64_t bytes) const;
  BufferId add(const Buffer& buffer);

  const std::string name_;
  const DeviceKind kind_;
  mutable std::mutex mutex_;  // of what follows
  std::vector<Buffer> buffers_;
  DeviceMemory memory_;
};

// Owns a buffer. Movable; freed by the destructor.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(std::shared_ptr<Device> device, BufferId id) : device_(std::move(device)), id_(id) {}
  static Result<DeviceBuffer> allocate(std::shared_ptr<Device> device, int64_t bytes,
                                       BufferUse use = BufferUse::kDevice);
  DeviceBuffer(DeviceBuffer&& other) noexcept { *this = std::move(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(id_, other.id_);
    return *this;
  }
  ~DeviceBuffer() {
    if (id_ != BufferId::kNone) device_->free(id_);
  }

  BufferId id() const { return id_; }  // kNone: owns nothing
  Place at(int64_t offset) const { return {id_, offset}; }

 private:
  std::shared_ptr<Device> device_;
  BufferId id_ = BufferId::kNone;
};

// Data that stays as it is: used where it lies when the device takes it, otherwise copied. What `from` points
// at must outlive the buffer. Errors: those of allocate() and upload().
Result<BufferId> bring_to_device(Device& device, std::span<const std::byte> from);

}  // namespace gannet
