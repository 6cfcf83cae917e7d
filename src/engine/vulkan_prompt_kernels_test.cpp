// Kernels for the rows of prompts, measured on a Vulkan device, and a session that prefers one.
#include <gtest/gtest.h>

#include "backend/cpu/isa.h"
#include "backend/vulkan/vulkan_for_test.h"
#include "engine/made_model_for_test.h"
#include "engine/prompt_kernels.h"
#include "engine/session.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

struct VulkanPromptKernels : testing::Test {
  std::shared_ptr<VulkanDevice> device;

  void SetUp() override {
    auto opened = open_vulkan_for_test(shader_code);
    if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
    device = opened.take();
  }
  void TearDown() override {
    device = nullptr;
    expect_no_vulkan_messages();
  }
};

TEST_F(VulkanPromptKernels, EachThatTheDeviceHasIsMeasured) {
  EXPECT_EQ(prompt_kernels(*device, DType::kF32), std::vector<std::string>{"tiles"});
  const std::vector<std::string> names = prompt_kernels(*device, DType::kQ4_0);
  ASSERT_GE(names.size(), 2);
  EXPECT_EQ(names[0], "tiles");
  const auto times = measure_prompt_kernels(device, DType::kQ4_0, {.rows = 80, .outputs = 64, .inputs = 64});
  ASSERT_TRUE(times.ok()) << times.error().message();
  ASSERT_EQ(times->size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ((*times)[i].kernel, names[i]);
    EXPECT_GT((*times)[i].seconds, 0) << names[i];
  }
}

TEST_F(VulkanPromptKernels, OnlyRowsThatNeedNotBeExactTakeWhatIsPreferred) {
  const MadeModel made(Architecture::kQwen3, "Q4_0");
  const auto logits = [&](bool preferred, int32_t n_tokens) {
    SessionOptions options;
    options.n_threads = 1;
    options.n_ctx = 256;
    options.policy.isas = machine_isas();
    options.device = device;
    if (preferred)
      add_preferences(DType::kQ4_0, {{"tiles", 1}, {"f16", 0.5}, {"int_dot", 0.8}}, options.policy.preferred);
    const auto session = Session::create(made.model, options).take();
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < n_tokens; ++i) ids.push_back(i * 37 % 997);
    SequenceState sequence = session->new_sequence();
    const ForwardRows rows = session->forward(sequence, ids, LogitRows::kLast).take();
    return std::vector<float>(rows.logits.f32(0), rows.logits.f32(0) + rows.logits.shape.last());
  };
  EXPECT_TRUE(logits(true, 64) == logits(false, 64));
  const std::vector<float> usual = logits(false, 80), quick = logits(true, 80);
  double error = 0, energy = 0;
  for (size_t i = 0; i < usual.size(); ++i) {
    error += (double{quick[i]} - usual[i]) * (double{quick[i]} - usual[i]);
    energy += double{usual[i]} * usual[i];
  }
  EXPECT_GT(error / energy, 0);     // another kernel
  EXPECT_LT(error / energy, 1e-3);  // activations that were rounded to 16 bits
}

TEST_F(VulkanPromptKernels, ADriverThatComputesOnTheCpuIsNotMeasured) {
  if (device->facts().type != VulkanFacts::Type::kCpu) GTEST_SKIP() << "a GPU";
  std::vector<std::string> notes;
  EXPECT_TRUE(choose_prompt_kernels(device, {DType::kQ4_0}, "", notes).empty());
  EXPECT_TRUE(notes.empty());
}

}  // namespace
}  // namespace gannet
