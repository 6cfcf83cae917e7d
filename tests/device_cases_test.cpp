// The cases of every op, planned as a graph of one step for a device whose memory the host cannot touch:
// operands are uploaded, results and states downloaded, and compared with the reference kernel on the host.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "backend/cpu/isa.h"
#include "backend/testing/guarded_device.h"
#include "exec/plan.h"
#include "ops/case_run.h"
#include "ops/catalogue.h"

namespace gannet {
namespace {

bool is_state(DType type) {
  return type == DType::kKvCache || type == DType::kRecurrent;
}

// The states of a case as it lies on the host, copied to a device.
class StatesOnDevice {
 public:
  StatesOnDevice(const CaseData& data, const CaseRun& run, std::shared_ptr<Device> device)
      : device_(std::move(device)) {
    int64_t base_bytes = 0, page_bytes = 0, page_tokens = 1;
    const StepView* step = nullptr;
    for (size_t i = 0; i < data.operands.size(); ++i) {
      const TensorType& type = data.operand_types[i];
      const std::byte* view = run.operands()[i].data;
      if (data.operands[i].absent() || !is_state(type.dtype)) continue;
      if (type.dtype == DType::kRecurrent) {
        recurrents_[i] = *reinterpret_cast<const RecurrentView*>(view);
        step = recurrents_[i].step;
        base_bytes = std::max(base_bytes, recurrents_[i].base_offset + 4 * type.shape.elements());
      } else {
        const KvView& kv = kvs_[i] = *reinterpret_cast<const KvView*>(view);
        step = kv.step;
        page_tokens = kv.page_tokens;
        const int64_t rows = kv.n_kv_heads * kv.page_tokens;
        page_bytes = std::max(kv.k_offset + rows * row_bytes(kv.k_type, kv.head_dim),
                              kv.v_offset + rows * row_bytes(kv.v_type, kv.head_dim));
      }
    }
    if (step == nullptr) return;
    EXPECT_EQ(step->n_segments, 1);
    segment_ = step->segments[0];
    for (int64_t p = 0; p * page_tokens < segment_.n_past + segment_.n_rows && page_bytes > 0; ++p)
      pages_.push_back(put(segment_.pages[p], page_bytes));
    segment_.pages = pages_.data();
    if (base_bytes > 0) {
      const bool in_place = segment_.next_base == segment_.base;
      segment_.base = put(segment_.base, base_bytes);
      segment_.next_base =
          in_place ? const_cast<std::byte*>(segment_.base) : put(segment_.next_base, base_bytes);
    }
    EXPECT_EQ(segment_.ring_entries, 0) << "cases have no ring yet";
    for (auto& [i, view] : recurrents_) view.step = &step_;
    for (auto& [i, view] : kvs_) view.step = &step_;
  }

  void* view(size_t operand) {
    if (const auto it = kvs_.find(operand); it != kvs_.end()) return &it->second;
    return &recurrents_.at(operand);
  }

  // Copies what is on the device to where it was on the host.
  void bring_back() const {
    for (const Piece& piece : pieces_)
      device_->download(piece.there.at(0), {piece.here, static_cast<size_t>(piece.bytes)}).take();
  }

 private:
  struct Piece {
    std::byte* here;
    int64_t bytes;
    DeviceBuffer there;
  };
  std::byte* put(const std::byte* here, int64_t bytes) {
    pieces_.push_back({const_cast<std::byte*>(here), bytes, DeviceBuffer::allocate(device_, bytes).take()});
    const Place there = pieces_.back().there.at(0);
    device_->upload(there, {here, static_cast<size_t>(bytes)}).take();
    return device_->address(there);
  }

