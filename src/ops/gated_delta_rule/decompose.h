// gated_delta_rule in simpler ops; for gated_delta_rule.cpp.
#pragma once

#include "ir/graph.h"
#include "ops/gated_delta_rule/gated_delta_rule.h"

namespace gannet {

std::vector<ValueId> decompose_gated_delta_rule(GraphBuilder& builder, const OpSite& site,
                                                std::span<const ValueId> operands, const DecomposeContext&);
std::vector<OpSample> samples_gated_delta_rule(const TensorType& result);

}  // namespace gannet
