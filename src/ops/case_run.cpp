#include "ops/case_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/core.h>

#include "tensor/act8.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

constexpr int64_t kGuardBytes = 256;
constexpr std::byte kGuard{0xA7};

void store_row(DType type, const float* values, std::byte* row, int64_t n) {
  if (type == DType::kF32)
    std::memcpy(row, values, static_cast<size_t>(n) * sizeof(float));
  else
    quantize_row(type, values, row, n);
}

// What the codes and scales of rounded rows stand for, padding included.
std::vector<float> dequantised(const std::vector<std::byte>& bytes, const Shape& shape) {
  std::vector<float> values;
  for (int64_t r = 0; r < shape.rows(); ++r) {
    const ActRow row = act_row(nullptr, bytes.data() + r * act_bytes(shape.last()), shape.last());
    for (int64_t i = 0; i < shape.last(); ++i)
      values.push_back(static_cast<float>(row.q[act_place(i)]) * row.d[i / 32]);
  }
  return values;
}

bool sums_fit(const std::vector<std::byte>& bytes, const Shape& shape) {
  for (int64_t r = 0; r < shape.rows(); ++r) {
    const ActRow row = act_row(nullptr, bytes.data() + r * act_bytes(shape.last()), shape.last());
    for (int64_t i = 0; i < shape.last(); i += 16) {
      if (std::isnan(row.d[i / 32])) continue;  // codes and sums mean nothing
      int sum = 0;
      for (int64_t j = i; j < i + 16; ++j) sum += row.q[act_place(j)];
      if (row.sums[i / 16] != sum) return false;
    }
  }
  return true;
}

}  // namespace

GuardedBuffer::GuardedBuffer(int64_t bytes, int64_t offset)
    : storage_(static_cast<size_t>(bytes + offset + 2 * kGuardBytes + 64), kGuard), bytes_(bytes) {
  const auto start = reinterpret_cast<uintptr_t>(storage_.data()) + static_cast<uintptr_t>(kGuardBytes);
  at_ = reinterpret_cast<std::byte*>((start + 63) / 64 * 64) + offset;
  std::memset(at_, 0xFF, static_cast<size_t>(bytes));
}

bool GuardedBuffer::guards_intact() const {
  for (const std::byte* p = storage_.data(); p < at_; ++p)
    if (*p != kGuard) return false;
  for (const std::byte* p = at_ + bytes_; p < storage_.data() + storage_.size(); ++p)
    if (*p != kGuard) return false;
  return true;
}

CaseRun::Memory& CaseRun::allocate(const std::string& what, int64_t bytes, int64_t offset) {
  memory_.push_back(
      std::make_unique<Memory>(Memory{what, std::make_unique<GuardedBuffer>(bytes, offset), {}}));
  return *memory_.back();
}

void CaseRun::freeze(Memory& memory) {
  memory.before.assign(memory.buffer->data(), memory.buffer->data() + memory.buffer->size());
}

CaseRun::CaseRun(const CaseData& data, const RunOptions& options) : data_(data), options_(options) {
  step_ = {&segment_, 1};
  place_bases(data);
  int64_t base_offset = 0;
  for (size_t i = 0; i < data.operands.size(); ++i) {
    const OperandData& operand = data.operands[i];
    const std::string name = operand_def(*data.op_case.op, i).name;
    if (operand.absent())
      operands_.emplace_back();
    else if (operand.type.dtype == DType::kRecurrent)
      place_recurrent(operand, base_offset);
    else if (operand.type.dtype == DType::kKvCache)
      place_kv(operand, name);
    else
      place_tensor(operand, data.op_case.operands[i], operand_def(*data.op_case.op, i).access, name);
  }
  for (size_t i = 0; i < data.result_types.size(); ++i) {
    const TensorType& type = data.result_types[i];
    Memory& memory = allocate(fmt::format("result {}", i), type_bytes(type));
    results_.push_back(contiguous_view(memory.buffer->data(), type.dtype, type.shape));
  }
}

