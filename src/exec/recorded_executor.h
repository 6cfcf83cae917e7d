// Runs programs on devices that replay recordings: the steps are recorded once, with a barrier in front of
// each step that must wait for one behind the last barrier, and replayed for every run. What changes from run
// to run lies in the run block.
#pragma once

#include <memory>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/recorder.h"
#include "exec/hazards.h"
#include "exec/program.h"

namespace gannet {

// Steps with a barrier in front of them, rising. Each is needed: without it some step would not wait for one
// that it has to wait for.
std::vector<size_t> barriers_before(const Program& program, const Waits& waits);

// What is wrong with a choice of barriers: kRuntime names the steps between which one is missing and the
// memory, or the step in front of which one is not needed.
Result<void> check_recorded_barriers(const Program& program, const std::vector<size_t>& before);

class RecordedExecutor {
 public:
  // Both must outlive the executor. `rows` is where the run block has them, `step` where
  // the step block is (buffer kNone: no kernel looks at it).
  RecordedExecutor(const Program& program, Device& device, Place rows, Place step);

  // All steps. `ends` (null: not wanted) gets when each step was over, in nanoseconds of the device from the
  // start. Errors: kDevice.
  Result<void> run(Place arena, std::vector<double>* ends);
  // Steps with a barrier in front of them.
  const std::vector<size_t>& barriers() const { return before_; }
  // Of a recording, barriers within steps included.
  RecordingCounts counts() const;

 private:
  Result<std::unique_ptr<Recording>> record(bool timed);
  void put(Recorder& recorder, bool timed) const;

  const Program& program_;
  Device& device_;
  const Place rows_, step_;
  std::vector<size_t> before_;
  std::byte* arena_ = nullptr;  // what the recordings are for
  std::unique_ptr<Recording> plain_, timed_;
};

}  // namespace gannet
