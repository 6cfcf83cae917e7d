// Weights and state on devices, with the pocket model and a device whose memory the host cannot touch.
#include <gtest/gtest.h>

#include <cstring>

#include "backend/cpu/cpu_device.h"
#include "backend/cpu/isa.h"
#include "backend/testing/guarded_device.h"
#include "engine/device_state_memory.h"
#include "engine/device_weights.h"
#include "engine/model.h"
#include "engine/session.h"
#include "exec/plan.h"
#include "ops/catalogue.h"
#include "ops/embed/embed.h"
#include "ops/matmul/matmul.h"
#include "ops/rms_norm/rms_norm.h"

namespace gannet {
namespace {

struct DeviceMemoryTest : testing::Test {
  std::shared_ptr<const Model> model = Model::load("models/pocket.gguf", {}, nullptr).take();
  std::vector<std::span<const std::byte>> mappings;
  DeviceMemoryTest() {
    for (const GgufShard& shard : model->file().shards()) mappings.push_back(shard.bytes);
  }
  DeviceWeights weights_on(std::shared_ptr<Device> device) {
    return DeviceWeights::make(std::move(device), model->weights(), mappings).take();
  }

  // Every tensor there is what it is here, with the same layout.
  void expect_all_there(const DeviceWeights& weights, Device& device) {
    for (const auto& [name, view] : model->weights().all()) {
      const PlacedTensor tensor = weights.find(name);
      ASSERT_NE(tensor.place.buffer, BufferId::kNone) << name;
      EXPECT_EQ(tensor.dtype, view.dtype);
      EXPECT_TRUE(tensor.shape == view.shape);
      EXPECT_EQ(std::memcmp(tensor.stride, view.stride, sizeof(view.stride)), 0);
      std::vector<std::byte> bytes(static_cast<size_t>(extent_bytes(view)));
      device.download(tensor.place, bytes).take();
      EXPECT_EQ(std::memcmp(bytes.data(), view.data, bytes.size()), 0) << name;
    }
    EXPECT_EQ(weights.find("no such tensor").place.buffer, BufferId::kNone);
  }
};

TEST_F(DeviceMemoryTest, OnTheCpuWeightsStayWhereTheyAre) {
  const auto device = std::make_shared<CpuDevice>();
  const DeviceWeights weights = weights_on(device);
  EXPECT_EQ(weights.copied_bytes(), 0);
  EXPECT_EQ(device->memory().allocated, 0);
  for (const auto& [name, view] : model->weights().all())
    EXPECT_EQ(device->address(weights.find(name).place), view.data) << name;
  expect_all_there(weights, *device);
}

TEST_F(DeviceMemoryTest, ADeviceThatTakesNoHostMemoryGetsACopyOfEachByteOnce) {
  const auto device = std::make_shared<GuardedDevice>();
  const DeviceWeights weights = weights_on(device);
  EXPECT_EQ(weights.imported_bytes(), 0);
  int64_t bytes = 0;
  for (const auto& [name, view] : model->weights().all()) bytes += extent_bytes(view);
  EXPECT_LE(weights.copied_bytes(), bytes);
  EXPECT_EQ(weights.copied_bytes(), device->uploaded_bytes());
  EXPECT_LT(device->memory().allocated, bytes + (1 << 20));
  expect_all_there(weights, *device);
}

TEST_F(DeviceMemoryTest, TensorsThatShareMemoryShareTheirCopy) {
  std::vector<float> data(100);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
  WeightTable table;
  table.set("all", contiguous_view(data.data(), DType::kF32, Shape(10, 10)));
  TensorView part = contiguous_view(data.data() + 23, DType::kF32, Shape(2, 3));
  part.stride[0] = 40;
  table.set("part", part);
  const auto device = std::make_shared<GuardedDevice>();
  const DeviceWeights weights = DeviceWeights::make(device, table, {}).take();
  EXPECT_EQ(weights.copied_bytes(), 400);
  EXPECT_EQ(weights.find("part").place, weights.find("all").place + 4 * 23);
}

// A piece of a model, on both devices: to the bit the same, with weights that were copied.
TEST_F(DeviceMemoryTest, APlanOnCopiedWeightsGivesTheSameBits) {
  const auto logits_on = [&](std::shared_ptr<Device> device) {
    const DeviceWeights weights = weights_on(device);
    const WeightTable& table = model->weights();
    GraphBuilder b("piece");
    const auto param = [&](const char* name) { return b.param(name, table.type(name)); };
    const ValueId embedding = param("token_embd.weight");
    const ValueId ids = b.input("tokens", {DType::kI32, Shape(5)}, InputSource::kTokens);
    const ValueId x = rms_norm(b, embed(b, embedding, ids), param("output_norm.weight"), 1e-6f);
    const ValueId head = table.has("output.weight") ? param("output.weight") : embedding;
    b.output("logits", matmul(b, x, head));
    const Graph graph = b.finish().take();
    PlanOptions options;
    options.policy.isas = machine_isas();
    options.n_threads = 2;
    Plan plan =
        Plan::make(
            graph, all_kernels(), options, [&](const std::string& name) { return weights.find(name); },
            [](const std::string&) -> void* { return nullptr; }, std::make_shared<Arena>(device))
            .take();
    for (int i = 0; i < 5; ++i) plan.input(InputSource::kTokens).as<int32_t>()[i] = 7 * i + 1;
    ThreadTeam team(2);
    plan.run(team).take();
    std::vector<float> logits(
        static_cast<size_t>(plan.output_on_device(plan.output_index("logits")).shape.elements()));
    plan.read_output(plan.output_index("logits"), 0, 5, std::as_writable_bytes(std::span(logits))).take();
    return logits;
  };
  const std::vector<float> here = logits_on(std::make_shared<CpuDevice>());
  const std::vector<float> there = logits_on(std::make_shared<GuardedDevice>());
  EXPECT_NE(here[0], here[1]);
  EXPECT_EQ(std::memcmp(here.data(), there.data(), here.size() * sizeof(float)), 0);
}

// Logits of a session with an exact cache: a prompt, then tokens one by one.
std::vector<float> session_logits(const std::shared_ptr<const Model>& model, std::shared_ptr<Device> device,
                                  Isa isa = machine_isas().back()) {
  SessionOptions options;
  options.n_threads = 2;
  options.n_ctx = 256;
  options.k_type = options.v_type = DType::kF32;
  options.policy.isas = isas_up_to(isa).take();
  options.device = std::move(device);
  const auto session = Session::create(model, options).take();
  SequenceState sequence = session->new_sequence();
  std::vector<float> logits;
  std::vector<int32_t> ids;
  for (int i = 0; i < 70; ++i) ids.push_back(11 * i + 5);
  for (size_t at = 0; at < ids.size();) {
    const size_t n = at == 0 ? 66 : 1;
    const ForwardRows rows =
        session->forward(sequence, std::span(ids).subspan(at, n), LogitRows::kAll).take();
    logits.insert(logits.end(), rows.logits.f32(0), rows.logits.f32(0) + rows.logits.shape.elements());
    at += n;
  }
  return logits;
}

TEST_F(DeviceMemoryTest, ASessionGivesTheSameBits) {
  const std::vector<float> here = session_logits(model, nullptr);
  const std::vector<float> there = session_logits(model, std::make_shared<GuardedDevice>());
  ASSERT_EQ(here.size(), there.size());
  EXPECT_EQ(std::memcmp(here.data(), there.data(), here.size() * sizeof(float)), 0);
}

// On the reference kernels, so that only the order of sums tells the parts from the whole.
TEST_F(DeviceMemoryTest, ASessionOnADeviceWithoutFusedOpsMeansTheSame) {
  GuardedOptions primitives;
  for (const OpDef* op : all_ops())
    if (op->decompose != nullptr) primitives.refused_ops.insert(op->name);
  const std::vector<float> here = session_logits(model, nullptr, Isa::kScalar);
  const std::vector<float> there =
      session_logits(model, std::make_shared<GuardedDevice>(primitives), Isa::kScalar);
  ASSERT_EQ(here.size(), there.size());
  double error = 0, power = 0;
  for (size_t i = 0; i < here.size(); ++i) {
    error += (double{here[i]} - there[i]) * (double{here[i]} - there[i]);
    power += double{here[i]} * here[i];
  }
  EXPECT_LE(error, 1e-9 * power) << error / power;
  EXPECT_GT(error, 0) << "nothing was taken apart";
}

TEST(DeviceStateMemory, CopiesAndClearsOnTheDevice) {
  const auto device = std::make_shared<GuardedDevice>();
  const std::shared_ptr<StateMemory> memory = device_state_memory(device);
  std::byte *a = memory->allocate(64), *b = memory->allocate(64);
  const auto touch = [&](auto&& f) {
    device->begin_kernels();
    f();
    device->end_kernels();
  };
  touch([&] {
    std::memset(a, 1, 64);
    std::memset(b, 2, 64);
  });
  memory->copy(b + 4, a, 3, 16, 2);
  memory->copy(b + 32, a + 32, 8, 8, 2);
  memory->zero(b + 60, 2);
  std::byte seen[64];
  touch([&] { std::memcpy(seen, b, 64); });
  for (int i = 0; i < 64; ++i) {
    const bool copied = (i >= 4 && i < 7) || (i >= 20 && i < 23) || (i >= 32 && i < 48);
    EXPECT_EQ(seen[i], std::byte(i == 60 || i == 61 ? 0 : copied ? 1 : 2)) << i;
  }
  memory->release(a);
  memory->release(b);
  EXPECT_EQ(device->memory().allocated, 0);
  EXPECT_EQ(memory->allocate(int64_t{1} << 60), nullptr);
}

TEST(DeviceStateMemoryDeath, TheHostCannotTouchIt) {
  const auto memory = device_state_memory(std::make_shared<GuardedDevice>());
  auto* a = reinterpret_cast<volatile char*>(memory->allocate(64));
  EXPECT_DEATH((void)a[0], "");
}

}  // namespace
}  // namespace gannet
