// Logits against the recorded outputs of independent implementations, for every architecture, micro-batch
// size and instruction set of this machine. The recordings lie beside the checkout, but for those of the
// model that the project ships.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "backend/testing/guarded_device.h"
#include "base/npy.h"
#include "engine/devices.h"
#include "engine/made_model_for_test.h"
#include "engine/session.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

const std::string kShared = "../shared";

std::vector<int32_t> read_ids(const std::string& path) {
  std::ifstream in(path);
  std::vector<int32_t> ids;
  for (int32_t id; in >> id;) ids.push_back(id);
  return ids;
}

// sum (a-b)^2 / sum b^2
double nmse(const float* a, const float* b, int64_t n) {
  double error = 0, power = 0;
  for (int64_t i = 0; i < n; ++i) {
    error += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    power += double{b[i]} * b[i];
  }
  return error / power;
}

std::unique_ptr<Session> open_session(std::shared_ptr<const Model> model, Isa isa, int64_t n_ubatch,
                                      std::shared_ptr<Device> device = nullptr) {
  SessionOptions options;
  options.device = std::move(device);
  options.mtp = true;
  options.n_ubatch = n_ubatch;
  options.n_threads = 2;
  options.k_type = options.v_type = DType::kF32;
  options.policy.isas = isas_up_to(isa).take();
  auto session = Session::create(std::move(model), options);
  EXPECT_TRUE(session.ok()) << session.error().message();
  return session.take();
}

std::unique_ptr<Session> open_session(const std::string& path, Isa isa, int64_t n_ubatch,
                                      std::shared_ptr<Device> device = nullptr) {
  auto model = Model::load(path, {}, nullptr);
  EXPECT_TRUE(model.ok()) << model.error().message();
  return open_session(*model, isa, n_ubatch, std::move(device));
}

// What may be left of the difference on a GPU, whose exponentials and roots are exact to a few units only.
constexpr double kGpuNmse = 1e-7;
double most_error(const std::shared_ptr<Device>& device, double cpu) {
  return device == nullptr || device->kind() == DeviceKind::kCpu ? cpu : kGpuNmse;
}

// The device that GANNET_GOLDEN_DEVICE names, or the device for tests with everything, without the ops that
// only passes make, and without any op that is made of others (these walk the segments of a step, what they
// are made of does not).
std::vector<std::shared_ptr<Device>> other_devices() {
  if (const char* name = std::getenv("GANNET_GOLDEN_DEVICE")) {
    auto device = open_device(name, "");
    EXPECT_TRUE(device.ok()) << device.error().message();
    return {device.take()};
  }
  std::set<std::string> made_of_others;
  for (const OpDef* op : all_ops())
    if (op->decompose != nullptr) made_of_others.insert(op->name);
  return {std::make_shared<GuardedDevice>(),
          std::make_shared<GuardedDevice>(GuardedOptions{
              .refused_ops = {"linear", "norm_quantize", "moe", "delta_mixer", "attention_mixer"}}),
          std::make_shared<GuardedDevice>(GuardedOptions{.refused_ops = made_of_others})};
}

std::vector<float> trunk_logits(Session& session, std::span<const int32_t> ids,
                                std::vector<float>* hidden = nullptr) {
  std::vector<float> logits;
  SequenceState sequence = session.new_sequence();
  for (size_t at = 0; at < ids.size();) {
    const size_t n = std::min(static_cast<size_t>(session.options().n_ubatch), ids.size() - at);
    auto rows = session.forward(sequence, ids.subspan(at, n), LogitRows::kAll, hidden != nullptr);
    EXPECT_TRUE(rows.ok()) << rows.error().message();
    if (!rows.ok()) return {};
    logits.insert(logits.end(), rows->logits.f32(0), rows->logits.f32(0) + rows->logits.shape.elements());
    if (hidden != nullptr)
      hidden->insert(hidden->end(), rows->hidden.f32(0), rows->hidden.f32(0) + rows->hidden.shape.elements());
    at += n;
  }
  return logits;
}

struct GoldenLogits : testing::TestWithParam<std::string> {};

TEST_P(GoldenLogits, OracleModels) {
  const std::string arch = GetParam(), path = kShared + "/oracle/" + arch + ".gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const std::vector<int32_t> ids = read_ids(kShared + "/oracle/tokens.txt");
  const NpyMatrix golden = read_npy(kShared + "/oracle/" + arch + ".logits.npy").take();
  for (const Isa isa : machine_isas()) {
    for (const int64_t n_ubatch : {150, 32, 7, 1}) {
      auto session = open_session(path, isa, n_ubatch);
      const std::vector<float> logits = trunk_logits(*session, ids);
      ASSERT_EQ(logits.size(), golden.values.size());
      const double error = nmse(logits.data(), golden.values.data(), static_cast<int64_t>(logits.size()));
      EXPECT_LE(error, 1e-9) << isa_name(isa) << " ubatch " << n_ubatch;
      RecordProperty(fmt::format("{}_{}", isa_name(isa), n_ubatch), fmt::format("{:.2e}", error));
    }
  }
}

