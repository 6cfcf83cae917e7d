// Values of the bench flags: every flag takes a list ("1,2"), ranges ("1-8", "16-64+16", "1-64*2") and may be
// repeated. Knows nothing of what the values mean.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace gannet {

// Longest list that one flag may stand for; a typing error must not start a year of work.
inline constexpr size_t kMaxBenchValues = 4096;

// The numbers that the values of `flag` mean, in the order given: `a`, `a-b` (step 1), `a-b+s` (step s),
// `a-b*m` (each m times the one before); the end is included when it is hit. Errors: kUsage, naming the flag
// and the text.
Result<std::vector<int64_t>> parse_bench_numbers(const std::string& flag,
                                                 const std::vector<std::string>& values);

// "512,128": the two numbers of one test that reads a prompt and then generates. Errors: kUsage.
Result<std::vector<std::pair<int64_t, int64_t>>> parse_bench_pairs(const std::string& flag,
                                                                   const std::vector<std::string>& values);

// The comma-separated words of the values; empty words are dropped.
std::vector<std::string> split_bench_words(const std::vector<std::string>& values);

}  // namespace gannet
