#include "graph_run.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>

#include "backend/api/state_view.h"
#include "base/philox.h"
#include "exec/plan.h"
#include "ops/catalogue.h"
#include "passes/compile.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

constexpr int64_t kPast = 5, kPageTokens = 8, kPages = 16;

// N(0, scale) from the name.
class Draws {
 public:
  explicit Draws(const std::string& name) {
    for (const char c : name) key_ = (key_ ^ static_cast<uint8_t>(c)) * 1099511628211u;
  }
  float normal(double scale) {
    const auto words = philox4x32(key_, 0, counter_++);
    const double radius = std::sqrt(-2.0 * std::log(philox_uniform(words[0])));
    return static_cast<float>(scale * radius * std::cos(6.283185307179586 * philox_uniform(words[1])));
  }

 private:
  uint64_t key_ = 1469598103934665603u, counter_ = 0;
};

struct Memory {
  std::vector<std::unique_ptr<std::byte[]>> blocks;
  std::byte* take(int64_t bytes) {
    blocks.push_back(std::make_unique<std::byte[]>(static_cast<size_t>(bytes) + 64));
    const auto at = reinterpret_cast<uintptr_t>(blocks.back().get());
    return reinterpret_cast<std::byte*>((at + 63) / 64 * 64);
  }
};

// The real name of a widened parameter.
std::string stored_name(const std::string& name) {
  return name.starts_with("f32:") ? name.substr(4) : name;
}

TensorView make_tensor(Memory& memory, const std::string& name, const TensorType& type) {
  const int64_t n = type.shape.last(), rows = type.shape.rows(), stride = row_bytes(type.dtype, n);
  std::byte* data = memory.take(rows * stride);
  Draws draws(stored_name(name));
  std::vector<float> row(static_cast<size_t>(n));
  for (int64_t r = 0; r < rows; ++r) {
    for (float& v : row) v = draws.normal(0.5);
    // Widened parameters hold what the narrow ones do, F16 or BF16.
    if (name.starts_with("f32:") || type.dtype == DType::kF16)
      for (float& v : row) {
        std::byte narrow[4];
        quantize_row(DType::kBF16, &v, narrow, 1);
        dequantize_row(DType::kBF16, narrow, &v, 1);
      }
    if (type.dtype == DType::kF32)
      std::memcpy(data + r * stride, row.data(), static_cast<size_t>(stride));
    else
      quantize_row(type.dtype, row.data(), data + r * stride, n);
  }
  return contiguous_view(data, type.dtype, type.shape);
}

void fill_input(const Value& input, const TensorView& view, int64_t n_past) {
  if (input_source_info(input.source).scope == InputScope::kConstant)
    return fill_constant_input(input.source, view);
  if (input.source == InputSource::kCausalMask) return fill_causal_mask(view, n_past);
  if (view.dtype == DType::kI32) {
    const bool positions = input.source == InputSource::kPositions;
    for (int64_t i = 0; i < view.shape.elements(); ++i)
      view.as<int32_t>()[i] = static_cast<int32_t>(positions ? n_past + i : i * 3 % 7);
    return;
  }
  Draws draws(input.name);
  for (int64_t i = 0; i < view.shape.elements(); ++i) view.as<float>()[i] = draws.normal(1.0);
}

void append(std::vector<float>& out, const TensorView& view) {
  if (view.dtype == DType::kI32) {
    for (int64_t i = 0; i < view.shape.elements(); ++i)
      out.push_back(static_cast<float>(view.as<int32_t>()[i]));
    return;
  }
  for (int64_t r = 0; r < view.shape.rows(); ++r) {
    const auto* row = reinterpret_cast<const float*>(view.flat_row(r));
    out.insert(out.end(), row, row + view.shape.last());
  }
}

}  // namespace

