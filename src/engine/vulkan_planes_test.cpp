// Weights in planes (tensor/planes.h) on a Vulkan device: how they get there, and that models give the same
// bits as with weights in blocks (backend/vulkan/vulkan_for_test.h says on which device).
#include <gtest/gtest.h>

#include <cstring>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "backend/vulkan/vulkan_for_test.h"
#include "engine/device_weights.h"
#include "engine/draft_head.h"
#include "engine/made_model_for_test.h"
#include "engine/session.h"
#include "ops/catalogue.h"
#include "tensor/planes.h"

namespace gannet {
namespace {

// Everything goes through staging memory.
const SharedVulkans::Opened& opened(bool planes) {
  return shared_vulkan_for_test(shader_code, planes ? 1 : 0, {.staged = true, .planes = planes});
}
std::shared_ptr<VulkanDevice> device_with(bool planes) {
  return *opened(planes);
}

struct VulkanPlanesTest : testing::Test {
  void SetUp() override {
    if (!opened(true).ok()) GTEST_SKIP() << no_vulkan_for_test(opened(true).error());
  }
  void TearDown() override { expect_no_vulkan_messages(); }
};

TEST_F(VulkanPlanesTest, DevicesWithMemoryOfTheirOwnHaveThem) {
  const auto unasked = [](bool staged) {
    const auto device = open_vulkan_for_test(shader_code, {.staged = staged}).take();
    EXPECT_NE(device->weights_in_planes(), device->uses_host_memory());
    return device->weights_in_planes();
  };
  EXPECT_TRUE(unasked(true));
  (void)unasked(false);
  EXPECT_TRUE(device_with(true)->weights_in_planes());
  EXPECT_FALSE(device_with(false)->weights_in_planes());
}

std::vector<std::byte> some_bytes(size_t n) {
  std::vector<std::byte> bytes(n);
  uint32_t state = 1;
  for (std::byte& b : bytes) b = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

// Of a matrix that is larger than staging memory, and of whatever shares its memory.
TEST_F(VulkanPlanesTest, EveryRowOfACopyIsWhereItWas) {
  const auto device = device_with(true);
  const int64_t n = 9 * 32, bytes = row_bytes(DType::kQ8_0, n), n_rows = 70000;
  std::vector<std::byte> data = some_bytes(static_cast<size_t>(n_rows * bytes));
  std::vector<float> floats(77, 3.0f);
  WeightTable table;
  const auto set = [&](const char* name, int64_t first, DType type, const Shape& shape) {
    table.set(name, contiguous_view(data.data() + first, type, shape));
  };
  set("all", 0, DType::kQ8_0, Shape(n_rows, n));
  set("rows", 1001 * bytes, DType::kQ8_0, Shape(7, 3, n));
  set("as bytes", 5 * bytes, DType::kQ4_K, Shape(17, 256));
  set("double", 4 * bytes, DType::kQ8_0, Shape(6, 2 * n));
  set("short", 34, DType::kQ8_0, Shape(5, 32));
  table.set("floats", contiguous_view(floats.data(), DType::kF32, Shape(7, 11)));
  const DeviceWeights weights = DeviceWeights::make(device, table, {}).take();
  EXPECT_EQ(weights.find("rows").place, weights.find("all").place + 1001 * bytes);
  EXPECT_NE(weights.find("double").place, weights.find("all").place + 4 * bytes) << "its rows are others";
  for (const auto& [name, view] : table.all()) {
    const Place place = weights.find(name).place;
    std::vector<std::byte> there(static_cast<size_t>(extent_bytes(view))), expected(there.size());
    device->download(place, there).take();
    const std::span<const std::byte> here(view.data, there.size());
    if (in_planes(view.dtype, view.shape.last()))
      blocks_to_planes(view.dtype, view.shape.last(), here, expected.data(),
                       reinterpret_cast<uintptr_t>(device->address(place)));
    else
      expected.assign(here.begin(), here.end());
    EXPECT_TRUE(there == expected) << name;
    EXPECT_EQ(std::ranges::equal(there, here), !in_planes(view.dtype, view.shape.last())) << name;
  }
}

SessionOptions options_on(std::shared_ptr<Device> device) {
  SessionOptions options;
  options.n_threads = 2;
  options.k_type = options.v_type = DType::kF32;
  options.policy.isas = machine_isas();
  options.device = std::move(device);
  return options;
}

// Of a prompt of many tokens, then of few, then of one.
std::vector<float> logits_of(const std::shared_ptr<const Model>& model, bool planes) {
  auto session = Session::create(model, options_on(device_with(planes)));
  EXPECT_TRUE(session.ok()) << session.error().message();
  if (!session.ok()) return {};
  std::vector<float> logits;
  SequenceState sequence = (*session)->new_sequence();
  int32_t id = 0;
  for (const int n : {70, 3, 1}) {
    std::vector<int32_t> ids;
    for (int i = 0; i < n; ++i) ids.push_back(id++ * 37 % 997);
    const ForwardRows rows = (*session)->forward(sequence, ids, LogitRows::kAll).take();
    logits.insert(logits.end(), rows.logits.f32(0), rows.logits.f32(0) + rows.logits.shape.elements());
  }
  return logits;
}

struct Made {
  Architecture arch;
  const char* mix;
};
void PrintTo(const Made& made, std::ostream* out) {
  *out << facts(made.arch).name << " " << made.mix;
}
struct VulkanPlanesModels : VulkanPlanesTest, testing::WithParamInterface<Made> {};

TEST_P(VulkanPlanesModels, GiveTheSameBits) {
  const MadeModel made(GetParam().arch, GetParam().mix);
  int n_planes = 0;
  for (const auto& [name, view] : made.model->weights().all())
    n_planes += view.shape.rank > 1 && in_planes(view.dtype, view.shape.last());
  EXPECT_GT(n_planes, 0);
  const std::vector<float> in_blocks = logits_of(made.model, false);
  EXPECT_NE(in_blocks.at(0), in_blocks.at(1));
  EXPECT_TRUE(in_blocks == logits_of(made.model, true));
}

INSTANTIATE_TEST_SUITE_P(
    Mixes, VulkanPlanesModels,
    testing::Values(Made{Architecture::kQwen35, "Q8_0"}, Made{Architecture::kQwen35, "Q4_0"},
                    Made{Architecture::kQwen35Moe, "Q4_K_M"}, Made{Architecture::kQwen35Moe, "Q3_K_M"}),
    [](const auto& test) { return fmt::format("{}_{}", facts(test.param.arch).name, test.param.mix); });

// The rows of a draft head are copied one by one, to places of their own.
TEST_F(VulkanPlanesTest, ADraftHeadHasTheLogitsOfTheWholeHead) {
  const MadeModel made(Architecture::kQwen35, "Q8_0", true);
  SessionOptions options = options_on(device_with(true));
  options.mtp = true;
  auto session = Session::create(made.model, options).take();
  const auto logits = [&] {
    SequenceState sequence = session->new_sequence();
    const std::vector<int32_t> tokens = {40, 300, 17};
    std::vector<float> hidden(tokens.size() * made.model->hyperparameters().n_embd);
    for (size_t i = 0; i < hidden.size(); ++i) hidden[i] = static_cast<float>(i % 13) - 6;
    const ForwardRows rows = session->forward_mtp(sequence, tokens, hidden, LogitRows::kLast).take();
    return std::vector<float>(rows.logits.f32(0), rows.logits.f32(0) + rows.logits.shape.last());
  };
  const std::vector<float> whole = logits();
  std::vector<TokenId> ids;
  for (TokenId id = 3; id < 900; id += 1 + id % 4) ids.push_back(id);
  auto head = DraftHead::make(*session, ids, 5).take();
  head->note(std::vector<TokenId>{901, 950, 907});
  ASSERT_TRUE(head->refresh().ok());
  const std::vector<float> some = logits();
  ASSERT_EQ(some.size(), ids.size() + 5);
  for (size_t i = 0; i < some.size(); ++i)
    EXPECT_EQ(some[i], whole.at(static_cast<size_t>(head->ids()[i]))) << i;
}

}  // namespace
}  // namespace gannet
