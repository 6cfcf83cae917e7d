// All ops and all CPU kernels of this build. Generated from the gannet_op() lines of src/ops/CMakeLists.txt.
#pragma once

#include "backend/api/registry.h"
#include "ir/op_def.h"

namespace gannet {

OpCatalogue all_ops();
const KernelRegistry& all_kernels();

}  // namespace gannet
