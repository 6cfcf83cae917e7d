// The data of a case: operands filled as the case says, the same on every machine and in every run. Used by
// the conformance runner and the microbenchmark.
#pragma once

#include <vector>

#include "ops/case.h"

namespace gannet {

// One filled operand, contiguous.
struct OperandData {
  TensorType type;
  std::vector<std::byte> bytes;  // tensors in their stored type; recurrent state as F32; empty when absent

  // KV cache: n_past rows of [n_kv_heads, head_dim] values for K and as many for V, F32 before rounding.
  std::vector<float> k_past, v_past;
  int64_t n_past = 0;
  int64_t n_new = 0;        // tokens of this run
  bool new_stored = false;  // k_past and v_past hold their rows too
  DType k_type = DType::kF32, v_type = DType::kF32;

  bool absent() const { return type.shape.rank == 0; }
};

struct CaseData {
  OpCase op_case;
  std::vector<OperandData> operands;
  std::vector<TensorType> operand_types, result_types;

  // Points into this object.
  OpSite site() const {
    return {operand_types.data(), static_cast<int>(operand_types.size()), result_types.data(),
            static_cast<int>(result_types.size()), op_case.attrs.raw.data()};
  }
};

// A case that its own op's shape rule refuses is a bug and aborts.
CaseData make_case_data(const OpCase& op_case);

// Which operands have a row per token: their first axis.
using RowOperands = std::vector<size_t>;

// The case with n_rows rows in each of `operands` that is given.
OpCase with_row_count(const OpCase& op_case, const RowOperands& operands, int64_t n_rows);

// The case whose rows are the chosen ones of `data`, in this order; kNoRow: all bits set.
inline constexpr int64_t kNoRow = -1;
CaseData take_rows(const CaseData& data, const RowOperands& operands, const std::vector<int64_t>& rows);

}  // namespace gannet
