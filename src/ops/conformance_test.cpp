// Every kernel of every op that this machine can run, on every case, against the reference kernel: with one
// thread and with three (which must agree to the bit), operands dense and strided, recurrent states in place
// and not. Then the decompositions, run on reference kernels, against the ops they decompose.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "ir/graph.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"

namespace gannet {

// How GoogleTest shows a case.
void PrintTo(const OpCase& op_case, std::ostream* out) {
  *out << op_case.op->name << "/" << op_case.name;
}

namespace {

// Composite ops in a decomposition run on their own reference kernels. F32 roundings between the simpler ops
// remain.
constexpr double kDecompositionNmse = 1e-12;

// In chunks of tokens the published gated delta rule takes exp of differences of running sums of log decays.
// The sums reach hundreds, so in F32 the differences are off by up to 1e-5, and as much, relatively, is what
// comes of them.
constexpr double kChunkedDeltaNmse = 1e-10;

double decomposition_nmse(const OpDef& op) {
  return std::strcmp(op.name, "gated_delta_rule") == 0 ? kChunkedDeltaNmse : kDecompositionNmse;
}

// The inputs that decompositions ask for: masks that are ordinary inputs to the graph, by their source.
// n_past is that of the KV cache of the case.
class MaskInputs {
 public:
  void bind(const Graph& graph, int64_t n_past, std::map<std::string, TensorView>& bound) {
    for (const Value& value : graph.values) {
      if (value.kind != ValueKind::kInput || bound.contains(value.name)) continue;
      buffers_.push_back(std::make_unique<GuardedBuffer>(type_bytes(value.type)));
      auto* out = reinterpret_cast<float*>(buffers_.back()->data());
      const auto fill = [&](auto f) {
        for (int64_t i = 0; i < value.type.shape.dim[0]; ++i)
          for (int64_t j = 0; j < value.type.shape.dim[1]; ++j) *out++ = f(i, j);
      };
      if (value.source == InputSource::kLower)
        fill([](int64_t i, int64_t j) { return j <= i ? 1.0f : 0.0f; });
      else if (value.source == InputSource::kStrict)
        fill([](int64_t i, int64_t j) { return j < i ? 1.0f : 0.0f; });
      else if (value.source == InputSource::kEye)
        fill([](int64_t i, int64_t j) { return j == i ? 1.0f : 0.0f; });
      else if (value.source == InputSource::kCausalMask)
        fill([&](int64_t i, int64_t j) { return j <= n_past + i ? 0.0f : -INFINITY; });
      else
        ADD_FAILURE() << "unknown input " << value.name;
      bound[value.name] = contiguous_view(buffers_.back()->data(), value.type.dtype, value.type.shape);
    }
  }

