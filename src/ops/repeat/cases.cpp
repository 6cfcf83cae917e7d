#include "ops/case_operands.h"
#include "ops/repeat/repeat.h"

namespace gannet {

// Copies: exact.
std::vector<OpCase> cases_repeat() {
  std::vector<OpCase> cases;

  const auto make = [&](const char* name, const Shape& x, RepeatAttrs attrs, bool bench = false) {
    cases.push_back({&kOp_repeat, name, {normal(x)}, pack_attrs(attrs), 0, bench});
  };
  constexpr RepeatKind kInterleave = RepeatKind::kInterleave, kTile = RepeatKind::kTile;
  make("once", Shape(3, 7), {0, 1, kTile});
  make("heads_interleave", Shape(5, 3, 37), {1, 2, kInterleave});
  make("heads_tile", Shape(5, 3, 37), {1, 2, kTile});
  make("first_interleave", Shape(2, 3, 4, 17), {0, 3, kInterleave});
  make("first_tile", Shape(2, 3, 4, 17), {0, 3, kTile});
  make("middle_of_4_tile", Shape(2, 3, 4, 17), {2, 5, kTile});
  make("middle_of_4_interleave", Shape(2, 3, 4, 17), {2, 5, kInterleave});
  make("last_interleave", Shape(2, 3, 4, 17), {3, 3, kInterleave});
  make("last_tile", Shape(2, 3, 4, 17), {3, 3, kTile});
  make("column_to_row", Shape(9, 1), {1, 70, kInterleave});
  make("n5_tile", Shape(5), {0, 7, kTile});
  make("n5_interleave", Shape(5), {0, 7, kInterleave});
  make("t512_h16_n128", Shape(512, 16, 128), {1, 2, kInterleave}, true);
  make("kv2_t2048_n256", Shape(2, 2048, 256), {0, 8, kInterleave}, true);
  return cases;
}

}  // namespace gannet