// Where the recordings are missing, a made model of the family and its naive graph on the reference kernels
// take their place.
TEST_P(GoldenLogits, OnADeviceThatTheHostCannotTouch) {
  const std::string arch = GetParam(), path = kShared + "/oracle/" + arch + ".gguf";
  const MadeModel made(find_architecture(arch).take());
  struct Case {
    std::shared_ptr<const Model> model;
    std::vector<int32_t> ids;
    std::vector<float> golden;
  };
  std::vector<Case> cases(1);
  cases[0].model = made.model;
  for (int32_t i = 0; i < 75; ++i) cases[0].ids.push_back(i * 37 % 997);
  SessionOptions naive;
  naive.n_threads = 2;
  naive.n_ubatch = 75;
  naive.k_type = naive.v_type = DType::kF32;
  naive.graph.naive = true;
  naive.policy.isas = {Isa::kScalar};
  cases[0].golden = trunk_logits(*Session::create(made.model, naive).take(), cases[0].ids);
  if (std::filesystem::exists(path))
    cases.push_back({Model::load(path, {}, nullptr).take(), read_ids(kShared + "/oracle/tokens.txt"),
                     read_npy(kShared + "/oracle/" + arch + ".logits.npy").take().values});
  for (const Case& c : cases)
    for (const std::shared_ptr<Device>& device : other_devices())
      for (const int64_t n_ubatch : {150, 7}) {
        auto session = open_session(c.model, machine_isas().back(), n_ubatch, device);
        const std::vector<float> logits = trunk_logits(*session, c.ids);
        ASSERT_EQ(logits.size(), c.golden.size());
        const double error = nmse(logits.data(), c.golden.data(), static_cast<int64_t>(logits.size()));
        EXPECT_LE(error, most_error(device, 1e-9));
        RecordProperty(fmt::format("{}_{}", device->name(), n_ubatch), fmt::format("{:.2e}", error));
      }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenLogits,
                         testing::Values("qwen3", "qwen3moe", "qwen3next", "qwen35", "qwen35moe"),
                         [](const auto& arch) { return arch.param; });

// Both against PyTorch: row i of the MTP file was given the trunk's row i and token i + 1.
void expect_trunk_and_mtp(const std::shared_ptr<const Model>& model, const std::string& tokens,
                          const std::string& prefix) {
  const std::vector<int32_t> ids = read_ids(tokens);
  const NpyMatrix trunk = read_npy(prefix + ".trunk.npy").take();
  const NpyMatrix mtp = read_npy(prefix + ".mtp.npy").take();
  std::vector<std::pair<Isa, std::shared_ptr<Device>>> ways;
  for (const Isa isa : machine_isas()) ways.emplace_back(isa, nullptr);
  for (auto& device : other_devices()) ways.emplace_back(machine_isas().back(), std::move(device));
  for (const auto& [isa, device] : ways) {
    SCOPED_TRACE(device == nullptr ? "on the CPU" : "on another device");
    auto session = open_session(model, isa, static_cast<int64_t>(ids.size()), device);
    std::vector<float> hidden;
    const std::vector<float> logits = trunk_logits(*session, ids, &hidden);
    ASSERT_EQ(logits.size(), trunk.values.size());
    EXPECT_LE(nmse(logits.data(), trunk.values.data(), static_cast<int64_t>(logits.size())),
              most_error(device, 1e-8))
        << isa_name(isa);

    const size_t n = ids.size() - 1;
    hidden.resize(n * model->hyperparameters().n_embd);
    SequenceState sequence = session->new_sequence();
    auto rows = session->forward_mtp(sequence, std::span(ids).subspan(1), hidden, LogitRows::kAll);
    ASSERT_TRUE(rows.ok()) << rows.error().message();
    ASSERT_EQ(rows->logits.shape.elements(), static_cast<int64_t>(mtp.values.size()));
    EXPECT_LE(nmse(rows->logits.f32(0), mtp.values.data(), rows->logits.shape.elements()),
              most_error(device, 1e-8))
        << isa_name(isa);
  }
}

TEST(GoldenPocket, FirstModel) {
  const std::string path = kShared + "/pocket/pocket-f16.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  expect_trunk_and_mtp(Model::load(path, {}, nullptr).take(), kShared + "/pocket/tokens.txt",
                       kShared + "/pocket/pocket-f16");
}

// The shipped weights as F32 numbers, so that nothing but the order of additions differs.
TEST(GoldenPocket, ShippedModel) {
  const auto shipped = Model::load("models/pocket.gguf", {.check_tensors = true}, nullptr).take();
  ModelFileForTest exact = ModelFileForTest::with_keys(shipped->hyperparameters());
  for (const auto& [name, view] : shipped->weights().all()) {
    if (name.starts_with("f32:")) continue;
    std::vector<float> values(static_cast<size_t>(view.shape.elements()));
    dequantize_row(view.dtype, view.data, values.data(), view.shape.elements());
    exact.add(name, DType::kF32, view.shape, values);
  }
  const auto bytes = exact.encode();
  expect_trunk_and_mtp(Model::load_embedded(bytes, "shipped model in F32").take(),
                       "tests/data/pocket/tokens.txt", "tests/data/pocket/pocket");
}

}  // namespace
}  // namespace gannet
