// How fast a device is at what decoding is bound by: products of one row with weights.
#pragma once

#include <memory>

#include "backend/api/device.h"
#include "base/thread_team.h"

namespace gannet {

// Bytes of weights per second that products of one row read, with weights of Q8_0 beyond what caches hold.
// null: the CPU, with this team. It stops early at a device that is slower than `enough`. Errors: kDevice,
// kOutOfMemory.
Result<double> weight_bytes_per_second(std::shared_ptr<Device> device, ThreadTeam& team, double enough = 0);

}  // namespace gannet
