#include "engine/prompt_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "backend/api/recorder.h"
#include "base/atomic_file.h"
#include "ops/linear/linear.h"

namespace gannet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct TestFolder {
  std::string folder = testing::TempDir() + "prompt_kernels_test." + std::to_string(::getpid());
  TestFolder() { std::filesystem::create_directories(folder); }
  ~TestFolder() { std::filesystem::remove_all(folder); }
  std::string path(const std::string& name) const { return folder + "/" + name; }
};

const std::vector<std::string> kAll = {"tiles", "f16", "int_dot"};

TEST(PromptKernels, AKernelWinsWhenItIsClearlyFaster) {
  EXPECT_EQ(fastest_kernel({{"tiles", 1.0}, {"f16", 0.5}, {"int_dot", 0.4}}, kAll), "int_dot");
  EXPECT_EQ(fastest_kernel({{"tiles", 1.0}, {"f16", 0.96}, {"int_dot", 0.97}}, kAll), "tiles");
  // The one that rounds less, unless the other is clearly faster than it, too.
  EXPECT_EQ(fastest_kernel({{"tiles", 1.0}, {"f16", 0.5}, {"int_dot", 0.48}}, kAll), "f16");
  EXPECT_EQ(fastest_kernel({{"int_dot", 0.4}, {"tiles", 1.0}}, {"tiles", "f16"}), "tiles");
  EXPECT_EQ(fastest_kernel({{"f16", 0.4}}, kAll), "");
  EXPECT_EQ(fastest_kernel({}, kAll), "");
}

TEST(DeviceFigures, AreReadBackByTypeAndKey) {
  const TestFolder folder;
  const std::string path = folder.path("kept/devices.json");
  const std::vector<KernelTime> times = {{"f16", 0.25}, {"tiles", 0.5}};
  {
    DeviceFigures figures(path);
    figures.set_bytes_per_second("a GPU, driver 1", 5e11);
    figures.set_product_times("a GPU, driver 1", DType::kQ4_K, times);
  }
  const DeviceFigures read(path);
  EXPECT_EQ(read.bytes_per_second("a GPU, driver 1"), 5e11);
  EXPECT_EQ(read.product_times("a GPU, driver 1", DType::kQ4_K), times);
  EXPECT_THAT(read.product_times("a GPU, driver 1", DType::kQ6_K), IsEmpty());
  EXPECT_THAT(read.product_times("a GPU, driver 2", DType::kQ4_K), IsEmpty());
  EXPECT_THAT(DeviceFigures("").product_times("a GPU, driver 1", DType::kQ4_K), IsEmpty());
}

TEST(DeviceFigures, WhatIsNoneCountsForNothing) {
  const TestFolder folder;
  const std::string path = folder.path("devices.json");
  for (const char* text : {"", "[1]", "{\"d\": 3, \"products of many rows\": 7}",
                           "{\"products of many rows\": {\"d\": {\"Q4_K\": {\"tiles\": \"fast\"}}}}",
                           "{\"products of many rows\": {\"d\": {\"Q4_K\": {\"tiles\": -1}}}}"}) {
    ASSERT_TRUE(write_file(path, text).ok());
    DeviceFigures figures(path);
    EXPECT_THAT(figures.product_times("d", DType::kQ4_K), IsEmpty()) << text;
    figures.set_product_times("d", DType::kQ4_K, {{"tiles", 1}});
    EXPECT_EQ(DeviceFigures(path).product_times("d", DType::kQ4_K).size(), 1) << text;
  }
}

#ifdef GANNET_VULKAN

std::vector<std::string> texts(const std::vector<KernelPreference>& preferred) {
  std::vector<std::string> all;
  for (const KernelPreference& p : preferred)
    all.push_back(p.op + " " + std::string(dtype_info(p.weights).name) + " " + p.kernel);
  return all;
}

