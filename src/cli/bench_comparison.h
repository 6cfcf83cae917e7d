// What speculation did to time and text: the runs of a test beside those of the same test without drafts,
// which took turns with them.
#pragma once

#include <string>
#include <vector>

#include "cli/bench_report.h"

namespace gannet {

// Sets what `record` has to say in comparison: ratio_to_off, same_text and kinds. `off`: the test without
// drafts, which may be the record itself; null: there is none, and only the rates of kinds are set. The
// result names every prompt whose answer was not always that of the first run of `off`, and where they part.
std::vector<std::string> compare_with_off(BenchRecord& record, const BenchRecord* off);

}  // namespace gannet
