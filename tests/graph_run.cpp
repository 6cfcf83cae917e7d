#include "graph_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "backend/api/state_view.h"
#include "backend/cpu/cpu_device.h"
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

// The real name of a widened parameter.
std::string stored_name(const std::string& name) {
  return name.starts_with("f32:") ? name.substr(4) : name;
}

// Made once: graphs are run several times.
const std::vector<std::byte>& tensor_data(const std::string& name, const TensorType& type) {
  static std::map<std::string, std::vector<std::byte>> made;
  const auto [it, fresh] = made.try_emplace(name + " " + to_text(type));
  if (!fresh) return it->second;
  const int64_t n = type.shape.last(), rows = type.shape.rows(), stride = row_bytes(type.dtype, n);
  it->second.resize(static_cast<size_t>(rows * stride));
  std::byte* data = it->second.data();
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
  return it->second;
}

void fill_input(const ProgramInput& input, const TensorView& view, int64_t n_past) {
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

// Of a run: what an op that walks the rows of a sequence is given, else what inputs tell.
int64_t tokens_of(const Graph& graph) {
  for (const Node& node : graph.nodes)
    for (const char* name :
         {"attention", "attention_mixer", "causal_conv", "delta_mixer", "gated_delta_rule", "kv_append"})
      if (std::string_view(node.op->name) == name)
        for (const ValueId id : node.operands)
          if (id != kNoValue && graph.values[static_cast<size_t>(id)].kind != ValueKind::kState)
            return graph.type(id).shape.dim[0];
  for (const Value& v : graph.values)
    if (v.source == InputSource::kTokens || v.source == InputSource::kPositions) return v.type.shape.dim[0];
  for (const Value& v : graph.values)
    if (v.kind == ValueKind::kInput) return v.type.shape.dim[0];
  return 1;
}

// Parameters and states of a graph in memory of a device. The states are those of one sequence, all in the
// same pages and the same base.
class OnDevice {
 public:
  OnDevice(const Graph& graph, std::shared_ptr<Device> device) : device_(std::move(device)) {
    for (const Value& v : graph.values) {
      if (v.kind == ValueKind::kParam) params_[v.name] = put(tensor_data(v.name, v.type), v.type);
      if (v.kind == ValueKind::kState) add_state(v);
    }
    const int64_t n_tokens = tokens_of(graph);
    segment_ = {.n_rows = n_tokens,
                .n_past = kPast,
                .pages = page_table_,
                .base_at = kPast,
                .next_base_at = kPast + n_tokens};
    base_ = make_state(base_floats_, 1, base_parts_);
    segment_.base = segment_.next_base = device_->address(base_.at(0));
    pages_ = make_state(page_floats_, kPages, page_parts_);
    for (int64_t p = 0; p < kPages; ++p) page_table_[p] = device_->address(pages_.at(4 * p * page_floats_));
  }

  PlacedTensor param(const std::string& name) const {
    const auto it = params_.find(name);
    return it == params_.end() ? PlacedTensor{} : it->second;
  }
  void* state(const std::string& name) {
    if (const auto it = kvs_.find(name); it != kvs_.end()) return &it->second;
    return &recurrents_.at(name);
  }
  void advance() {
    for (int64_t* at : {&segment_.n_past, &segment_.base_at, &segment_.next_base_at}) *at += segment_.n_rows;
  }

  // What a state holds: all of a recurrent one, the pages in use of a KV cache.
  std::map<std::string, std::vector<float>> contents() const {
    std::map<std::string, std::vector<float>> all;
    const auto read = [&](const DeviceBuffer& from, int64_t at, const Part& part) {
      std::vector<float> values(static_cast<size_t>(part.n));
      device_->download(from.at(4 * (at + part.at)), std::as_writable_bytes(std::span(values))).take();
      all[part.name].insert(all[part.name].end(), values.begin(), values.end());
    };
    for (const Part& part : base_parts_) read(base_, 0, part);
    for (const Part& part : page_parts_)
      for (int64_t p = 0; p * kPageTokens < segment_.n_past; ++p) read(pages_, p * page_floats_, part);
    return all;
  }

 private:
  // Floats of one state in a base or a page.
  struct Part {
    std::string name;
    int64_t at, n;
  };

  PlacedTensor put(const std::vector<std::byte>& bytes, const TensorType& type) {
    buffers_.push_back(DeviceBuffer::allocate(device_, static_cast<int64_t>(bytes.size())).take());
    device_->upload(buffers_.back().at(0), bytes).take();
    return placed_at(buffers_.back().at(0), contiguous_view(nullptr, type.dtype, type.shape));
  }
  void add_state(const Value& v) {
    const bool recurrent = v.type.dtype == DType::kRecurrent;
    int64_t& end = recurrent ? base_floats_ : page_floats_;
    const int64_t n = v.type.shape.elements() * (recurrent ? 1 : kPageTokens);  // of K, and as many of V
    (recurrent ? base_parts_ : page_parts_).push_back({v.name, end, recurrent ? n : 2 * n});
    if (recurrent)
      recurrents_[v.name] = {.step = &step_, .base_offset = 4 * end};
    else
      kvs_[v.name] = {.step = &step_,
                      .k_offset = 4 * end,
                      .v_offset = 4 * (end + n),
                      .page_tokens = kPageTokens,
                      .n_kv_heads = v.type.shape.dim[0],
                      .head_dim = v.type.shape.dim[1],
                      .k_type = DType::kF32,
                      .v_type = DType::kF32};
    end += ((recurrent ? n : 2 * n) + 15) / 16 * 16;
  }
  // `copies` times all parts, each with what its name says.
  DeviceBuffer make_state(int64_t floats, int64_t copies, const std::vector<Part>& parts) {
    std::vector<float> values(static_cast<size_t>(std::max<int64_t>(1, floats * copies)));
    for (const Part& part : parts) {
      Draws draws(part.name);
      for (int64_t copy = 0; copy < copies; ++copy)
        for (int64_t i = 0; i < part.n; ++i)
          values[static_cast<size_t>(copy * floats + part.at + i)] = draws.normal(0.5);
    }
    const std::span<const std::byte> bytes = std::as_bytes(std::span(values));
    DeviceBuffer buffer = DeviceBuffer::allocate(device_, static_cast<int64_t>(bytes.size())).take();
    device_->upload(buffer.at(0), bytes).take();
    return buffer;
  }

  std::shared_ptr<Device> device_;
  std::vector<DeviceBuffer> buffers_;
  std::map<std::string, PlacedTensor> params_;
  DeviceBuffer base_, pages_;
  int64_t base_floats_ = 0, page_floats_ = 0;
  std::vector<Part> base_parts_, page_parts_;
  std::byte* page_table_[kPages] = {};
  StepSegment segment_;
  StepView step_{&segment_, 1};
  std::map<std::string, KvView> kvs_;
  std::map<std::string, RecurrentView> recurrents_;
};

// An output as it is after a run.
void append_output(std::vector<float>& to, const Plan& plan, const std::string& name, Device& device) {
  const PlacedTensor tensor = plan.output_on_device(plan.output_index(name));
  if (tensor.place.buffer == BufferId::kNone) return append(to, plan.output(name));
  std::vector<std::byte> bytes(static_cast<size_t>(extent_bytes(view_at(nullptr, tensor))));
  device.download(tensor.place, bytes).take();
  append(to, view_at(bytes.data(), tensor));
}

}  // namespace

