// Which kernels multiply the many rows of prompts on a device: by weight type the one that was fastest when
// the same product was measured with each. Rows that must be exact have one kernel only and are no part of
// it.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backend/api/device.h"
#include "backend/api/registry.h"
#include "engine/device_figures.h"

namespace gannet {

// The product that is measured. A slow device is given a little over a second for a type, others far less.
struct MeasuredProduct {
  int64_t rows = 512, outputs = 4096, inputs = 2048;
};

// Names of the kernels of `linear` that differ on this device for weights of a type, the one that is taken
// without figures first. One or none: there is nothing to choose.
std::vector<std::string> prompt_kernels(const Device& device, DType weights);

// Seconds of one product with each of these, in their order. Errors: kDevice, kOutOfMemory.
Result<std::vector<KernelTime>> measure_prompt_kernels(const std::shared_ptr<Device>& device, DType weights,
                                                       const MeasuredProduct& product = {});

// The fastest of `times` among `allowed`, which are in the order of preference: a later one must take less
// than 95 % of the time of the best before it. Empty: there are no times of the first.
std::string fastest_kernel(const std::vector<KernelTime>& times, const std::vector<std::string>& allowed);

// For all ops whose kernels are such products (linear, matmul and those of experts), from the times of
// `linear`.
void add_preferences(DType weights, const std::vector<KernelTime>& times,
                     std::vector<KernelPreference>& preferred);

// Preferences for these types of weights, from the figures of `key`; what they lack (a type, a kernel of
// `candidates`) is measured and kept. A type whose measuring fails has none, and `notes` gets why.
std::vector<KernelPreference> choose_prompt_kernels(
    const std::string& key, const std::set<DType>& weights, DeviceFigures& figures,
    const std::function<std::vector<std::string>(DType)>& candidates,
    const std::function<Result<std::vector<KernelTime>>(DType)>& measure, std::vector<std::string>& notes);

// Of a device that open_device() gave, with what is kept in `cache_folder` (empty: nowhere). None for the CPU
// and for drivers that compute on it: there every kernel does the same work on the same units, and compiling
// them takes longer than a prompt.
std::vector<KernelPreference> choose_prompt_kernels(const std::shared_ptr<Device>& device,
                                                    const std::set<DType>& weights,
                                                    const std::string& cache_folder,
                                                    std::vector<std::string>& notes);

// What the figures say about a device, a line for each type, for people; empty: nothing was measured.
std::string prompt_kernels_text(const std::string& key, const DeviceFigures& figures);

}  // namespace gannet