void CaseRun::place_tensor(const OperandData& operand, const CaseOperand& definition, Access access,
                           const std::string& name) {
  const Shape& shape = operand.type.shape;
  TensorView view = contiguous_view(nullptr, operand.type.dtype, shape);
  int64_t bytes = type_bytes(operand.type), offset = 0;
  const int64_t element = shape.rank > 0 ? view.stride[shape.rank - 1] : 0;
  if (options_.permuted && definition.strided && access == Access::kAny) {
    // With gaps no axis is contiguous.
    bytes = options_.strided ? 2 * element : element;
    for (int axis = 0; axis < shape.rank; ++axis) {
      view.stride[axis] = bytes;
      bytes = bytes * shape.dim[axis] + (options_.strided ? element : 0);
    }
  } else if (options_.strided && definition.strided) {
    offset = 4;
    bytes = row_bytes(operand.type.dtype, shape.last());
    for (int axis = shape.rank - 2, gap = 12; axis >= 0; --axis, gap += 8) {
      view.stride[axis] = bytes + gap;
      bytes = view.stride[axis] * shape.dim[axis];
    }
  }
  Memory& memory = allocate("operand " + name, bytes, offset);
  view.data = memory.buffer->data();
  const int64_t row = row_bytes(operand.type.dtype, shape.last());
  for (int64_t r = 0; r < shape.rows(); ++r) {
    const std::byte* from = operand.bytes.data() + r * row;
    for (int64_t at = 0; at < row / element; ++at)
      std::memcpy(view.flat_row(r) + at * view.stride[shape.rank - 1], from + at * element,
                  static_cast<size_t>(element));
  }
  freeze(memory);
  operands_.push_back(view);
}

void CaseRun::place_bases(const CaseData& data) {
  std::vector<std::byte> bases;
  for (const OperandData& operand : data.operands)
    if (!operand.absent() && operand.type.dtype == DType::kRecurrent)
      bases.insert(bases.end(), operand.bytes.begin(), operand.bytes.end());
  if (bases.empty()) return;
  segment_.n_rows = segment_.next_base_at = data.operand_types[0].shape.dim[0];
  Memory& read = allocate("states (read)", static_cast<int64_t>(bases.size()));
  std::memcpy(read.buffer->data(), bases.data(), bases.size());
  segment_.base = segment_.next_base = read.buffer->data();
  if (options_.same_state) return;
  freeze(read);
  segment_.next_base = allocate("states (written)", static_cast<int64_t>(bases.size())).buffer->data();
}

void CaseRun::place_recurrent(const OperandData& operand, int64_t& offset) {
  recurrent_.push_back(std::make_unique<Recurrent>());
  Recurrent& state = *recurrent_.back();
  state.view = {.step = &step_, .base_offset = offset};
  state.elements = operand.type.shape.elements();
  offset += static_cast<int64_t>(operand.bytes.size());
  TensorView tensor;
  tensor.data = reinterpret_cast<std::byte*>(&state.view);
  tensor.dtype = DType::kRecurrent;
  tensor.shape = operand.type.shape;
  operands_.push_back(tensor);
}