GraphRun run_graph(const Graph& graph, const GraphRunOptions& options) {
  const std::shared_ptr<Device> device =
      options.device == nullptr ? std::make_shared<CpuDevice>() : options.device;
  OnDevice memory(graph, device);
  PlanOptions plan_options;
  plan_options.policy.isas = options.isas;
  plan_options.n_threads = 2;
  plan_options.poison_dead = true;
  plan_options.decompose.n_kv = kPages * kPageTokens;
  auto plan = Plan::make(
      graph, options.kernels == nullptr ? all_kernels() : *options.kernels, plan_options,
      [&](const std::string& name) { return memory.param(name); },
      [&](const std::string& name) { return memory.state(name); }, std::make_shared<Arena>(device));
  GraphRun result;
  EXPECT_TRUE(plan.ok()) << plan.error().message();
  if (!plan.ok()) return result;
  result.taken_apart = plan->taken_apart();
  ThreadTeam team(2);
  for (int run = 0; run < 2; ++run) {
    for (const ProgramInput& input : plan->inputs())
      fill_input(input, plan->input(input.name), kPast + run * tokens_of(graph));
    plan->run(team).take();
    for (const GraphOutput& out : graph.outputs)
      append_output(result.values[out.name], *plan, out.name, *device);
    memory.advance();
  }
  for (auto& [name, values] : memory.contents()) result.values["state " + name] = std::move(values);
  return result;
}

GraphRun run_on_reference(const Graph& graph) {
  return run_graph(graph, {.isas = {Isa::kScalar}});
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
