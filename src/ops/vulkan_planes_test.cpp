// Kernels that read weights in planes (tensor/planes.h) against the same ones with the same weights in
// blocks: the same bits. That those are right is what vulkan_conformance_test.cpp says.
#include <gtest/gtest.h>

#include <fmt/core.h>

#include "backend/vulkan/vulkan_for_test.h"
#include "ops/case_operands.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"
#include "ops/embed/embed.h"
#include "ops/expert_matmul/expert_matmul.h"
#include "ops/matmul/matmul.h"
#include "tensor/planes.h"

namespace gannet {

void PrintTo(const OpCase& op_case, std::ostream* out);

namespace {

const SharedVulkans::Opened& opened(bool planes) {
  return shared_vulkan_for_test(shader_code, planes ? 2 : 1, {.planes = planes});
}
VulkanDevice* device_with(bool planes) {
  return opened(planes)->get();
}

struct VulkanPlanes : testing::TestWithParam<OpCase> {
  void SetUp() override {
    if (!opened(true).ok()) GTEST_SKIP() << no_vulkan_for_test(opened(true).error());
  }
  void TearDown() override { expect_no_vulkan_messages(); }
};

Outcome run(const CaseData& data, const KernelInfo& kernel, bool planes) {
  CaseRun run(data, {});
  const int64_t n = data.result_types[0].shape.dim[0];
  const auto counts = run.run_recorded(kernel, *device_with(planes), {.live = n, .exact = 5});
  EXPECT_TRUE(counts.ok()) << counts.error().message();
  for (const std::string& fault : run.faults()) ADD_FAILURE() << fault;
  return run.outcome();
}

TEST_P(VulkanPlanes, GiveTheSameBits) {
  const CaseData data = make_case_data(GetParam());
  int n_run = 0;
  for (const KernelInfo* kernel : recorded_kernels().kernels_of(*data.op_case.op)) {
    if (kernel->refuses != nullptr && kernel->refuses(data.site()) != nullptr) continue;
    if ((recorded_kernel(*kernel).needs & ~device_with(true)->features()) != 0) continue;
    EXPECT_TRUE(run(data, *kernel, true).results == run(data, *kernel, false).results) << kernel->name;
    ++n_run;
  }
  EXPECT_GT(n_run, 0);
}

// Of every type, for kernels of few rows and of many. Rows begin at all sorts of distances from multiples of
// 16 bytes.
std::vector<OpCase> cases() {
  std::vector<OpCase> all;
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto type = static_cast<DType>(i);
    if (plane_fields(type).empty()) continue;
    const DTypeInfo& info = dtype_info(type);
    int64_t n = 3 * 256;
    while (info.block_elems < 256 && n % (2 * info.block_elems) == 0) n += info.block_elems;
    const auto add = [&](const OpDef& op, std::initializer_list<CaseOperand> operands) {
      OpCase c;
      c.op = &op;
      c.name = fmt::format("{}", info.name);
      c.operands = operands;
      all.push_back(std::move(c));
    };
    const auto weights = [&](const Shape& shape) {
      return CaseOperand{{type, shape}, {.kind = Fill::Kind::kNormal, .scale = 0.02}};
    };
    const auto numbers = [](Fill::Kind kind, const Shape& shape, double high) {
      return CaseOperand{{DType::kI32, shape}, {.kind = kind, .high = high}};
    };
    add(kOp_matmul, {normal(Shape(70, n)), weights(Shape(37, n))});
    add(kOp_expert_matmul,
        {normal(Shape(70, n)), weights(Shape(3, 19, n)), numbers(Fill::Kind::kDistinct, Shape(70, 2), 3)});
    add(kOp_embed, {weights(Shape(40, n)), numbers(Fill::Kind::kIndices, Shape(17), 40)});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Ops, VulkanPlanes, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}_{}", test.param.op->name, test.param.name);
                         });

// Otherwise the comparison above would compare nothing.
TEST(VulkanPlanesCases, AreInPlanes) {
  EXPECT_EQ(cases().size(), 3U * 7U);
  for (const OpCase& c : cases())
    for (const CaseOperand& operand : c.operands) {
      if (!dtype_info(operand.type.dtype).quantized) continue;
      EXPECT_TRUE(in_planes(operand.type.dtype, operand.type.shape.last())) << c.name;
    }
}

}  // namespace
}  // namespace gannet
