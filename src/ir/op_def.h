// What an operation is: its name, operands, attributes, shape rule, cost and meaning. One OpDef per folder of
// src/ops; nothing else in the program switches over kinds of operations. Kernels are known only to the
// backends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/op_site.h"

namespace gannet {

// Attribute structs of ops are plain data of at most this size; AttrDef tells where each field lies.
inline constexpr size_t kAttrBytes = 64;
struct AttrBytes {
  alignas(8) std::array<std::byte, kAttrBytes> raw{};
};

enum class AttrKind : uint8_t {
  kInt /* int64_t */,
  kFloat /* float */,
  kEnum /* int32_t index into names */
};

struct AttrDef {
  const char* name;
  AttrKind kind;
  size_t offset;                              // offsetof in the op's attribute struct
  std::span<const char* const> enum_names{};  // kEnum only
};

template <class A>
AttrBytes pack_attrs(const A& attrs) {
  static_assert(sizeof(A) <= kAttrBytes);
  AttrBytes bytes;
  std::memcpy(bytes.raw.data(), &attrs, sizeof(A));
  return bytes;
}

// What an operand's memory may look like.
enum class Access : uint8_t {
  kRows,   // the last axis contiguous, the leading axes with any strides
  kDense,  // contiguous throughout
  kAny,    // any stride on every axis
};

struct OperandDef {
  const char* name;
  bool optional = false;
  Access access = Access::kRows;
  bool variadic = false;  // only the last operand: one or more of the kind
};

// Work of one execution: bytes that must move at least once and arithmetic operations (multiply-add = 2).
struct Cost {
  int64_t weight_bytes = 0;
  int64_t activation_bytes = 0;
  int64_t state_bytes = 0;
  int64_t flops = 0;

  Cost& operator+=(const Cost& other);
};

// What types do not tell about the sequence that a run continues.
struct CostContext {
  int64_t n_past = 0;                                // tokens in the context before the run
  DType k_type = DType::kF16, v_type = DType::kF16;  // of the KV caches
};

// What a decomposition depends on beside types and attributes.
struct DecomposeContext {
  // Rows of the KV caches that attention looks at: at least n_past + n_tokens when the graph runs.
  int64_t n_kv = 256;
};

// An example of a use: what a pattern is first looked for with (see OpDef::samples).
struct OpSample {
  std::vector<TensorType> operands;  // rank 0: not given
  AttrBytes attrs;
};

struct OpDef {
  const char* name;
  const char* summary;  // one paragraph, the op reference is made from it
  std::span<const OperandDef> operands;
  std::span<const AttrDef> attrs;
  int n_results;

  // Types of the results, or why this use is illegal (the message names operand and shapes). Operand counts
  // and presence of required operands were checked before.
  Result<std::vector<TensorType>> (*infer)(const OpSite& site);

  // Of a run that starts with an empty context; op_cost() gives that of any run.
  Cost (*cost)(const OpSite& site);
  // What a run costs more for each token in the context before it (CostContext::n_past is not looked at);
  // null: nothing.
  Cost (*cost_per_past_token)(const OpSite& site, const CostContext& context) = nullptr;

  // Builds the same meaning from simpler ops, the way the published model definition writes it, and returns
  // the results; null when the op is primitive, an empty list when this use of it is. Lowering a graph
  // (passes/lower.h) and recognising the op in a lowered graph (passes/pattern.h) both go by it.
  std::vector<ValueId> (*decompose)(GraphBuilder& builder, const OpSite& site,
                                    std::span<const ValueId> operands,
                                    const DecomposeContext& context) = nullptr;

  // Non-null for ops that only look at memory differently: the result's view of operand 0. Such ops need no
  // kernel.
  TensorView (*view)(const OpSite& site, const TensorView& operand) = nullptr;

  // The op changes a state operand: it is never removed, repeated or moved across another use of that state.
  bool writes_state = false;

  // For an op that stores a value in a state: which operand the executor is to compute in the state's memory
  // in the first place, so that no kernel has to run; -1: this use copies.
  int (*placed_operand)(const OpSite& site) = nullptr;

  // Result element i depends on element i of operand 0 only (and on other operands), so the result may take
  // operand 0's memory when that is dense and dies here.
  bool elementwise = false;

  // Each row of the results depends on the same row of the operands and little else, and is cheap: for few
  // rows every thread may compute all of them into memory of its own instead of waiting for the others.
  bool repeatable = false;

  // Where a lowered graph lacks this op, it lacks everything that is made of it: no pass takes a use away but
  // by recognising what it is a part of. Searches skip ops by this.
  bool stays = false;

  // Uses whose decompositions have every structure that one with this first result type can have (operand
  // shapes and attributes may differ from the real use as long as the structure does not).
  std::vector<OpSample> (*samples)(const TensorType& result) = nullptr;
  // Of the result, only the lengths of so many leading axes make a difference to that structure and to
  // whether the use is legal (beside an axis of length 1 or 2, or an odd one): samples for one length of the
  // others serve for all.
  int structural_axes = kMaxRank;
};

// Operand i of a use; the last one repeats when it is variadic.
inline const OperandDef& operand_def(const OpDef& op, size_t i) {
  return op.operands[i < op.operands.size() ? i : op.operands.size() - 1];
}

// Ops by name, in catalogue order.
using OpCatalogue = std::span<const OpDef* const>;
const OpDef* find_op(OpCatalogue catalogue, std::string_view name);

// Work of a use in a run that continues a context.
Cost op_cost(const OpDef& op, const OpSite& site, const CostContext& context);

// Helpers for shape rules.
Error shape_error(const OpDef& op, const std::string& what);
std::string to_text(const TensorType& type);  // "F32[7, 1024]"

// Bytes of a value's contiguous storage (0 for opaque state).
int64_t type_bytes(const TensorType& type);

}  // namespace gannet
