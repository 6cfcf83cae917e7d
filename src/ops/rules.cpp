#include "ops/rules.h"

#include <fmt/core.h>

namespace gannet {

Result<void> expect_f32(const OpDef& op, const OpSite& site, int i) {
  const TensorType& type = site.operands[i];
  if (type.shape.rank == 0 || type.dtype == DType::kF32) return {};
  return shape_error(op, fmt::format("{} is {}, must be F32", operand_name(op, i), to_text(type)));
}

Result<void> expect_type(const OpDef& op, const OpSite& site, int i, const TensorType& type,
                         const char* because) {
  const TensorType& given = site.operands[i];
  if (given.shape.rank == 0 || given == type) return {};
  return shape_error(op, fmt::format("{} is {}, must be {} {}", operand_name(op, i), to_text(given),
                                     to_text(type), because));
}

Result<void> expect_rank(const OpDef& op, const OpSite& site, int i, int rank, const char* axes) {
  const TensorType& type = site.operands[i];
  if (type.shape.rank == rank) return {};
  return shape_error(op, fmt::format("{} is {}, must be {}", operand_name(op, i), to_text(type), axes));
}

Result<void> expect_recurrent(const OpDef& op, const OpSite& site, int i) {
  const TensorType& type = site.operands[i];
  if (type.dtype == DType::kRecurrent) return {};
  return shape_error(op,
                     fmt::format("{} is {}, must be a recurrent state", operand_name(op, i), to_text(type)));
}

Cost streaming_cost(const OpSite& site, int64_t flops_per_result) {
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
