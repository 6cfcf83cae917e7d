// The naive graph, the optimised one, and everything between them compute the same: on the recorded models,
// with each pass left out, and pass by pass.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>

#include "base/npy.h"
#include "engine/made_model_for_test.h"
#include "engine/session.h"
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

using ForcedKernels = std::map<std::string, std::string>;
std::vector<float> logits(const Oracle& o, const GraphOptions& graph, int64_t n_ubatch, bool poison = false,
                          std::vector<Isa> isas = {}, ForcedKernels forced = {});

// A small model with random F32 weights; its law is the naive graph on the scalar reference kernels.
Oracle make_oracle(Architecture arch) {
  MadeModel made(arch);
  Oracle o;
  o.file = std::move(made.file);
  o.model = made.model;
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
                          std::vector<Isa> isas, ForcedKernels forced) {
  SessionOptions options;
  options.n_ubatch = n_ubatch;
  options.n_threads = 2;
  options.k_type = options.v_type = DType::kF32;
  options.graph = graph;
  options.poison_dead = poison;
  options.policy.isas = std::move(isas);
  options.policy.forced = std::move(forced);
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

// The naive graph holds its number of KV rows, so the plan of a shape serves only so long a context: over the
// end of one and back, with tokens one by one and in pieces.
TEST(NaivePlans, FitTheLengthOfTheContext) {
  const Oracle o = make_oracle(Architecture::kQwen3);
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 600; ++i) ids.push_back(i * 37 % 997);
  const auto last_rows = [&](const GraphOptions& graph) {
    SessionOptions options;
    options.n_threads = 2;
    options.k_type = options.v_type = DType::kF32;
    options.graph = graph;
    auto session = Session::create(o.model, options).take();
    SequenceState sequence = session->new_sequence();
    std::vector<float> all;
    const auto feed = [&](size_t n) {
      const auto at = static_cast<size_t>(sequence.length());
      auto rows = session->forward(sequence, std::span(ids).subspan(at, n), LogitRows::kLast);
      EXPECT_TRUE(rows.ok()) << rows.error().message();
      if (rows.ok()) all.insert(all.end(), rows->logits.f32(0), rows->logits.f32(0) + 1024);
    };
    feed(200);
    const StateSnapshot mark = sequence.snapshot();
    feed(54);
    while (sequence.length() < 259) feed(1);
    feed(54);
    feed(200);
    feed(1);
    sequence.rollback(mark);
    feed(1);
    feed(54);
    feed(2);
    feed(200);
    return all;
  };
  const std::vector<float> naive_rows = last_rows(naive()), optimized = last_rows({});
  ASSERT_EQ(naive_rows.size(), optimized.size());
  for (size_t at = 0; at < naive_rows.size(); at += 1024) {
    const auto row = [&](const std::vector<float>& all) {
      return std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(at),
                                all.begin() + static_cast<std::ptrdiff_t>(at) + 1024);
    };
    EXPECT_LE(nmse(row(naive_rows), row(optimized)), 1e-10) << "run " << at / 1024;
  }
}

INSTANTIATE_TEST_SUITE_P(All, GraphModes,
                         testing::Values("made_qwen3", "made_qwen3moe", "made_qwen3next", "made_qwen35",
                                         "made_qwen35moe", "qwen3", "qwen3moe", "qwen3next", "qwen35",
                                         "qwen35moe"),
                         [](const auto& arch) { return arch.param; });

