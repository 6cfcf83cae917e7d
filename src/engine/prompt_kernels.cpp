#include "engine/prompt_kernels.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "exec/plan.h"
#include "ops/catalogue.h"
#include "ops/linear/linear.h"
#ifdef GANNET_VULKAN
#include "backend/vulkan/vulkan_device.h"
#include "ops/recorded_products.h"
#endif

namespace gannet {
namespace {

// A kernel is clearly faster when it takes less than this part of the time.
constexpr double kClearly = 0.95;
constexpr const char* kOps[] = {"linear", "matmul", "expert_matmul", "routed_experts", "moe"};

// Rounds of all kernels in turns, as many as fit into this time: clocks rise while a device works.
constexpr double kSeconds = 0.05;
constexpr int kFewestRounds = 2, kMostRounds = 10;
// Shorter runs are of several products: starting one takes some of the time that the host sees.
constexpr double kShortRun = 1e-3;
constexpr int kProductsOfShortRuns = 8;

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

// The product, several times, with one kernel.
Result<Plan> plan_of(DType weights, const MeasuredProduct& product, const std::string& kernel, int n_products,
                     const DeviceBuffer& at, const std::shared_ptr<Arena>& arena) {
  const TensorType type{weights, Shape(product.outputs, product.inputs)};
  GraphBuilder builder("prompt_kernels");
  const ValueId x = builder.input("x", {DType::kF32, Shape(product.rows, product.inputs)});
  const ValueId w = builder.param("w", type);
  for (int i = 0; i < n_products; ++i)
    builder.output(fmt::format("y{}", i), linear(builder, x, kNoValue, kNoValue, {&w, 1}));
  const Graph graph = GANNET_TRY(builder.finish());
  PlanOptions options;
  options.policy.forced["linear"] = kernel;
  return Plan::make(
      graph, recorded_kernels(), options,
      [&](const std::string&) {
        return placed_at(at.at(0), contiguous_view(nullptr, type.dtype, type.shape));
      },
      [](const std::string&) -> void* { return nullptr; }, arena);
}

}  // namespace

std::vector<std::string> prompt_kernels(const Device& device, DType weights) {
  std::vector<std::string> names;
#ifdef GANNET_VULKAN
  std::vector<const KernelInfo*> kernels = recorded_kernels().kernels_of(kOp_linear);
  std::stable_sort(kernels.begin(), kernels.end(),
                   [](const KernelInfo* a, const KernelInfo* b) { return a->priority > b->priority; });
  for (const KernelInfo* kernel : kernels) {
    if (kernel->device != device.kind() || (recorded_kernel(*kernel).needs & ~device.features()) != 0)
      continue;
    for (const TilesKernel& of : kTilesKernels)
      if (std::strcmp(of.name, kernel->name) == 0 && has_tiles(of.tiles, weights))
        names.emplace_back(of.name);
  }
#else
  (void)device;
  (void)weights;
#endif
  return names;
}

Result<std::vector<KernelTime>> measure_prompt_kernels(const std::shared_ptr<Device>& device, DType weights,
                                                       const MeasuredProduct& product) {
  const std::vector<std::string> names = prompt_kernels(*device, weights);
  std::vector<KernelTime> times;
  if (names.empty()) return times;
  const DeviceBuffer buffer = GANNET_TRY(
      DeviceBuffer::allocate(device, type_bytes({weights, Shape(product.outputs, product.inputs)})));
  const auto arena = std::make_shared<Arena>(device);
  const auto team = GANNET_TRY(ThreadTeam::create(1));
  const StepRows all{.live = product.rows, .exact = 0, .step = product.rows};
  const auto run = [&](Plan& plan) -> Result<double> {
    const auto began = std::chrono::steady_clock::now();
    GANNET_TRY(plan.run(*team, all));
    return seconds_since(began);
  };
  std::vector<Plan> plans;
  int n_products = 1;
  const auto make_plans = [&]() -> Result<void> {
    plans.clear();
    for (const std::string& name : names) {
      plans.push_back(GANNET_TRY(plan_of(weights, product, name, n_products, buffer, arena)));
      const TensorView x = plans.back().input("x");
      std::memset(x.data, 0, static_cast<size_t>(type_bytes({x.dtype, x.shape})));
      // Pipelines are made in the first run.
      GANNET_TRY(run(plans.back()));
    }
    return {};
  };
  GANNET_TRY(make_plans());
  if (GANNET_TRY(run(plans[0])) < kShortRun) {
    n_products = kProductsOfShortRuns;
    GANNET_TRY(make_plans());
  }
  for (const std::string& name : names) times.push_back({name, 0});
  const auto began = std::chrono::steady_clock::now();
  for (int round = 0; round < kMostRounds && (round < kFewestRounds || seconds_since(began) < kSeconds);
       ++round)
    for (size_t i = 0; i < plans.size(); ++i) {
      const double seconds = GANNET_TRY(run(plans[i])) / n_products;
      if (round == 0 || seconds < times[i].seconds) times[i].seconds = seconds;
    }
  return times;
}

std::string fastest_kernel(const std::vector<KernelTime>& times, const std::vector<std::string>& allowed) {
  const KernelTime* best = nullptr;
  for (const std::string& name : allowed) {
    const auto time = std::ranges::find(times, name, &KernelTime::kernel);
    if (time == times.end()) {
      if (best == nullptr) return "";
      continue;
    }
    if (best == nullptr || time->seconds < kClearly * best->seconds) best = &*time;
  }
  return best == nullptr ? "" : best->kernel;
}

void add_preferences(DType weights, const std::vector<KernelTime>& times,
                     std::vector<KernelPreference>& preferred) {
#ifdef GANNET_VULKAN
  for (const char* op : kOps) {
    // Of the kernels that it has under the names of those of linear; the floats, which each has, may have
    // another.
    std::vector<std::string> allowed = {kTilesKernels[0].name};
    for (const TilesKernel& of : kTilesKernels)
      for (const KernelInfo* kernel : recorded_kernels().kernels())
        if (std::strcmp(kernel->op, op) == 0 && std::strcmp(kernel->name, of.name) == 0 &&
            of.tiles != Tiles::kFloats)
          allowed.emplace_back(of.name);
    const std::string fastest = fastest_kernel(times, allowed);
    if (!fastest.empty() && fastest != allowed[0]) preferred.push_back({op, weights, fastest});
  }
#else
  (void)weights;
  (void)times;
  (void)preferred;
#endif
}

std::vector<KernelPreference> choose_prompt_kernels(
    const std::string& key, const std::set<DType>& weights, DeviceFigures& figures,
    const std::function<std::vector<std::string>(DType)>& candidates,
    const std::function<Result<std::vector<KernelTime>>(DType)>& measure, std::vector<std::string>& notes) {
  std::vector<KernelPreference> preferred;
  for (const DType type : weights) {
    const std::vector<std::string> names = candidates(type);
    if (names.size() < 2) continue;
    std::vector<KernelTime> times = figures.product_times(key, type);
    if (!std::ranges::all_of(names, [&](const std::string& name) {
          return std::ranges::find(times, name, &KernelTime::kernel) != times.end();
        })) {
      auto measured = measure(type);
      if (!measured.ok()) {
        notes.push_back(fmt::format("prompts with weights of {} take products of F32: {}",
                                    dtype_info(type).name, measured.error().message()));
        continue;
      }
      times = measured.take();
      figures.set_product_times(key, type, times);
    }
    // What is kept may be of kernels that this device has no more.
    std::erase_if(times, [&](const KernelTime& time) { return std::ranges::count(names, time.kernel) == 0; });
    add_preferences(type, times, preferred);
  }
  return preferred;
}

std::vector<KernelPreference> choose_prompt_kernels(const std::shared_ptr<Device>& device,
                                                    const std::set<DType>& weights,
                                                    const std::string& cache_folder,
                                                    std::vector<std::string>& notes) {
#ifdef GANNET_VULKAN
  const auto* vulkan = dynamic_cast<const VulkanDevice*>(device.get());
  if (vulkan == nullptr || vulkan->facts().type == VulkanFacts::Type::kCpu) return {};
  DeviceFigures figures(device_figures_path(cache_folder));
  return choose_prompt_kernels(
      device_key(vulkan->facts()), weights, figures,
      [&](DType type) { return prompt_kernels(*device, type); },
      [&](DType type) { return measure_prompt_kernels(device, type); }, notes);
#else
  (void)device;
  (void)weights;
  (void)cache_folder;
  (void)notes;
  return {};
#endif
}

std::string prompt_kernels_text(const std::string& key, const DeviceFigures& figures) {
  std::string text;
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    std::vector<KernelTime> times = figures.product_times(key, type);
    if (times.empty()) continue;
    std::vector<KernelPreference> preferred;
    add_preferences(type, times, preferred);
    const auto chosen = std::ranges::find(preferred, std::string("linear"), &KernelPreference::op);
    std::string list;
    std::ranges::sort(times, {}, &KernelTime::seconds);
    for (const KernelTime& time : times)
      list += fmt::format("{}{} {:.2f} ms", list.empty() ? "" : ", ", time.kernel, 1e3 * time.seconds);
    text += fmt::format("  prompts, {}: {} ({})\n", dtype_info(type).name,
                        chosen == preferred.end() ? "tiles" : chosen->kernel, list);
  }
  return text;
}

}  // namespace gannet
