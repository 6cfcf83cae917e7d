// How work is given to a device that does not run the host's code: it is recorded once, step by step, and
// replayed for every run. What changes from run to run lies in memory of the device (exec/run_block.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "backend/api/kernel.h"
#include "backend/api/matrix_shape.h"
#include "base/result.h"

namespace gannet {

class Device;
struct Event;

// One launch of a program of the device: `groups` groups of it, each with the same arguments.
struct Dispatch {
  const char* shader = nullptr;               // name of the program; a string literal
  std::span<const uint32_t> constants;        // what the program is specialised with, at most kMostConstants
  std::array<int64_t, 3> groups = {1, 1, 1};  // any may be 0: nothing happens
  std::span<const std::byte> arguments;       // at most kMostArgumentBytes
  // Invocations of a subgroup, for programs with matrices: MatrixShape::subgroup. 0: as the device likes.
  uint32_t subgroup = 0;
};
inline constexpr size_t kMostConstants = 12;
inline constexpr size_t kMostArgumentBytes = 128;

// Counts of a recording, for people and tests.
struct RecordingCounts {
  int64_t dispatches = 0, barriers = 0;
};

// What was recorded. Replaying it allocates nothing and looks nothing up. One thread at a time; replays begin
// in the order of the calls, behind copies that were begun before.
class Recording {
 public:
  virtual ~Recording() = default;
  // Errors: kDevice. The memory that it uses must stay until the event is done.
  virtual Result<Event> replay() = 0;
  // Seconds of the device from the start of the last replay, which must be done, to each mark().
  virtual Result<std::span<const double>> marks() = 0;
  const RecordingCounts& counts() const { return counts_; }

 protected:
  RecordingCounts counts_;
};

// Dispatches run at the same time unless there is a barrier between them. Errors are kept for finish().
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void dispatch(const Dispatch& dispatch) = 0;
  // All dispatches so far are over before later ones begin, which see what they wrote.
  virtual void barrier() = 0;
  // A point in time that Recording::marks() tells.
  virtual void mark() = 0;
  // Device::weights_in_planes().
  virtual bool weights_in_planes() const { return false; }
  // The shape of matrices to use, on a device with kMatrixProducts.
  virtual MatrixShape matrix_shape() const { return {}; }
  // Errors: kDevice (names the shader and what the device did not take). The recorder is of no use then.
  virtual Result<std::unique_ptr<Recording>> finish() = 0;
};

// What a recorded kernel gets: the same as one of the CPU, but all addresses are the device's, and how many
// rows are in use is to be read on the device, too.
struct RecordArgs {
  const TensorView* operands;  // state operands: data points at a KvView or RecurrentView of the host
  const TensorView* results;
  const void* attrs;
  std::byte* workspace;
  int n_operands = 0;
  std::byte* rows = nullptr;  // StepRows
  std::byte* step = nullptr;  // what the caller says about the step (Plan::step_place)

  template <class A>
  const A& as() const {
    return *static_cast<const A*>(attrs);
  }
};

// What some devices of a kind can do and others cannot, and some kernels need: bits of Device::features().
enum DeviceFeature : uint32_t {
  kIntDot = 1,          // sums of products of four bytes in one instruction
  kMatrixProducts = 2,  // products of matrices of halves (Recorder::matrix_shape)
};

// A kernel for a device of another kind, as its source lists it. Fields as in CpuKernel.
struct RecordedKernel {
  const char* op;
  const char* name;
  DeviceKind device;
  int priority;
  const char* (*refuses)(const OpSite& site);
  int64_t (*workspace)(const OpSite& site, int n_threads);  // n_threads: 1
  // Records the step. Dispatches of it that depend on each other need a barrier between them; around the step
  // the executor sees to that. Must not allocate on the device.
  void (*record)(const RecordArgs& args, Recorder& recorder);
  uint32_t needs = 0;  // features of the device without which there is no such kernel
};

KernelInfo kernel_info(const RecordedKernel& kernel);  // which must outlive it
inline const RecordedKernel& recorded_kernel(const KernelInfo& kernel) {
  return *static_cast<const RecordedKernel*>(kernel.tail);
}

// Arguments of a dispatch, put together field by field. Fields are aligned to their size, as in GLSL's scalar
// block layout.
class DispatchArguments {
 public:
  DispatchArguments& address(const void* place) { return put(reinterpret_cast<uint64_t>(place)); }
  DispatchArguments& u32(int64_t value);  // must fit
  DispatchArguments& f32(float value) { return put(value); }
  std::span<const std::byte> bytes() const { return {raw_.data(), size_}; }

 private:
  template <class T>
  DispatchArguments& put(T value) {
    return append(reinterpret_cast<const std::byte*>(&value), sizeof value);
  }
  DispatchArguments& append(const std::byte* value, size_t n);

  alignas(8) std::array<std::byte, kMostArgumentBytes> raw_{};
  size_t size_ = 0;
};

}  // namespace gannet