 private:
  std::vector<std::unique_ptr<GuardedBuffer>> buffers_;
};

ThreadTeam& team(int n_threads) {
  static ThreadTeam one(1), three(3);
  return n_threads == 1 ? one : three;
}

bool machine_has(Isa isa) {
  static const std::vector<Isa> isas = machine_isas();
  return std::find(isas.begin(), isas.end(), isa) != isas.end();
}

std::vector<const KernelInfo*> kernels_of(const OpDef& op) {
  std::vector<const KernelInfo*> kernels;
  for (const KernelInfo* kernel : all_kernels().kernels())
    if (std::strcmp(kernel->op, op.name) == 0) kernels.push_back(kernel);
  return kernels;
}

const KernelInfo& reference_of(const OpDef& op) {
  for (const KernelInfo* kernel : kernels_of(op))
    if (std::strcmp(kernel->name, "reference") == 0) return *kernel;
  GANNET_CHECK(false, "op without a reference kernel");
}

bool accepts(const KernelInfo& kernel, const OpSite& site) {
  return kernel.refuses == nullptr || kernel.refuses(site) == nullptr;
}

bool same(const Outcome& a, const Outcome& b) {
  const auto bits = [](const std::vector<float>& x, const std::vector<float>& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
  };
  return a.results == b.results && a.pages == b.pages &&
         std::equal(a.recurrent.begin(), a.recurrent.end(), b.recurrent.begin(), b.recurrent.end(), bits);
}

bool has_recurrent(const CaseData& data) {
  return std::any_of(data.operand_types.begin(), data.operand_types.end(),
                     [](const TensorType& type) { return type.dtype == DType::kRecurrent; });
}

bool has_any_stride(const OpCase& op_case) {
  for (size_t i = 0; i < op_case.operands.size(); ++i)
    if (op_case.operands[i].strided && operand_def(*op_case.op, i).access == Access::kAny) return true;
  return false;
}

bool has_strided(const OpCase& op_case) {
  return std::any_of(op_case.operands.begin(), op_case.operands.end(), [](const CaseOperand& operand) {
    return operand.strided || operand.type.dtype == DType::kKvCache;
  });
}

Outcome run_checked(const CaseData& data, const RunOptions& options, const KernelInfo& kernel,
                    int n_threads) {
  CaseRun run(data, options);
  run.run(kernel, team(n_threads));
  for (const std::string& fault : run.faults()) ADD_FAILURE() << fault;
  return run.outcome();
}

class Conformance : public testing::TestWithParam<OpCase> {};

TEST_P(Conformance, KernelsAgreeWithReference) {
#ifdef GANNET_EMULATED
  if (GetParam().bench) GTEST_SKIP() << "model-sized case, too slow on an emulated machine";
#endif
  const CaseData data = make_case_data(GetParam());
  const KernelInfo& reference = reference_of(*data.op_case.op);

  // KV pages of another size are other bytes, so the reference runs for each layout.
  std::vector<RunOptions> layouts = {{}};
  if (has_strided(data.op_case)) layouts.push_back({.strided = true});
  if (has_any_stride(data.op_case)) {
    layouts.push_back({.permuted = true});
    layouts.push_back({.strided = true, .permuted = true});
  }
  for (const RunOptions& layout : layouts) {
    const Outcome expected = run_checked(data, layout, reference, 1);
    for (const KernelInfo* kernel : kernels_of(*data.op_case.op)) {
      if (!machine_has(kernel->isa) || !accepts(*kernel, data.site())) continue;
      if (kernel == &reference && data.op_case.bench) continue;  // slow, and judged on the small cases
      SCOPED_TRACE(fmt::format("kernel {}, {}{}", kernel->name, layout.strided ? "strided" : "dense",
                               layout.permuted ? " and permuted" : ""));
      const Outcome one = run_checked(data, layout, *kernel, 1);
      for (const std::string& fault : compare(data, one, expected, data.op_case.nmse)) ADD_FAILURE() << fault;
      const Outcome three = run_checked(data, layout, *kernel, 3);
      EXPECT_TRUE(same(one, three)) << "1 and 3 threads differ";
      if (data.op_case.op->writes_state && has_recurrent(data)) {
        const Outcome in_place = run_checked(
            data, {.strided = layout.strided, .permuted = layout.permuted, .same_state = true}, *kernel, 3);
        EXPECT_TRUE(same(one, in_place)) << "the state written in place differs";
      }
    }
  }
}

// Values of a graph in memory, its nodes run in order on reference kernels. `bound` gives the views of
// inputs, params and states by name.
class Interpreter {
 public:
  Interpreter(const Graph& graph, const std::map<std::string, TensorView>& bound) : graph_(graph) {
    for (const Value& value : graph.values) {
      if (value.kind != ValueKind::kResult) {
        views_.push_back(bound.at(value.name));
        continue;
      }
      buffers_.push_back(std::make_unique<GuardedBuffer>(type_bytes(value.type)));
      views_.push_back(contiguous_view(buffers_.back()->data(), value.type.dtype, value.type.shape));
    }
  }

