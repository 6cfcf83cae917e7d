// What crosses from device to device while a plan runs: a place for every value on each device that reads it,
// and the copies.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/kernel.h"
#include "backend/api/placed_tensor.h"
#include "exec/split.h"

namespace gannet {

struct PlanPart;

class Borders {
 public:
  Borders() = default;  // of a plan for one device

  // Room on each home for what is read there; places are shared by values that do not live at once. Errors:
  // kOutOfMemory.
  static Result<Borders> make(const SplitGraph& split, std::span<const PlanHome> homes);

  bool empty() const { return borders_.empty(); }
  // A value on a home. Buffer kNone: it does not come there.
  PlacedTensor at(size_t border, size_t home) const;
  PlacedTensor find(const std::string& name, size_t home) const;
  Device& device(size_t home) const { return *devices_[home]; }
  int given() const { return given_; }  // the border of the hidden rows; -1: there are none

  // The parts are made: which of their outputs cross.
  void bind(const SplitGraph& split, std::span<const std::unique_ptr<PlanPart>> parts);

  // Copies what the caller put there, and what part `made` has made, to where others read it. Of values by
  // row only those that live. Errors: those of Device.
  Result<void> cross_given(const StepRows& rows);
  Result<void> cross(size_t made, PlanPart& part, const StepRows& rows);
  // Until copies from and to memory of the host are done.
  Result<void> wait();

 private:
  struct Crossing {
    size_t border, maker;
    int output;                 // of the maker
    std::vector<size_t> homes;  // where it goes
  };
  Result<void> move(Device& from, const PlacedTensor& value, size_t border, size_t to, const StepRows& rows);

  std::vector<Border> borders_;
  std::vector<std::shared_ptr<Device>> devices_;   // by home
  std::vector<DeviceBuffer> memory_;               // by home
  std::vector<std::vector<PlacedTensor>> places_;  // by border, by home
  std::vector<Crossing> crossings_;
  int given_ = -1;
  std::vector<Event> last_;  // by home
};

}  // namespace gannet
