// The run block of a plan: everything that changes from run to run, in one buffer of the device at offsets
// that never change, so that a recording of the plan's steps can be replayed. First how many rows are in use,
// then the inputs, constant ones behind the others.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/kernel.h"
#include "ir/graph.h"

namespace gannet {

class RunBlock {
 public:
  // Room for values of these types. Errors: kOutOfMemory.
  static Result<RunBlock> make(std::shared_ptr<Device> device, std::span<const Value* const> inputs);

  int64_t input_offset(size_t input) const { return offsets_[input]; }
  BufferId buffer() const { return buffer_.id(); }

  // The host's side of it, to be written before a run: the device's memory where the host sees that,
  // otherwise a copy that upload() sends. A constant that is asked for is sent once more.
  std::byte* host(int64_t offset) const;

  // Rows of other graphs (InputSource::kHidden) come to the device without the host: they are not sent.
  void hidden_is_on_device() { hidden_from_host_ = false; }

  // Brings the host's side to the device for a run. Errors: those of Device::upload.
  Result<void> upload(const StepRows& rows);

 private:
  static constexpr int64_t kRowsBytes = 64;

  std::shared_ptr<Device> device_;
  DeviceBuffer buffer_;
  std::vector<int64_t> offsets_;                  // by input
  int64_t hidden_ = 0, constants_ = 0, end_ = 0;  // where these parts begin, and the end
  std::unique_ptr<std::byte[]> copy_;             // null: the host sees the buffer
  std::byte* host_ = nullptr;
  mutable bool constants_changed_ = true;
  bool hidden_from_host_ = true;
};

}  // namespace gannet