  void run() {
    for (const Node& node : graph_.nodes) {
      const Graph::Site s = graph_.site(node);
      std::vector<TensorView> operands, results;
      for (const ValueId id : node.operands)
        operands.push_back(id == kNoValue ? TensorView{} : views_[static_cast<size_t>(id)]);
      if (node.op->view != nullptr) {
        views_[static_cast<size_t>(node.results[0])] = node.op->view(s.site, operands[0]);
        continue;
      }
      for (const ValueId id : node.results) results.push_back(views_[static_cast<size_t>(id)]);
      const KernelInfo& kernel = reference_of(*node.op);
      GuardedBuffer workspace(kernel.workspace ? kernel.workspace(s.site, 1) : 0);
      const KernelArgs args{operands.data(), results.data(), node.attrs.raw.data(), workspace.data(),
                            static_cast<int>(operands.size())};
      team(1).run([&](Worker& worker) { kernel.run(args, worker); });
      EXPECT_TRUE(workspace.guards_intact());
    }
    for (const auto& buffer : buffers_) EXPECT_TRUE(buffer->guards_intact());
  }

  const TensorView& view(ValueId id) const { return views_[static_cast<size_t>(id)]; }

 private:
  const Graph& graph_;
  std::vector<std::unique_ptr<GuardedBuffer>> buffers_;
  std::vector<TensorView> views_;
};

// The decomposition of the case's op with `more` rows of the cache than there are tokens.
void check_decomposition(const CaseData& data, int64_t more) {
  const OpDef& op = *data.op_case.op;
  GraphBuilder builder("decomposition");
  CaseRun memory(data, {});
  std::map<std::string, TensorView> bound;
  std::vector<ValueId> ids;
  int64_t n_past = 0;
  for (size_t i = 0; i < data.operands.size(); ++i) {
    if (data.operands[i].absent()) {
      ids.push_back(kNoValue);
      continue;
    }
    const std::string name = fmt::format("{} {}", operand_def(op, i).name, i);
    const DType dtype = data.operand_types[i].dtype;
    const bool state = dtype == DType::kKvCache || dtype == DType::kRecurrent;
    if (dtype == DType::kKvCache) n_past = data.operands[i].n_past;
    ids.push_back(state ? builder.state(name, data.operand_types[i])
                        : builder.input(name, data.operand_types[i]));
    bound[name] = memory.operands()[i];
  }
  const DecomposeContext context{.n_kv = n_past + data.operand_types[0].shape.dim[0] + more};
  const std::vector<ValueId> results = op.decompose(builder, data.site(), ids, context);
  if (results.empty()) return;  // this use is primitive
  for (size_t i = 0; i < results.size(); ++i) builder.output(fmt::format("result {}", i), results[i]);
  Result<Graph> graph = builder.finish();
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  const auto verified = verify_graph(*graph);
  ASSERT_TRUE(verified.ok()) << verified.error().message();
  ASSERT_EQ(results.size(), data.result_types.size());
  for (const Node& node : graph->nodes)
    EXPECT_FALSE(node.op == &op && node.operands == ids) << "decomposes into itself";

  MaskInputs masks;
  masks.bind(*graph, n_past, bound);
  Interpreter interpreter(*graph, bound);
  interpreter.run();
  Outcome outcome = memory.outcome();
  for (size_t i = 0; i < results.size(); ++i) {
    const TensorView& view = interpreter.view(results[i]);
    ASSERT_EQ(graph->type(results[i]), data.result_types[i]);
    ASSERT_TRUE(is_contiguous(view));
    outcome.results[i].assign(view.data, view.data + tensor_bytes(view.dtype, view.shape));
  }
  for (const std::string& fault : memory.faults()) ADD_FAILURE() << fault;
  const Outcome expected = run_checked(data, {}, reference_of(op), 1);
  for (const std::string& fault : compare(data, outcome, expected, decomposition_nmse(op)))
    ADD_FAILURE() << fault;
}

TEST_P(Conformance, DecompositionMeansTheSame) {
  if (GetParam().op->decompose == nullptr || GetParam().bench) return;
  const CaseData data = make_case_data(GetParam());
  check_decomposition(data, 0);
  const bool cached = std::any_of(data.operand_types.begin(), data.operand_types.end(),
                                  [](const TensorType& type) { return type.dtype == DType::kKvCache; });
  if (!cached) return;
  SCOPED_TRACE("more rows of the cache than tokens");
  check_decomposition(data, 37);
}

// Samples stand in for real uses, so each must be a legal use with the result it was made for, and the real
// uses among the cases must have the structure (ops in order) of one of them.
TEST_P(Conformance, ASampleHasItsStructure) {
  const OpDef& op = *GetParam().op;
  if (op.samples == nullptr || GetParam().bench) return;
  const CaseData data = make_case_data(GetParam());
  const auto structure = [&](const std::vector<TensorType>& operands, const AttrBytes& attrs) {
    const OpSite types{operands.data(), static_cast<int>(operands.size()), nullptr, 0, attrs.raw.data()};
    const auto results = op.infer(types);
    EXPECT_TRUE(results.ok()) << results.error().message();
    if (!results.ok()) return std::string();
    EXPECT_EQ((*results)[0].shape.rank, data.result_types[0].shape.rank);
    EXPECT_EQ((*results)[0].shape.dim[0], data.result_types[0].shape.dim[0]);
    const OpSite site{operands.data(), types.n_operands, results->data(), static_cast<int>(results->size()),
                      attrs.raw.data()};
    GraphBuilder builder("sample");
    std::vector<ValueId> ids;
    for (const TensorType& type : operands) {
      const std::string name = fmt::format("operand {}", ids.size());
      const bool state = type.dtype == DType::kKvCache || type.dtype == DType::kRecurrent;
      ids.push_back(type.shape.rank == 0 ? kNoValue
                    : state              ? builder.state(name, type)
                                         : builder.input(name, type));
    }
    for (const ValueId id : op.decompose(builder, site, ids, {.n_kv = 512}))
      builder.output(fmt::format("{}", id), id);
    Result<Graph> graph = builder.finish();
    EXPECT_TRUE(graph.ok()) << graph.error().message();
    std::string text;
    if (!graph.ok()) return text;
    for (const Node& node : graph->nodes) {
      text += node.op->name;
      for (const ValueId id : node.operands) text += fmt::format(" {}", id);
      text += "\n";
    }
    return text;
  };
  const std::string real = structure(data.operand_types, data.op_case.attrs);
  const std::vector<OpSample> samples = op.samples(data.result_types[0]);
  if (real.empty() || samples.empty()) return;  // primitive, or not looked for in this size
  // Several weights and rounded activations come from passes of their own, nobody looks for them.
  if (op.operands.back().variadic) return;
  for (const TensorType& type : data.operand_types)
    if (type.dtype == DType::kAct8) return;
  bool found = false;
  for (const OpSample& sample : samples) found = found || structure(sample.operands, sample.attrs) == real;
  EXPECT_TRUE(found) << real;
}

INSTANTIATE_TEST_SUITE_P(All, Conformance, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}__{}", test.param.op->name, test.param.name);
                         });

