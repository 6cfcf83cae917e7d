#include "engine/device_probe.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "backend/cpu/cpu_device.h"
#include "backend/cpu/isa.h"
#include "exec/plan.h"
#include "ops/catalogue.h"
#include "ops/linear/linear.h"

namespace gannet {
namespace {

// Weights of 68 MiB in so many matrices, each of a size that models have.
constexpr int64_t kMatrices = 4, kOutputs = 4096, kInputs = 4096;
constexpr int kRuns = 8;

}  // namespace

Result<double> weight_bytes_per_second(std::shared_ptr<Device> device, ThreadTeam& team, double enough) {
  if (device == nullptr) device = std::make_shared<CpuDevice>();
  const TensorType type{DType::kQ8_0, Shape(kOutputs, kInputs)};
  GraphBuilder builder("probe");
  const ValueId x = builder.input("x", {DType::kF32, Shape(1, kInputs)});
  for (int64_t i = 0; i < kMatrices; ++i) {
    const std::string name = "w" + std::to_string(i);
    const ValueId w = builder.param(name, type);
    builder.output("y" + std::to_string(i), linear(builder, x, kNoValue, kNoValue, {&w, 1}));
  }
  const Graph graph = GANNET_TRY(builder.finish());
  const int64_t bytes = type_bytes(type);
  DeviceBuffer weights = GANNET_TRY(DeviceBuffer::allocate(device, kMatrices * bytes));
  const bool cpu = device->kind() == DeviceKind::kCpu;
  PlanOptions options;
  options.policy.isas = machine_isas();
  options.n_threads = team.size();
  Plan plan = GANNET_TRY(Plan::make(
      graph, cpu ? all_kernels() : recorded_kernels(), options,
      [&](const std::string& name) {
        const auto i = int64_t{name.back() - '0'};
        return placed_at(weights.at(i * bytes), contiguous_view(nullptr, type.dtype, type.shape));
      },
      [](const std::string&) -> void* { return nullptr; }, std::make_shared<Arena>(device)));
  const TensorView input = plan.input("x");
  std::memset(input.data, 0, static_cast<size_t>(type_bytes({input.dtype, input.shape})));
  double best = 0;
  // Pipelines are made in the first run.
  for (int run = 0; run <= kRuns; ++run) {
    const auto began = std::chrono::steady_clock::now();
    GANNET_TRY(plan.run(team));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (run == 0) continue;
    best = std::max(best, static_cast<double>(kMatrices * bytes) / took.count());
    if (run == 2 && best < enough / 2) break;
  }
  return best;
}

}  // namespace gannet
