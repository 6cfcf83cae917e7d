#include "ops/case_data.h"

#include <cmath>
#include <cstring>
#include <numeric>

#include "backend/cpu/linear/round_row.h"
#include "base/philox.h"
#include "tensor/codec.h"

namespace gannet {
namespace {

constexpr double kTwoPi = 6.283185307179586;

// A stream of random numbers per (case, operand).
class Draws {
 public:
  explicit Draws(uint64_t key) : key_(key) {}

  uint32_t word() {
    if (at_ == 4) {
      words_ = philox4x32(key_, 0, counter_++);
      at_ = 0;
    }
    return words_[at_++];
  }
  double uniform() { return philox_uniform(word()); }
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(kTwoPi * uniform());
  }
  int64_t below(int64_t n) { return static_cast<int64_t>(uniform() * static_cast<double>(n)); }

 private:
  uint64_t key_;
  uint64_t counter_ = 0;
  std::array<uint32_t, 4> words_{};
  size_t at_ = 4;
};

uint64_t key_of(const OpCase& op_case, size_t operand) {
  uint64_t key = 1469598103934665603u + operand;  // FNV-1a
  for (const char c : std::string(op_case.op->name) + "/" + op_case.name)
    key = (key ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return key;
}

// Random bytes that are a sound block of moderate size, for types without an encoder.
void random_block(DType type, std::byte* block, Draws& draws) {
  const DTypeInfo& info = dtype_info(type);
  std::vector<float> values(static_cast<size_t>(info.block_elems));
  for (int trial = 0; trial < 20000; ++trial) {
    for (int i = 0; i < info.block_bytes; ++i) block[i] = static_cast<std::byte>(draws.word() & 0xFF);
    if (find_bad_block(type, block, info.block_elems) >= 0) continue;
    dequantize_row(type, block, values.data(), info.block_elems);
    float largest = 0;
    for (const float v : values) largest = std::fmax(largest, std::fabs(v));
    if (largest > 0.01f && largest < 100.0f) return;
  }
  GANNET_CHECK(false, "no sound block found");
}

void fill_row(DType type, std::byte* row, int64_t n, const Fill& fill, Draws& draws) {
  const DTypeInfo& info = dtype_info(type);
  if (info.quantized && !can_quantize(type)) {
    for (int64_t b = 0; b < n / info.block_elems; ++b) random_block(type, row + b * info.block_bytes, draws);
    return;
  }
  std::vector<float> values(static_cast<size_t>(n));
  const bool whole = fill.kind == Fill::Kind::kWhole, even = whole || fill.kind == Fill::Kind::kUniform;
  for (float& v : values) {
    const double value =
        even ? fill.low + (fill.high - fill.low) * draws.uniform() : fill.scale * draws.normal();
    v = static_cast<float>(whole ? std::floor(value) : value);
  }
  if (type == DType::kF32)
    std::memcpy(row, values.data(), values.size() * sizeof(float));
  else
    quantize_row(type, values.data(), row, n);
}

void fill_tensor(OperandData& data, const Fill& fill, Draws& draws) {
  const Shape& shape = data.type.shape;
  const int64_t rows = shape.rows(), n = shape.last(), bytes = row_bytes(data.type.dtype, n);
  data.bytes.resize(static_cast<size_t>(rows * bytes));
  std::byte* at = data.bytes.data();
  auto* ids = reinterpret_cast<int32_t*>(at);
  switch (fill.kind) {
    case Fill::Kind::kIndices:
      for (int64_t i = 0; i < rows * n; ++i)
        ids[i] = static_cast<int32_t>(draws.below(static_cast<int64_t>(fill.high)));
      return;
    case Fill::Kind::kDistinct: {
      std::vector<int32_t> pool(static_cast<size_t>(fill.high));
      std::iota(pool.begin(), pool.end(), 0);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t i = 0; i < n; ++i) {
          std::swap(pool[static_cast<size_t>(i)],
                    pool[static_cast<size_t>(i + draws.below(static_cast<int64_t>(pool.size()) - i))]);
          ids[r * n + i] = pool[static_cast<size_t>(i)];
        }
      return;
    }
    case Fill::Kind::kPositions:
      for (int64_t i = 0; i < rows * n; ++i)
        ids[i] = static_cast<int32_t>(static_cast<int64_t>(fill.low) + i);
      return;
    default:
      break;
  }
  // Encoding is slow: a large quantised tensor repeats a prime number of rows, which no round offset maps
  // onto itself.
  const bool repeat = dtype_info(data.type.dtype).quantized && rows * n > (1 << 20) && rows > 61;
  const int64_t distinct = repeat ? 61 : rows;
  for (int64_t r = 0; r < distinct; ++r) fill_row(data.type.dtype, at + r * bytes, n, fill, draws);
  for (int64_t r = distinct; r < rows; ++r)
    std::memcpy(at + r * bytes, at + r % distinct * bytes, static_cast<size_t>(bytes));
}

// The rounded rows of `x`.
OperandData round_rows(const OperandData& x) {
  const int64_t rows = x.type.shape.rows(), n = x.type.shape.last();
  OperandData data;
  data.type = {DType::kAct8, Shape(rows, act_padded(n))};
  data.bytes.resize(static_cast<size_t>(rows * act_bytes(n)));
  const auto* values = reinterpret_cast<const float*>(x.bytes.data());
  for (int64_t r = 0; r < rows; ++r) round_act_row(values + r * n, n, data.bytes.data() + r * act_bytes(n));
  return data;
}

OperandData make_operand(const CaseOperand& operand, Draws draws) {
  OperandData data;
  data.type = operand.type;
  const Fill& fill = operand.fill;
  if (fill.kind == Fill::Kind::kAbsent) {
    data.type = {};
  } else if (data.type.dtype == DType::kRecurrent) {
    data.bytes.resize(static_cast<size_t>(data.type.shape.elements()) * sizeof(float));
    auto* values = reinterpret_cast<float*>(data.bytes.data());
    for (int64_t i = 0; i < data.type.shape.elements(); ++i)
      values[i] = static_cast<float>(fill.scale * draws.normal());
  } else if (data.type.dtype == DType::kKvCache) {
    data.n_past = static_cast<int64_t>(fill.low);
    data.k_type = fill.k_type;
    data.v_type = fill.v_type;
    data.n_new = fill.n_new;
    data.new_stored = fill.new_stored;
    const int64_t stored = data.n_past + (fill.new_stored ? fill.n_new : 0);
    for (auto* part : {&data.k_past, &data.v_past}) {
      part->resize(static_cast<size_t>(stored * data.type.shape.elements()));
      for (float& v : *part) v = static_cast<float>(fill.scale * draws.normal());
    }
  } else {
    fill_tensor(data, fill, draws);
  }
  return data;
}

void infer_results(CaseData& data) {
  const OpSite site{data.operand_types.data(), static_cast<int>(data.operand_types.size()), nullptr, 0,
                    data.op_case.attrs.raw.data()};
  data.result_types = data.op_case.op->infer(site).take();
}

}  // namespace