void CaseRun::place_kv(const OperandData& operand, const std::string& name) {
  const int64_t heads = operand.type.shape.dim[0], d = operand.type.shape.dim[1];
  kv_ = std::make_unique<KvView>();
  KvView& kv = *kv_;
  StepSegment& segment = segment_;
  kv.step = &step_;
  kv.page_tokens = options_.strided ? 24 : 64;
  kv.n_kv_heads = heads;
  kv.head_dim = d;
  kv.k_type = operand.k_type;
  kv.v_type = operand.v_type;
  segment.n_past = operand.n_past;
  segment.n_rows = operand.n_new;
  const int64_t k_row = row_bytes(kv.k_type, d), v_row = row_bytes(kv.v_type, d);
  const int64_t k_part = heads * kv.page_tokens * k_row, v_part = heads * kv.page_tokens * v_row;
  kv.k_offset = options_.strided ? v_part + 128 : 64;  // once V first, once K first
  kv.v_offset = options_.strided ? 64 : k_part + 128;
  page_bytes_ = k_part + v_part + 128;
  const int64_t n_pages = (segment.n_past + operand.n_new + kv.page_tokens - 1) / kv.page_tokens;
  for (int64_t p = 0; p < n_pages; ++p)
    page_table_.push_back(allocate(fmt::format("{} page {}", name, p), page_bytes_).buffer->data());
  segment.pages = page_table_.data();
  const int64_t n_stored = segment.n_past + (operand.new_stored ? operand.n_new : 0);
  kv_changes_ = operand.new_stored ? 0 : operand.n_new;
  for (int64_t t = 0; t < n_stored; ++t)
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t slot = h * kv.page_tokens + t % kv.page_tokens;
      const auto at = static_cast<size_t>((t * heads + h) * d);
      std::byte* page = page_table_[static_cast<size_t>(t / kv.page_tokens)];
      store_row(kv.k_type, &operand.k_past[at], page + kv.k_offset + slot * k_row, d);
      store_row(kv.v_type, &operand.v_past[at], page + kv.v_offset + slot * v_row, d);
    }
  for (const std::byte* page : page_table_) pages_before_.emplace_back(page, page + page_bytes_);
  TensorView tensor;
  tensor.data = reinterpret_cast<std::byte*>(&kv);
  tensor.dtype = DType::kKvCache;
  tensor.shape = operand.type.shape;
  operands_.push_back(tensor);
}

void CaseRun::run(const KernelInfo& kernel, ThreadTeam& team, const StepRows& rows) {
  const OpSite site = data_.site();
  const int64_t bytes = kernel.workspace ? kernel.workspace(site, team.size()) : 0;
  Memory& workspace = allocate("workspace", bytes);
  const KernelArgs args{operands_.data(),
                        results_.data(),
                        data_.op_case.attrs.raw.data(),
                        workspace.buffer->data(),
                        static_cast<int>(operands_.size()),
                        rows};
  team.run([&](Worker& worker) { kernel.run(args, worker); });
}

Outcome CaseRun::outcome() const {
  Outcome out;
  for (const TensorView& view : results_)
    out.results.emplace_back(view.data, view.data + tensor_bytes(view.dtype, view.shape));
  for (const auto& state : recurrent_) {
    const float* base = state->view.next_base(segment_);
    out.recurrent.emplace_back(base, base + state->elements);
  }
  for (const std::byte* page : page_table_) out.pages.insert(out.pages.end(), page, page + page_bytes_);
  if (!kv_ || data_.op_case.kv_nmse == 0) return out;
  const int64_t d = kv_->head_dim, n_tokens = segment_.n_past + data_.operands[0].type.shape.dim[0];
  std::vector<float> values(static_cast<size_t>(d));
  for (int64_t t = 0; t < n_tokens; ++t)
    for (int64_t h = 0; h < kv_->n_kv_heads; ++h)
      for (const bool key : {true, false}) {
        const std::byte* page = page_table_[static_cast<size_t>(t / kv_->page_tokens)];
        const DType type = key ? kv_->k_type : kv_->v_type;
        dequantize_row(type,
                       page + (key ? kv_->k_offset : kv_->v_offset) +
                           (h * kv_->page_tokens + t % kv_->page_tokens) * row_bytes(type, d),
                       values.data(), d);
        out.kv_rows.insert(out.kv_rows.end(), values.begin(), values.end());
      }
  return out;
}