OpCase case_named(const std::string& op, const std::string& name) {
  for (const OpCase& op_case : all_cases())
    if (op == op_case.op->name && name == op_case.name) return op_case;
  GANNET_CHECK(false, "no such case");
}

// One value of the first row that is not finite, in every place in turn, does the same in every kernel.
TEST(NotFinite, IsSeenInEveryPlace) {
  const OpCase cases[] = {
      case_named("quantize", "t3_n352_padded"), case_named("norm_quantize", "t1_n32"),
      case_named("router", "t3_e37_k5"),        case_named("top_k", "t3_n37_k5"),
      case_named("top_logits", "t3_n37_k5"),    case_named("attention", "t2_h4of2_d64_past5_f16")};
  for (const OpCase& op_case : cases) {
    const std::string op = op_case.op->name;
    const bool rounds = op == "quantize" || op == "norm_quantize";  // infinity is as bad as NaN
    CaseData data = make_case_data(op_case);
    auto* row = reinterpret_cast<float*>(data.operands[0].bytes.data());
    for (int64_t at = 0; at < data.operand_types[0].shape.last(); ++at)
      for (const float bad : {NAN, INFINITY, -INFINITY}) {
        if (!rounds && !std::isnan(bad)) continue;
        const float before = std::exchange(row[at], bad);
        const Outcome expected = run_checked(data, {}, reference_of(*op_case.op), 1);
        for (const KernelInfo* kernel : kernels_of(*op_case.op)) {
          if (!machine_has(kernel->isa) || !accepts(*kernel, data.site())) continue;
          const Outcome got = run_checked(data, {}, *kernel, 1);
          for (const std::string& fault : compare(data, got, expected, op_case.nmse))
            ADD_FAILURE() << op << " " << kernel->name << ", " << bad << " at " << at << ": " << fault;
        }
        row[at] = before;
      }
  }
}

