// Cases: the uses of an op that every kernel of it must get right, judged against the reference kernel. Data
// only; the conformance runner (conformance_test.cpp) and the microbenchmark read the same list.
#pragma once

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
    kWhole,      // whole numbers in [low, high), so many are equal
    kIndices,    // I32 in [0, high)
    kDistinct,   // I32 rows of distinct values in [0, high) (router choices)
    kPositions,  // I32: low, low + 1, ...
    kRounded,    // kAct8: the rounded rows of operand `of`, which comes before this one
    kState,      // kRecurrent: N(0, scale). kKvCache: n_past = low tokens of N(0, scale) stored as k_type and
                 // v_type
  };
  Kind kind = Kind::kNormal;
  double scale = 1.0;
  double low = 0, high = 1;
  DType k_type = DType::kF32, v_type = DType::kF32;
  size_t of = 0;  // kRounded
  // kKvCache: tokens of this run, for which there is room behind n_past (0: as many as operand 0's first axis
  // says), and whether they lie there already; then the op must not change the cache.
  int64_t n_new = 0;
  bool new_stored = false;
};

struct CaseOperand {
  TensorType type;
  Fill fill;
  // The op's header lets this operand be strided: it is also run with gaps between rows and a base address
  // that is only 4-byte aligned, and, when the op takes any strides, with its axes in another order in
  // memory.
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
  // The same for the rows of a KV cache, for an op that computes what it stores there. 0: equal to the bit.
  double kv_nmse = 0;
};

std::vector<OpCase> all_cases();

}  // namespace gannet
