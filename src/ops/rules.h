// What shape rules have in common: checks with messages that name the operand, and the cost of simple
// row-wise ops. For definition files (<op>/<op>.cpp); kernels do not include it.
#pragma once

#include <fmt/format.h>

#include "ir/op_def.h"
#include "ops/broadcast.h"

namespace gannet {

inline const char* operand_name(const OpDef& op, int i) {
  return op.operands[static_cast<size_t>(i)].name;
}

// Operand i must be F32 (an operand that is not given passes).
inline Result<void> expect_f32(const OpDef& op, const OpSite& site, int i) {
  const TensorType& type = site.operands[i];
  if (type.shape.rank == 0 || type.dtype == DType::kF32) return {};
  return shape_error(op, fmt::format("{} is {}, must be F32", operand_name(op, i), to_text(type)));
}

// Operand i must be exactly `type` (an operand that is not given passes); `because` says where the shape
// comes from.
inline Result<void> expect_type(const OpDef& op, const OpSite& site, int i, const TensorType& type,
                                const char* because) {
  const TensorType& given = site.operands[i];
  if (given.shape.rank == 0 || given == type) return {};
  return shape_error(op, fmt::format("{} is {}, must be {} {}", operand_name(op, i), to_text(given),
                                     to_text(type), because));
}

inline Result<void> expect_rank(const OpDef& op, const OpSite& site, int i, int rank, const char* axes) {
  const TensorType& type = site.operands[i];
  if (type.shape.rank == rank) return {};
  return shape_error(op, fmt::format("{} is {}, must be {}", operand_name(op, i), to_text(type), axes));
}

// The result of a binary op: operands of one rank, on each axis the same length or 1 on one side; with shared
// heads the lengths of axis 0 may also divide each other.
inline Result<std::vector<TensorType>> broadcast_type(const OpDef& op, const OpSite& site, HeadShare heads) {
  GANNET_TRY(expect_f32(op, site, 0));
  GANNET_TRY(expect_f32(op, site, 1));
  const TensorType &a = site.operands[0], &b = site.operands[1];
  TensorType y = a;
  bool fits = a.shape.rank == b.shape.rank;
  for (int axis = 0; fits && axis < a.shape.rank; ++axis) {
    const int64_t n = a.shape.dim[axis], m = b.shape.dim[axis];
    const bool shared =
        axis == 0 && heads != HeadShare::kSame && n > 0 && m > 0 && (n % m == 0 || m % n == 0);
    fits = n == m || n == 1 || m == 1 || shared;
    y.shape.dim[axis] = n == m || m == 1 ? n : n == 1 ? m : n > m ? n : m;
  }
  if (!fits)
    return shape_error(op, fmt::format("{} is {}, must be like {} {} on every axis, or 1 on one side",
                                       operand_name(op, 1), to_text(b), operand_name(op, 0), to_text(a)));
  return std::vector<TensorType>{y};
}

// Operand i must be the state of one sequence.
inline Result<void> expect_recurrent(const OpDef& op, const OpSite& site, int i) {
  const TensorType& type = site.operands[i];
  if (type.dtype == DType::kRecurrent) return {};
  return shape_error(op,
                     fmt::format("{} is {}, must be a recurrent state", operand_name(op, i), to_text(type)));
}

// Every given operand is read once and every result written once.
inline Cost streaming_cost(const OpSite& site, int64_t flops_per_result) {
  Cost cost;
  for (int i = 0; i < site.n_operands; ++i) {
    if (site.operands[i].shape.rank > 0) cost.activation_bytes += type_bytes(site.operands[i]);
  }
  for (int i = 0; i < site.n_results; ++i) {
    cost.activation_bytes += type_bytes(site.results[i]);
    cost.flops += flops_per_result * site.results[i].shape.elements();
  }
  return cost;
}

}  // namespace gannet