GraphRun run_graph(const Graph& graph, const std::vector<Isa>& isas) {
  Memory memory;
  std::map<std::string, std::unique_ptr<KvView>> kvs;
  std::map<std::string, std::unique_ptr<RecurrentView>> recurrents;
  std::map<std::string, int64_t> elements;
  std::vector<std::vector<std::byte*>> page_tables;
  std::map<std::string, int64_t> kv_bytes;
  int64_t n_tokens = 1;
  for (const Value& v : graph.values) {
    if (v.source == InputSource::kTokens || v.source == InputSource::kPositions)
      n_tokens = v.type.shape.dim[0];
    if (v.kind != ValueKind::kState) continue;
    Draws draws(v.name);
    if (v.type.dtype == DType::kRecurrent) {
      const int64_t n = v.type.shape.elements();
      auto* data = reinterpret_cast<float*>(memory.take(4 * n));
      for (int64_t i = 0; i < n; ++i) data[i] = draws.normal(0.5);
      recurrents[v.name] = std::make_unique<RecurrentView>(RecurrentView{data, data});
      elements[v.name] = n;
      continue;
    }
    const int64_t part = 4 * v.type.shape.elements() * kPageTokens;
    std::vector<std::byte*> pages;
    for (int64_t p = 0; p < kPages; ++p) {
      pages.push_back(memory.take(2 * part));
      for (int64_t i = 0; i < 2 * part / 4; ++i)
        reinterpret_cast<float*>(pages.back())[i] = draws.normal(0.5);
    }
    page_tables.push_back(std::move(pages));
    kvs[v.name] =
        std::make_unique<KvView>(KvView{page_tables.back().data(), 0, part, kPageTokens, v.type.shape.dim[0],
                                        v.type.shape.dim[1], DType::kF32, DType::kF32, kPast});
    kv_bytes[v.name] = 2 * part;
  }
  PlanOptions options;
  options.policy.isas = isas;
  options.n_threads = 2;
  options.poison_dead = true;
  auto plan = Plan::make(
      graph, all_kernels(), options,
      [&](const std::string& name) {
        for (const Value& v : graph.values)
          if (v.kind == ValueKind::kParam && v.name == name) return make_tensor(memory, name, v.type);
        return TensorView{};
      },
      [&](const std::string& name) -> void* {
        if (const auto it = kvs.find(name); it != kvs.end()) return it->second.get();
        return recurrents.at(name).get();
      },
      std::make_shared<Arena>());
  GraphRun result;
  EXPECT_TRUE(plan.ok()) << plan.error().message();
  if (!plan.ok()) return result;
  ThreadTeam team(2);
  for (int run = 0; run < 2; ++run) {
    for (const Value& v : graph.values)
      if (v.kind == ValueKind::kInput) fill_input(v, plan->input(v.name), kPast + run * n_tokens);
    plan->run(team);
    for (const GraphOutput& out : graph.outputs) append(result.values[out.name], plan->output(out.name));
    for (auto& [name, kv] : kvs) kv->n_past += n_tokens;
  }
  for (const auto& [name, state] : recurrents)
    result.values["state " + name].assign(state->write, state->write + elements[name]);
  for (const auto& [name, kv] : kvs)
    for (int64_t p = 0; p * kPageTokens < kv->n_past; ++p) {
      const auto* page = reinterpret_cast<const float*>(kv->pages[p]);
      auto& all = result.values["state " + name];
      all.insert(all.end(), page, page + kv_bytes[name] / 4);
    }
  return result;
}

GraphRun run_on_reference(const Graph& graph) {
  return run_graph(graph, {Isa::kScalar});
}

void expect_same(const GraphRun& a, const GraphRun& b, double nmse) {
  for (const auto& [name, x] : a.values) {
    ASSERT_TRUE(b.values.count(name)) << name;
    const std::vector<float>& y = b.values.at(name);
    ASSERT_EQ(x.size(), y.size()) << name;
    if (nmse == 0) {
      size_t different = 0;
      for (size_t i = 0; i < x.size(); ++i) different += std::memcmp(&x[i], &y[i], 4) != 0 && x[i] != y[i];
      EXPECT_EQ(different, 0u) << name << ": values differ";
      continue;
    }
    double error = 0, power = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      error += (double{x[i]} - y[i]) * (double{x[i]} - y[i]);
      power += double{x[i]} * x[i];
    }
    EXPECT_TRUE(error <= nmse * power) << name << ": " << error / power;
  }
}

}  // namespace gannet
