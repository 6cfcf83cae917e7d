#include "ops/case_operands.h"
#include "ops/tri/tri.h"

namespace gannet {

// Copies: exact.
std::vector<OpCase> cases_tri() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& x, TriKeep keep, bool bench = false) {
    cases.push_back({&kOp_tri, name, {normal(x)}, pack_attrs(TriAttrs{keep}), 0, bench});
  };
  make("n1_lower", Shape(1, 1), TriKeep::kLower);
  make("n1_strict", Shape(1, 1), TriKeep::kStrict);
  make("n64_lower", Shape(3, 64, 64), TriKeep::kLower);
  make("n64_strict", Shape(3, 64, 64), TriKeep::kStrict);
  make("n37_strict", Shape(2, 3, 37, 37), TriKeep::kStrict);
  make("wide", Shape(5, 19), TriKeep::kLower);
  make("tall", Shape(19, 5), TriKeep::kStrict);
  make("h32_c8_n64", Shape(32, 8, 64, 64), TriKeep::kLower, true);
  return cases;
}

}  // namespace gannet