  std::shared_ptr<Device> device_;
  std::vector<Piece> pieces_;
  std::map<size_t, KvView> kvs_;
  std::map<size_t, RecurrentView> recurrents_;
  std::vector<std::byte*> pages_;
  StepSegment segment_;
  StepView step_{&segment_, 1};
};

class DeviceCases : public testing::TestWithParam<OpCase> {};

void run_case(const CaseData& data, const std::vector<Isa>& isas, CaseRun& run) {
  const auto device = std::make_shared<GuardedDevice>();
  StatesOnDevice states(data, run, device);
  GraphBuilder b("case");
  std::vector<ValueId> operands;
  const auto index_of = [](const std::string& name) { return static_cast<size_t>(std::stoul(name)); };
  for (size_t i = 0; i < data.operands.size(); ++i) {
    const TensorType& type = data.operand_types[i];
    const std::string name = std::to_string(i);
    operands.push_back(data.operands[i].absent() ? kNoValue
                       : is_state(type.dtype)    ? b.state(name, type)
                       // Weights come as parameters, and every other operand of the rest.
                       : dtype_info(type.dtype).quantized || i % 2 == 1 ? b.param(name, type)
                                                                        : b.input(name, type));
  }
  const auto results = b.add(*data.op_case.op, operands, data.op_case.attrs.raw.data(), kAttrBytes);
  for (size_t i = 0; i < results.size(); ++i) b.output(fmt::format("result {}", i), results[i]);
  auto graph = b.finish();
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  PlanOptions options;
  options.policy.isas = isas;
  options.n_threads = 3;
  auto plan = Plan::make(
      *graph, all_kernels(), options,
      [&](const std::string& name) {
        const OperandData& operand = data.operands[index_of(name)];
        return placed_at({*bring_to_device(*device, operand.bytes), 0},
                         contiguous_view(nullptr, operand.type.dtype, operand.type.shape));
      },
      [&](const std::string& name) { return states.view(index_of(name)); }, std::make_shared<Arena>(device));
  ASSERT_TRUE(plan.ok()) << plan.error().message();
  ASSERT_EQ(plan->steps().size(), 1u);
  for (const ProgramInput& input : plan->inputs()) {
    const std::vector<std::byte>& bytes = data.operands[index_of(input.name)].bytes;
    std::memcpy(plan->input(input.name).data, bytes.data(), bytes.size());
  }
  static ThreadTeam team(3);
  plan->run(team).take();
  for (size_t i = 0; i < results.size(); ++i) {
    const TensorView& to = run.results()[i];
    const auto bytes = static_cast<size_t>(tensor_bytes(to.dtype, to.shape));
    device->download(plan->output_on_device(static_cast<int>(i)).place, {to.data, bytes}).take();
  }
  states.bring_back();
}

TEST_P(DeviceCases, ComeOutAsTheReferenceSays) {
  const OpDef& op = *GetParam().op;
  const CaseData data = make_case_data(GetParam());
  if (op.view != nullptr || (op.placed_operand != nullptr && op.placed_operand(data.site()) >= 0)) return;
  static ThreadTeam one(1);
  CaseRun reference(data, {});
  for (const KernelInfo* kernel : all_kernels().kernels_of(op))
    if (std::strcmp(kernel->name, "reference") == 0) reference.run(*kernel, one);
  for (const std::vector<Isa>& isas : {machine_isas(), {Isa::kScalar}}) {
    SCOPED_TRACE(isa_name(isas.back()));
    CaseRun run(data, {});
    ASSERT_NO_FATAL_FAILURE(run_case(data, isas, run));
    for (const std::string& fault : run.faults()) ADD_FAILURE() << fault;
    for (const std::string& fault : compare(data, run.outcome(), reference.outcome(), data.op_case.nmse))
      ADD_FAILURE() << fault;
  }
}

// Those that are not of the size of a model.
std::vector<OpCase> small_cases() {
  std::vector<OpCase> cases = all_cases();
  std::erase_if(cases, [](const OpCase& op_case) { return op_case.bench; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, DeviceCases, testing::ValuesIn(small_cases()),
                         [](const testing::TestParamInfo<OpCase>& test) {
                           return fmt::format("{}__{}", test.param.op->name, test.param.name);
                         });

}  // namespace
}  // namespace gannet
