// Cases: the uses of an op that every kernel of it must get right, judged against the reference kernel. Data
// only; the conformance runner (conformance_test.cpp) and the microbenchmark read the same list.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "ir/op_def.h"

namespace gannet {

// How the runner fills an operand.
struct Fill {
  enum class Kind {
    kAbsent,     // optional operand not given
    kNormal,     // N(0, scale); block types are made by encoding such values (or from random valid blocks)
    kUniform,    // [low, high)
    kIndices,    // I32 in [0, high)
    kDistinct,   // I32 rows of distinct values in [0, high) (router choices)
    kPositions,  // I32: low, low + 1, ...
    kState,      // kRecurrent: N(0, scale). kKvCache: n_past = low tokens of N(0, scale) stored as kv_type
  };
  Kind kind = Kind::kNormal;
  double scale = 1.0;
  double low = 0, high = 1;
  DType kv_type = DType::kF32;
};

struct CaseOperand {
  TensorType type;
  Fill fill;
  // The op's header lets this operand be strided in its leading axes: it is also run with gaps between rows
  // and a base address that is only 4-byte aligned.
  bool strided = false;
};

struct OpCase {
  const OpDef* op = nullptr;
  std::string name;  // unique per op: "t7_h4_s64_tiled"
  std::vector<CaseOperand> operands;
  AttrBytes attrs;
  // Greatest allowed normalised mean square error of a kernel's results and written states against the
  // reference: sum (a-b)^2 / sum b^2. Say next to the case why it is what it is.
  double nmse = 1e-10;
  bool bench = false;  // model-sized: run by the benchmark, by the conformance test too
};

template <class A>
AttrBytes pack_attrs(const A& attrs) {
  static_assert(sizeof(A) <= kAttrBytes);
  AttrBytes bytes;
  std::memcpy(bytes.raw.data(), &attrs, sizeof(A));
  return bytes;
}

std::vector<OpCase> all_cases();

}  // namespace gannet
