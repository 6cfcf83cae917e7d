#include <limits>

#include "ops/case_operands.h"
#include "ops/top_logits/top_logits.h"

namespace gannet {

// Whole numbers and bits that are only moved: exact.
std::vector<OpCase> cases_top_logits() {
  std::vector<OpCase> cases;
  const auto make = [&](const char* name, CaseOperand x, int64_t k, bool bench = false) {
    cases.push_back({&kOp_top_logits, name, {std::move(x)}, pack_attrs(TopLogitsAttrs{k}), 0, bench});
  };
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  constexpr double kBelowAll = -1e39;  // as a float -infinity
  make("t1_n1_k1", normal(Shape(1, 1)), 1);
  make("t3_n37_k5", normal(Shape(3, 37)), 5);
  make("t2_n40_k128", normal(Shape(2, 40)), 128);
  make("t3_n64_k64", normal(Shape(3, 64)), 64);
  make("t1_n3001_k30", normal(Shape(1, 3001)), 30);
  make("t5_n1000_k16", normal(Shape(5, 1000)), 16);
  make("t2_n8193_k128", normal(Shape(2, 8193)), 128);  // one block more than are chosen
  make("t2_n20011_k256", normal(Shape(2, 20011), 5), 256);
  make("t64_n1500_k7", normal(Shape(64, 1500)), 7);
  make("t70_n333_k20", normal(Shape(70, 333)), 20);
  // Many equals: whole blocks of them, and a few values of which all are met.
  make("t2_n9000_k100_zeros", normal(Shape(2, 9000), 0), 100);  // of both signs
  make("t2_n9000_k100_two_values", whole(Shape(2, 9000), 0, 2), 100);
  make("t3_n9001_k90_few_values", whole(Shape(3, 9001), -40, 40), 90);
  // Tiny, and so large that a part is infinite: both infinities, and only the lower one.
  make("t2_n700_k50_denormal", normal(Shape(2, 700), 1e-40), 50);
  make("t3_n800_k200_infinite", normal(Shape(3, 800), 3e38), 200);
  make("t2_n300_k250_banned", uniform(Shape(2, 300), kBelowAll, 0), 250);
  make("t1_n5000_k9_all_banned", whole(Shape(1, 5000), kBelowAll, kBelowAll), 9);
  make("t2_n500_k9_not_numbers", normal(Shape(2, 500), kNaN), 9);
  make("t1_n32768_k128", normal(Shape(1, 32768), 3), 128, true);
  make("t1_n248320_k128", normal(Shape(1, 248320), 3), 128, true);
  return cases;
}

}  // namespace gannet
