// The weights of a model on a device.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/placed_tensor.h"
#include "model/weights.h"

namespace gannet {

// A place on one device for every tensor of a table. What the device can use where the file is mapped stays
// there; the rest is copied once, into a few large buffers, in planes where the device has weights so.
// Tensors that share memory share their copy too. The table and the mappings must outlive it where the device
// uses them.
class DeviceWeights {
 public:
  // `mappings`: the pieces of host memory that hold most of the tensors, imported in as few parts as the
  // device takes. `wanted`: only the tensors of these names; empty: all. Errors: kOutOfMemory, kDevice.
  static Result<DeviceWeights> make(std::shared_ptr<Device> device, const WeightTable& table,
                                    const std::vector<std::span<const std::byte>>& mappings,
                                    const std::function<bool(const std::string& name)>& wanted = {});

  // Buffer kNone: there is no tensor of this name.
  PlacedTensor find(const std::string& name) const;

  // Another name for what lies on the device and stays there.
  void add(const std::string& name, const PlacedTensor& tensor) { tensors_[name] = tensor; }

  int64_t copied_bytes() const { return copied_bytes_; }
  int64_t imported_bytes() const { return imported_bytes_; }

 private:
  std::vector<DeviceBuffer> buffers_;
  std::map<std::string, PlacedTensor> tensors_;
  int64_t copied_bytes_ = 0, imported_bytes_ = 0;
};

}  // namespace gannet
