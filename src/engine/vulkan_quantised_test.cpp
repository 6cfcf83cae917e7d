// Models in quantised files on a Vulkan device: how far its logits are from those of the same weights
// computed in F32, beside how far the CPU's are (backend/vulkan/vulkan_for_test.h says on which device).
#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "backend/vulkan/vulkan_for_test.h"
#include "engine/made_model_for_test.h"
#include "engine/session.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

// May be as far from the truth as the CPU and a quarter more; and never has to be closer than what
// exponentials and roots that are exact to a few units leave (golden_logits_test.cpp).
constexpr double kOfTheCpu = 1.25, kAlways = 1e-7;

struct Made {
  Architecture arch;
  const char* mix;
};
void PrintTo(const Made& made, std::ostream* out) {
  *out << facts(made.arch).name << " " << made.mix;
}

struct VulkanQuantised : testing::TestWithParam<Made> {
  std::shared_ptr<VulkanDevice> device;

  void SetUp() override {
    const auto& opened = shared_vulkan_for_test(shader_code);
    if (!opened.ok()) GTEST_SKIP() << no_vulkan_for_test(opened.error());
    device = *opened;
  }
  void TearDown() override { expect_no_vulkan_messages(); }
};

// Of all tokens, in steps of so many.
std::vector<float> logits_of(const std::shared_ptr<const Model>& model, SessionOptions options,
                             int64_t n_step) {
  options.n_threads = 2;
  options.n_ubatch = n_step;
  options.k_type = options.v_type = DType::kF32;
  auto session = Session::create(model, options);
  EXPECT_TRUE(session.ok()) << session.error().message();
  if (!session.ok()) return {};
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 80; ++i) ids.push_back(i * 37 % 997);
  std::vector<float> logits;
  SequenceState sequence = (*session)->new_sequence();
  for (size_t at = 0; at < ids.size();) {
    const size_t n = std::min(static_cast<size_t>(n_step), ids.size() - at);
    auto rows = (*session)->forward(sequence, std::span(ids).subspan(at, n), LogitRows::kAll);
    EXPECT_TRUE(rows.ok()) << rows.error().message();
    if (!rows.ok()) return {};
    logits.insert(logits.end(), rows->logits.f32(0), rows->logits.f32(0) + rows->logits.shape.elements());
    at += n;
  }
  return logits;
}

// sum (a-b)^2 / sum b^2
double error_of(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double error = 0, power = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    error += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    power += double{b[i]} * b[i];
  }
  return error / power;
}

TEST_P(VulkanQuantised, IsAsCloseToTheTruthAsTheCpu) {
  const MadeModel made(GetParam().arch, GetParam().mix);
  // The naive graph rounds nothing to 8 bits, and the reference kernels add F32 products of decoded weights.
  SessionOptions exact, cpu, vulkan;
  exact.graph.naive = true;
  exact.policy.isas = {Isa::kScalar};
  cpu.policy.isas = vulkan.policy.isas = machine_isas();
  vulkan.device = device;
  const std::vector<float> truth = logits_of(made.model, exact, 80);
  // All at once are products of tiles; few at once are products of rows.
  for (const int64_t n_step : {80, 5}) {
    const double here = error_of(logits_of(made.model, cpu, n_step), truth),
                 there = error_of(logits_of(made.model, vulkan, n_step), truth);
    EXPECT_LE(there, std::max(kOfTheCpu * here, kAlways))
        << n_step << " tokens in a step; the CPU's: " << here;
    RecordProperty(fmt::format("cpu_{}", n_step), fmt::format("{:.2e}", here));
    RecordProperty(fmt::format("vulkan_{}", n_step), fmt::format("{:.2e}", there));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Mixes, VulkanQuantised,
    testing::Values(Made{Architecture::kQwen35, "Q4_0"}, Made{Architecture::kQwen35, "Q4_K_M"},
                    Made{Architecture::kQwen35, "Q8_0"}, Made{Architecture::kQwen35, "Q6_K"},
                    Made{Architecture::kQwen35, "IQ4_XS"}, Made{Architecture::kQwen35Moe, "Q4_K_M"}),
    [](const auto& test) { return fmt::format("{}_{}", facts(test.param.arch).name, test.param.mix); });

}  // namespace
}  // namespace gannet