CaseData make_case_data(const OpCase& op_case) {
  CaseData data;
  data.op_case = op_case;
  for (size_t i = 0; i < op_case.operands.size(); ++i) {
    const CaseOperand& wanted = op_case.operands[i];
    data.operands.push_back(wanted.fill.kind == Fill::Kind::kRounded
                                ? round_rows(data.operands[wanted.fill.of])
                                : make_operand(wanted, Draws(key_of(op_case, i))));
    data.operand_types.push_back(data.operands.back().type);
    OperandData& operand = data.operands.back();
    if (operand.type.dtype == DType::kKvCache && operand.n_new == 0)
      operand.n_new = data.operands[0].type.shape.dim[0];
  }
  infer_results(data);
  return data;
}

OpCase with_row_count(const OpCase& op_case, const RowOperands& operands, int64_t n_rows) {
  OpCase wanted = op_case;
  for (const size_t i : operands)
    if (i < wanted.operands.size() && wanted.operands[i].fill.kind != Fill::Kind::kAbsent)
      wanted.operands[i].type.shape.dim[0] = n_rows;
  return wanted;
}

CaseData take_rows(const CaseData& data, const RowOperands& operands, const std::vector<int64_t>& rows) {
  CaseData taken = data;
  const auto n_rows = static_cast<int64_t>(rows.size());
  taken.op_case = with_row_count(data.op_case, operands, n_rows);
  for (const size_t i : operands) {
    if (i >= data.operands.size() || data.operands[i].absent()) continue;
    const OperandData& from = data.operands[i];
    OperandData& to = taken.operands[i];
    const size_t bytes = from.bytes.size() / static_cast<size_t>(from.type.shape.dim[0]);
    to.type.shape.dim[0] = n_rows;
    to.bytes.assign(bytes * rows.size(), std::byte{0xFF});
    for (size_t r = 0; r < rows.size(); ++r)
      if (rows[r] != kNoRow)
        std::memcpy(to.bytes.data() + r * bytes, from.bytes.data() + static_cast<size_t>(rows[r]) * bytes,
                    bytes);
    taken.operand_types[i] = to.type;
  }
  infer_results(taken);
  return taken;
}

}  // namespace gannet
