// The naive graph, the optimised one, and everything between them compute the same: on the recorded models,
// with each pass left out, and pass by pass.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>

#include "base/npy.h"
#include "engine/session.h"
#include "model/model_file_for_test.h"
#include "model/random_weights.h"
#include "passes/pass.h"

namespace gannet {
namespace {

const std::string kShared = "../shared";

struct Oracle {
  std::vector<std::byte> file;  // of a made model
  std::shared_ptr<const Model> model;
  std::vector<int32_t> ids;
  std::vector<float> golden;
};

std::vector<float> logits(const Oracle& o, const GraphOptions& graph, int64_t n_ubatch, bool poison = false,
                          std::vector<Isa> isas = {});

// A small model with random F32 weights; its law is the naive graph on the scalar reference kernels.
Oracle make_oracle(Architecture arch) {
  const ModelShape shape = tiny_shape(arch);
  ModelFileForTest made = ModelFileForTest::complete(shape);
  ThreadTeam team(1);
  RandomWeights weights(1, team);
  for (const TensorSpec& spec : published_tensors(shape))
    weights.fill(spec, DType::kF32, 0, made.tensor(spec.name).bytes);
  Oracle o;
  o.file = made.encode();
  auto model = Model::load_embedded(o.file, "made model");
  EXPECT_TRUE(model.ok()) << model.error().message();
  o.model = *model;
  for (int32_t i = 0; i < 75; ++i) o.ids.push_back(i * 37 % 997);
  GraphOptions naive;
  naive.naive = true;
  o.golden = logits(o, naive, 75, false, {Isa::kScalar});
  return o;
}

// "made_ARCH" or the recorded model ARCH.
Oracle load_oracle(const std::string& arch) {
  if (arch.starts_with("made_")) return make_oracle(find_architecture(arch.substr(5)).take());
  Oracle o;
  auto model = Model::load(kShared + "/oracle/" + arch + ".gguf", {}, nullptr);
  EXPECT_TRUE(model.ok()) << model.error().message();
  o.model = *model;
  std::ifstream in(kShared + "/oracle/tokens.txt");
  for (int32_t id; in >> id;) o.ids.push_back(id);
  o.golden = read_npy(kShared + "/oracle/" + arch + ".logits.npy").take().values;
  return o;
}

std::vector<float> logits(const Oracle& o, const GraphOptions& graph, int64_t n_ubatch, bool poison,
                          std::vector<Isa> isas) {
  SessionOptions options;
  options.n_ubatch = n_ubatch;
  options.n_threads = 2;
  options.k_type = options.v_type = DType::kF32;
  options.graph = graph;
  options.poison_dead = poison;
  options.policy.isas = std::move(isas);
  auto session = Session::create(o.model, options);
  EXPECT_TRUE(session.ok()) << session.error().message();
  SequenceState sequence = (*session)->new_sequence();
  std::vector<float> all;
  for (size_t at = 0; at < o.ids.size();) {
    const size_t n = std::min(static_cast<size_t>(n_ubatch), o.ids.size() - at);
    auto rows = (*session)->forward(sequence, std::span(o.ids).subspan(at, n), LogitRows::kAll);
    EXPECT_TRUE(rows.ok()) << rows.error().message();
    if (!rows.ok()) return {};
    all.insert(all.end(), rows->logits.f32(0), rows->logits.f32(0) + rows->logits.shape.elements());
    at += n;
  }
  return all;
}

// sum (a-b)^2 / sum b^2
double nmse(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size() || a.empty()) return INFINITY;
  double error = 0, power = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    power += double{b[i]} * b[i];
  }
  return error / power;
}

GraphOptions naive() {
  GraphOptions options;
  options.naive = true;
  return options;
}

struct GraphModes : testing::TestWithParam<std::string> {
  void SetUp() override {
    // The recordings lie beside the checkout; the made models stand in for them everywhere.
    const bool made = GetParam().starts_with("made_");
    if (!made && !std::filesystem::exists(kShared + "/oracle/" + GetParam() + ".gguf"))
      GTEST_SKIP() << "the recorded model is not there";
  }
};

TEST_P(GraphModes, NaiveAndOptimizedAgree) {
  const Oracle o = load_oracle(GetParam());
  for (const int64_t n_ubatch : {150, 70, 7, 1}) {
    const auto a = logits(o, naive(), n_ubatch), b = logits(o, {}, n_ubatch);
    const double between = nmse(a, b), naive_golden = nmse(a, o.golden), golden = nmse(b, o.golden);
    EXPECT_LE(between, 1e-10) << "ubatch " << n_ubatch;
    EXPECT_LE(naive_golden, 1e-9) << "ubatch " << n_ubatch;
    EXPECT_LE(golden, 1e-9) << "ubatch " << n_ubatch;
    RecordProperty(fmt::format("naive_optimized_{}", n_ubatch), fmt::format("{:.2e}", between));
  }
}

TEST_P(GraphModes, EachPassCanBeSwitchedOff) {
  const Oracle o = load_oracle(GetParam());
  for (const Pass* pass : all_passes()) {
    GraphOptions options;
    options.passes.off = {pass->name};
    options.passes.verify_each = true;
    for (const int64_t n_ubatch : {150, 7, 1}) {
      const double error = nmse(logits(o, options, n_ubatch), o.golden);
      EXPECT_LE(error, 1e-9) << "without " << pass->name << ", ubatch " << n_ubatch;
    }
  }
}

TEST_P(GraphModes, PassByPassTheLogitsStay) {
  const Oracle o = load_oracle(GetParam());
  for (const int64_t n_ubatch : {70, 1}) {
    std::vector<float> before = logits(o, naive(), n_ubatch);
    for (size_t i = 0; i < all_passes().size(); ++i) {
      GraphOptions options;
      options.passes.first_n = static_cast<int>(i) + 1;
      std::vector<float> after = logits(o, options, n_ubatch);
      const Pass& pass = *all_passes()[i];
      if (pass.moves_data_only)
        EXPECT_EQ(nmse(after, before), 0) << pass.name << " changes bits, ubatch " << n_ubatch;
      else
        EXPECT_LE(nmse(after, before), 1e-10) << pass.name << ", ubatch " << n_ubatch;
      before = std::move(after);
    }
  }
}

// A step that read a buffer after its memory was given to others, or before it was written, would read NaN.
TEST_P(GraphModes, PoisonedDeadBuffersChangeNothing) {
  const Oracle o = load_oracle(GetParam());
  for (const int64_t n_ubatch : {150, 1})
    for (const GraphOptions& options : {naive(), GraphOptions{}})
      EXPECT_EQ(nmse(logits(o, options, n_ubatch, true), logits(o, options, n_ubatch)), 0)
          << (options.naive ? "naive" : "optimized") << ", ubatch " << n_ubatch;
}

INSTANTIATE_TEST_SUITE_P(All, GraphModes,
                         testing::Values("made_qwen3", "made_qwen3moe", "made_qwen3next", "made_qwen35",
                                         "made_qwen35moe", "qwen3", "qwen3moe", "qwen3next", "qwen35",
                                         "qwen35moe"),
                         [](const auto& arch) { return arch.param; });

}  // namespace
}  // namespace gannet