TEST(PromptKernels, AreMeasuredOncePerTypeAndKeptWithTheDevice) {
  const TestFolder folder;
  const std::string path = folder.path("devices.json");
  std::vector<DType> measured;
  const auto candidates = [](DType type) {
    return type == DType::kF32 ? std::vector<std::string>{"tiles"} : kAll;
  };
  const auto measure = [&](DType type) -> Result<std::vector<KernelTime>> {
    measured.push_back(type);
    if (type == DType::kQ5_K) return Error(ErrorCode::kDevice, "it is lost");
    const double fast = type == DType::kQ4_K ? 0.1 : 2;
    return std::vector<KernelTime>{{"tiles", 1}, {"f16", 1}, {"int_dot", fast}};
  };
  const std::set<DType> types = {DType::kF32, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};
  for (int time = 0; time < 2; ++time) {
    DeviceFigures figures(path);
    std::vector<std::string> notes;
    const auto preferred = choose_prompt_kernels("d", types, figures, candidates, measure, notes);
    EXPECT_THAT(texts(preferred),
                ElementsAre("linear Q4_K int_dot", "matmul Q4_K int_dot", "expert_matmul Q4_K int_dot",
                            "routed_experts Q4_K int_dot", "moe Q4_K int_dot"));
    EXPECT_THAT(notes, ElementsAre("prompts with weights of Q5_K take products of F32: it is lost"));
  }
  // What failed is tried again, of a device that changed everything; and when there is a kernel more.
  EXPECT_THAT(measured, ElementsAre(DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kQ5_K));
  measured.clear();
  DeviceFigures figures(path);
  std::vector<std::string> notes;
  choose_prompt_kernels("e", {DType::kQ4_K}, figures, candidates, measure, notes);
  choose_prompt_kernels(
      "d", {DType::kQ4_K}, figures,
      [](DType) {
        return std::vector<std::string>{"tiles", "another"};
      },
      measure, notes);
  EXPECT_THAT(measured, ElementsAre(DType::kQ4_K, DType::kQ4_K));
  EXPECT_EQ(prompt_kernels_text("d", DeviceFigures(path)),
            "  prompts, Q4_K: int_dot (int_dot 100.00 ms, f16 1000.00 ms, tiles 1000.00 ms)\n"
            "  prompts, Q6_K: tiles (f16 1000.00 ms, tiles 1000.00 ms, int_dot 2000.00 ms)\n");
}

#endif

// Two kernels of a device for `linear`: one for any rows, and one that takes no weights of Q8_0.
constexpr RecordedKernel kUsual = {"linear", "usual", DeviceKind::kVulkan, 0, nullptr, nullptr, nullptr};
constexpr RecordedKernel kQuick = {"linear",
                                   "quick",
                                   DeviceKind::kVulkan,
                                   -1,
                                   [](const OpSite& site) -> const char* {
                                     return site.operands[3].dtype == DType::kQ8_0 ? "not of Q8_0" : nullptr;
                                   },
                                   nullptr,
                                   nullptr};

TEST(KernelPreference, CountsForManyRowsUnlessAnotherIsForced) {
  KernelRegistry registry;
  registry.add(kernel_info(kUsual));
  registry.add(kernel_info(kQuick));
  KernelPolicy policy;
  policy.preferred = {{"linear", DType::kQ4_K, "quick"},
                      {"linear", DType::kQ8_0, "quick"},
                      {"linear", DType::kQ6_K, "unknown"},
                      {"matmul", DType::kQ5_K, "quick"}};
  const auto chosen = [&](int64_t rows, std::vector<TensorType> weights) {
    std::vector<TensorType> operands = {{DType::kF32, Shape(rows, 512)}, {}, {}};
    operands.insert(operands.end(), weights.begin(), weights.end());
    const OpSite site{operands.data(), static_cast<int>(operands.size()), nullptr, 0, nullptr};
    return std::string(registry.choose(kOp_linear, site, policy, DeviceKind::kVulkan).kernel->name);
  };
  const TensorType q4{DType::kQ4_K, Shape(64, 512)}, q5{DType::kQ5_K, Shape(64, 512)},
      q6{DType::kQ6_K, Shape(64, 512)}, wide_q6{DType::kQ6_K, Shape(65, 512)},
      q8{DType::kQ8_0, Shape(64, 512)}, floats{DType::kF32, Shape(4096, 512)};
  EXPECT_EQ(chosen(65, {q4}), "quick");
  EXPECT_EQ(chosen(64, {q4}), "usual");  // all of them are exact
  EXPECT_EQ(chosen(65, {q5}), "usual");  // of another op
  EXPECT_EQ(chosen(65, {q6}), "usual");  // there is no such kernel
  EXPECT_EQ(chosen(65, {q8}), "usual");  // it refuses
  // The type with most elements that has a preference.
  EXPECT_EQ(chosen(65, {q6, q4, q4}), "quick");
  EXPECT_EQ(chosen(65, {wide_q6, q4}), "usual");
  EXPECT_EQ(chosen(65, {floats, q4}), "quick");
  policy.forced["linear"] = "usual";
  EXPECT_EQ(chosen(65, {q4}), "usual");
}

}  // namespace
}  // namespace gannet