TEST(Kernels, NamesAreUniqueAndOpsExist) {
  std::set<std::string> seen;
  for (const KernelInfo* kernel : all_kernels().kernels()) {
    EXPECT_NE(find_op(all_ops(), kernel->op), nullptr) << kernel->op;
    EXPECT_TRUE(seen.insert(fmt::format("{}/{}", kernel->op, kernel->name)).second)
        << kernel->op << " has two kernels named " << kernel->name;
  }
}

TEST(Kernels, EveryOneHasACase) {
  std::vector<CaseData> all;
  for (const OpCase& op_case : all_cases())
    if (!op_case.bench) all.push_back(make_case_data(op_case));
  for (const KernelInfo* kernel : all_kernels().kernels()) {
    const bool judged = std::any_of(all.begin(), all.end(), [&](const CaseData& data) {
      return std::strcmp(data.op_case.op->name, kernel->op) == 0 && accepts(*kernel, data.site());
    });
    EXPECT_TRUE(judged) << kernel->op << "/" << kernel->name << " accepts no case that is not model-sized";
  }
}

TEST(Kernels, EveryOpHasAReferenceThatRefusesNothing) {
  for (const OpDef* op : all_ops()) {
    if (op->view != nullptr) continue;
    const KernelInfo& reference = reference_of(*op);
    EXPECT_EQ(reference.isa, Isa::kScalar) << op->name;
    EXPECT_EQ(reference.refuses, nullptr) << op->name;
  }
}

// The runner itself must notice what it is there to notice.
void add_but_careless(const KernelArgs& args, Worker& worker) {
  if (worker.index() != 0) return;
  const TensorView &a = args.operands[0], &b = args.operands[1], &y = args.results[0];
  for (int64_t r = 0; r < y.shape.rows(); ++r)
    for (int64_t i = 0; i < (y.shape.last() + 7) / 8 * 8; ++i)  // whole vectors only
      y.f32(r)[i] = a.f32(r)[i] + b.f32(r)[i];
}

TEST(Runner, NoticesWritesBeyondTheResult) {
  const CpuKernel careless{"add", "careless", Isa::kScalar, 0, nullptr, nullptr, add_but_careless};
  for (const OpCase& op_case : all_cases()) {
    if (op_case.name != "t7_n1000" && op_case.name != "t9_n77_column") continue;
    if (std::strcmp(op_case.op->name, "add") != 0) continue;
    OpCase odd = op_case;
    for (CaseOperand& operand : odd.operands) operand.type.shape = Shape(2, 13);
    const CaseData data = make_case_data(odd);
    CaseRun run(data, {});
    run.run(KernelInfo(careless), team(1));
    EXPECT_EQ(run.faults(), std::vector<std::string>{"wrote outside of result 0"});
    return;
  }
  FAIL() << "no case of add to borrow";
}

TEST(Runner, ComparesStrictly) {
  const float a[] = {1, 2, 3}, b[] = {1, 2, 3.0000002f}, nan[] = {1, NAN, 3}, inf[] = {1, INFINITY, 3};
  EXPECT_EQ(normalised_error(a, a, 3), 0);
  EXPECT_GT(normalised_error(a, b, 3), 0);
  EXPECT_LT(normalised_error(a, b, 3), 1e-14);
  EXPECT_EQ(normalised_error(nan, nan, 3), 0);
  EXPECT_EQ(normalised_error(nan, a, 3), INFINITY);
  EXPECT_EQ(normalised_error(a, nan, 3), INFINITY);
  EXPECT_EQ(normalised_error(inf, a, 3), INFINITY);
  EXPECT_EQ(normalised_error(nan, inf, 3), INFINITY);
}

}  // namespace
}  // namespace gannet
