// Which instruction sets this machine has. Sources compiled for one of them (the cpu*.cpp of src/ops) must
// not use standard containers or streams: the linker could keep their wide-instruction copy of an inline
// function for the whole program.
#pragma once

#include <vector>

#include "backend/api/registry.h"

namespace gannet {

// Always contains kScalar; in rising order of preference.
std::vector<Isa> machine_isas();

// machine_isas() limited to `limit` and what it contains. Errors (kUsage) when the machine lacks it.
Result<std::vector<Isa>> isas_up_to(Isa limit);

}  // namespace gannet