std::vector<std::string> CaseRun::faults() const {
  std::vector<std::string> faults;
  for (const auto& memory : memory_) {
    if (!memory->buffer->guards_intact()) faults.push_back("wrote outside of " + memory->what);
    if (!memory->before.empty() &&
        std::memcmp(memory->before.data(), memory->buffer->data(), memory->before.size()) != 0)
      faults.push_back("changed " + memory->what);
  }
  if (!kv_) return faults;
  // Every byte of the pages outside the rows of the new tokens must be as before.
  auto expected = pages_before_;
  for (int64_t t = segment_.n_past; t < segment_.n_past + kv_changes_; ++t)
    for (int64_t h = 0; h < kv_->n_kv_heads; ++h)
      for (const bool key : {true, false}) {
        const auto page = static_cast<size_t>(t / kv_->page_tokens);
        const int64_t row = row_bytes(key ? kv_->k_type : kv_->v_type, kv_->head_dim);
        const int64_t at =
            (key ? kv_->k_offset : kv_->v_offset) + (h * kv_->page_tokens + t % kv_->page_tokens) * row;
        std::memcpy(expected[page].data() + at, page_table_[page] + at, static_cast<size_t>(row));
      }
  for (size_t p = 0; p < expected.size(); ++p)
    if (std::memcmp(expected[p].data(), page_table_[p], static_cast<size_t>(page_bytes_)) != 0)
      faults.push_back(fmt::format("changed KV page {} outside the new rows", p));
  return faults;
}

double normalised_error(const float* a, const float* b, int64_t n) {
  double error = 0, energy = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (a[i] == b[i]) {
      if (std::isfinite(b[i])) energy += static_cast<double>(b[i]) * b[i];
      continue;
    }
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return std::numeric_limits<double>::infinity();
    const double difference = static_cast<double>(a[i]) - b[i];
    error += difference * difference;
    energy += static_cast<double>(b[i]) * b[i];
  }
  if (error == 0) return 0;
  return energy == 0 ? std::numeric_limits<double>::infinity() : error / energy;
}

std::vector<std::string> compare(const CaseData& data, const Outcome& run, const Outcome& reference,
                                 double nmse) {
  std::vector<std::string> faults;
  const auto compare_floats = [&](const std::string& what, const float* a, const float* b, int64_t n,
                                  double allowed) {
    const double error = normalised_error(a, b, n);
    if (error <= allowed) return;
    int64_t worst = 0;
    double largest = -1;
    for (int64_t i = 0; i < n; ++i) {
      const double difference = std::fabs(static_cast<double>(a[i]) - b[i]);
      if (!(difference <= largest) && !(std::isnan(a[i]) && std::isnan(b[i]))) {
        largest = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
        worst = i;
      }
    }
    faults.push_back(
        fmt::format("{}: normalised error {:.3g} above {:.3g}, worst element {}: {} instead of {}", what,
                    error, allowed, worst, a[worst], b[worst]));
  };
  for (size_t i = 0; i < run.results.size(); ++i) {
    const std::string what = fmt::format("result {}", i);
    const TensorType& type = data.result_types[i];
    if (type.dtype == DType::kF32) {
      compare_floats(what, reinterpret_cast<const float*>(run.results[i].data()),
                     reinterpret_cast<const float*>(reference.results[i].data()), type.shape.elements(),
                     nmse);
    } else if (type.dtype == DType::kAct8) {
      const auto a = dequantised(run.results[i], type.shape),
                 b = dequantised(reference.results[i], type.shape);
      compare_floats(what, a.data(), b.data(), type.shape.elements(), std::max(nmse, kRoundedNmse));
      if (!sums_fit(run.results[i], type.shape)) faults.push_back(what + ": sums do not fit the codes");
    } else if (run.results[i] != reference.results[i]) {
      faults.push_back(what + " differs");
    }
  }
  for (size_t i = 0; i < run.recurrent.size(); ++i)
    compare_floats(fmt::format("state {}", i), run.recurrent[i].data(), reference.recurrent[i].data(),
                   static_cast<int64_t>(run.recurrent[i].size()), nmse);
  if (data.op_case.kv_nmse > 0)
    compare_floats("KV rows", run.kv_rows.data(), reference.kv_rows.data(),
                   static_cast<int64_t>(reference.kv_rows.size()), data.op_case.kv_nmse);
  else if (run.pages != reference.pages)
    faults.push_back("KV pages differ");
  return faults;
}

}  // namespace gannet