// A made model whose matrices are stored as NVFP4 with a factor each (experts one per expert); the law is the
// same model with the factors multiplied into F32 weights.
struct ScaledModel : testing::TestWithParam<Architecture> {
  void SetUp() override {
    ModelShape shape = tiny_shape(GetParam());
    std::vector<TensorSpec> specs = published_tensors(shape);
    // One block in the form that has gate and up of the experts in one stack.
    const auto fused = [](const TensorSpec& s) {
      return s.name == "blk.1.ffn_gate_exps.weight" || s.name == "blk.1.ffn_up_exps.weight";
    };
    if (std::erase_if(specs, fused) > 0)
      specs.push_back({"blk.1.ffn_gate_up_exps.weight",
                       Shape(shape.hp.n_experts, 2 * int64_t{shape.hp.n_ff_expert}, shape.hp.n_embd),
                       TensorRole::kExperts});
    ModelFileForTest stored = ModelFileForTest::with_keys(shape.hp), meant = stored;
    ThreadTeam team(1);
    RandomWeights weights(1, team);
    for (const TensorSpec& spec : specs) {
      // The router stays as it is in such files, and so does the choice of experts.
      const bool scaled = spec.role != TensorRole::kVector && spec.role != TensorRole::kEmbedding &&
                          !spec.name.ends_with("ffn_gate_inp.weight");
      const DType type = scaled ? DType::kNVFP4 : DType::kF32;
      std::vector<std::byte> bytes(static_cast<size_t>(tensor_bytes(type, spec.shape)));
      weights.fill(spec, type, 0, bytes);
      std::vector<float> values(static_cast<size_t>(spec.shape.elements()));
      dequantize_row(type, bytes.data(), values.data(), spec.shape.elements());
      stored.tensors.push_back({spec.name, type, spec.shape, bytes});
      if (scaled) {
        const auto n = static_cast<size_t>(spec.role == TensorRole::kExperts ? spec.shape.dim[0] : 1);
        std::vector<float> factors(n);
        for (size_t i = 0; i < n; ++i)
          factors[i] = 0.5f + 0.25f * static_cast<float>((i + stored.tensors.size()) % 6);
        for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[i / (values.size() / n)];
        stored.add(scale_of(spec.name), DType::kF32, Shape(static_cast<int64_t>(n)), factors);
      }
      meant.add(spec.name, DType::kF32, spec.shape, values);
    }
    open(stored_, stored);
    open(meant_, meant);
    meant_.golden = stored_.golden = logits(meant_, naive(), kTokens, false, {Isa::kScalar});
  }

  static constexpr int32_t kTokens = 5;
  static void open(Oracle& o, ModelFileForTest& file) {
    o.file = file.encode();
    auto model = Model::load_embedded(o.file, "made model");
    ASSERT_TRUE(model.ok()) << model.error().message();
    o.model = *model;
    for (int32_t i = 0; i < kTokens; ++i) o.ids.push_back(i * 37 % 997);
  }
  // Without rounding of activations: only then are the two models equal but for the order of arithmetic.
  double exact_error(const GraphOptions& graph, int64_t n_ubatch) const {
    const ForcedKernels exact = {{"matmul", "reference"},
                                 {"linear", "reference"},
                                 {"moe", "reference"},
                                 {"expert_matmul", "reference"},
                                 {"routed_experts", "reference"}};
    const bool padded = n_ubatch > kTokens;  // poison is then what padding rows are made of
    return nmse(logits(stored_, graph, n_ubatch, padded, {}, exact), stored_.golden);
  }
  Oracle stored_, meant_;
};

TEST_P(ScaledModel, EqualsTheModelWithTheFactorsInItsWeights) {
  // With 64 the plan is for more rows than there are tokens.
  for (const int64_t n_ubatch : {kTokens, 1, 64}) {
    EXPECT_LE(exact_error(naive(), n_ubatch), 1e-10) << "ubatch " << n_ubatch;
    EXPECT_LE(exact_error({}, n_ubatch), 1e-10) << "ubatch " << n_ubatch;
  }
  for (size_t i = 0; i < all_passes().size(); ++i) {
    GraphOptions options;
    options.passes.verify_each = true;
    options.passes.off = {all_passes()[i]->name};
    EXPECT_LE(exact_error(options, kTokens), 1e-10) << "without " << all_passes()[i]->name;
    options.passes.off = {};
    options.passes.first_n = static_cast<int>(i) + 1;
    EXPECT_LE(exact_error(options, 1), 1e-10) << "up to " << all_passes()[i]->name;
  }
}

// With the kernels that a user gets, which round activations to 8 bits. In a small model with random weights
// that costs up to 2e-2 (another expert may be chosen); without the factors it is 0.9 and more.
TEST_P(ScaledModel, ComesNearWithRoundedActivations) {
  for (const int64_t n_ubatch : {kTokens, 1})
    for (const GraphOptions& graph : {naive(), GraphOptions{}})
      EXPECT_LE(nmse(logits(stored_, graph, n_ubatch), stored_.golden), 0.3) << "ubatch " << n_ubatch;
}

INSTANTIATE_TEST_SUITE_P(Families, ScaledModel,
                         testing::Values(Architecture::kQwen3, Architecture::kQwen3Moe,
                                         Architecture::kQwen3Next, Architecture::kQwen35,
                                         Architecture::kQwen35Moe),
                         [](const auto& arch) { return facts(arch.param).name; });

}  // namespace
}  // namespace gannet
