// State of sequences in memory of a device.
#pragma once

#include "backend/api/device.h"
#include "state/state_memory.h"

namespace gannet {

// Addresses are those of the device (Device::address): kernels there follow them, the host must not. A copy
// that the device cannot make means that it is lost (Device::health): the memory is, too, and the next step
// says so.
std::shared_ptr<StateMemory> device_state_memory(std::shared_ptr<Device> device);

}  // namespace gannet
