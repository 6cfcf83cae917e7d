// All ops, kernels and shaders of this build. Generated from the gannet_op() lines of src/ops/CMakeLists.txt.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "backend/api/registry.h"
#include "ir/op_def.h"

namespace gannet {

OpCatalogue all_ops();
const KernelRegistry& all_kernels();  // of the CPU
// Of devices that replay recordings.
const KernelRegistry& recorded_kernels();
// SPIR-V that recorded kernels name; empty: there is none.
std::span<const uint32_t> shader_code(std::string_view name);

}  // namespace gannet
