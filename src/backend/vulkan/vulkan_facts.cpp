#include "backend/vulkan/vulkan_facts.h"

#include <fmt/format.h>

namespace gannet {
namespace {

double gib(int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

}  // namespace

const char* vulkan_type_name(VulkanFacts::Type type) {
  constexpr const char* kNames[] = {"discrete", "integrated", "virtual", "cpu", "other"};
  return kNames[static_cast<size_t>(type)];
}

MatrixShape matrix_shape_of(const VulkanFacts& facts) {
  const auto fits = [](uint32_t side) { return side == 8 || side == 16 || side == 32; };
  MatrixShape best;
  for (const MatrixShape& shape : facts.matrices) {
    if (!fits(shape.m) || !fits(shape.n) || !fits(shape.k)) continue;
    if (shape.m == 16 && shape.n == 16 && shape.k == 16) return shape;
    if (shape.m * shape.n * shape.k > best.m * best.n * best.k) best = shape;
  }
  return best;
}

std::string device_key(const VulkanFacts& facts) {
  return fmt::format("{}, {}", facts.name, facts.driver);
}

std::string to_text(const VulkanFacts& f) {
  std::string text =
      fmt::format("{} ({}, Vulkan {}, {})\n", f.name, vulkan_type_name(f.type), f.version, f.driver);
  if (!f.unusable.empty()) return text + fmt::format("  cannot be used: {}\n", f.unusable);
  const auto line = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("  {}: {}\n", name, value);
  };
  std::string heaps;
  for (const VulkanHeap& heap : f.heaps)
    heaps +=
        fmt::format("{}{:.1f} GiB{}{}{}", heaps.empty() ? "" : ", ", gib(heap.bytes),
                    heap.budget > 0 ? fmt::format(" ({:.1f} free for us)", gib(heap.budget)) : "",
                    heap.device_local ? ", the device's" : "", heap.host_visible ? ", seen by the host" : "");
  line("memory", (f.unified ? "the host's: " : "") + heaps);
  line("subgroups", f.subgroup_min == f.subgroup_max
                        ? fmt::format("{}", f.subgroup_min)
                        : fmt::format("{} to {}", f.subgroup_min, f.subgroup_max));
  std::string can;
  const auto add = [&can](bool has, std::string_view what) {
    if (has) can += fmt::format("{}{}", can.empty() ? "" : ", ", what);
  };
  add(f.f16, "f16");
  add(f.int_dot, "integer dot");
  add(f.host_import, "uses files where they are mapped");
  add(f.timestamps, "timestamps");
  std::string matrices;
  for (const MatrixShape& shape : f.matrices)
    matrices +=
        fmt::format("{}{}x{}x{}", matrices.empty() ? "matrices of f16: " : " ", shape.m, shape.n, shape.k);
  add(!f.matrices.empty(), matrices);
  line("can", can.empty() ? "nothing beyond f32" : can);
  line("limits", fmt::format("{} KiB shared and {} invocations per group, {:.2f} GiB per allocation",
                             f.shared_bytes / 1024, f.most_invocations, gib(f.most_allocation)));
  return text;
}

}  // namespace gannet
