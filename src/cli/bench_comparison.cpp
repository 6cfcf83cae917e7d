#include "cli/bench_comparison.h"

#include <algorithm>

#include <fmt/format.h>

namespace gannet {
namespace {

double median_ratio(const std::vector<double>& rates, const std::vector<double>& plain) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(rates.size(), plain.size()); ++i)
    if (plain[i] > 0) ratios.push_back(rates[i] / plain[i]);
  return bench_median(ratios);
}

// Of one run; 0 where no answer of this kind has a second token.
double rate_of_kind(const std::vector<BenchAnswer>& answers, const std::string& kind) {
  int64_t tokens = 0, nanoseconds = 0;
  for (const BenchAnswer& answer : answers) {
    if (answer.kind != kind || answer.tokens.empty()) continue;
    tokens += static_cast<int64_t>(answer.tokens.size()) - 1;
    nanoseconds += answer.nanoseconds;
  }
  return nanoseconds == 0 ? 0 : 1e9 * static_cast<double>(tokens) / static_cast<double>(nanoseconds);
}

std::vector<BenchKind> kinds_of(const BenchRecord& record) {
  std::vector<BenchKind> kinds;
  if (record.answers.empty()) return kinds;
  for (const BenchAnswer& answer : record.answers[0])
    if (std::ranges::find(kinds, answer.kind, &BenchKind::name) == kinds.end())
      kinds.push_back({.name = answer.kind});
  for (BenchKind& kind : kinds)
    for (const std::vector<BenchAnswer>& answers : record.answers)
      kind.samples_ts.push_back(rate_of_kind(answers, kind.name));
  return kinds;
}

std::string token_text(const std::vector<TokenId>& tokens, size_t at) {
  return at < tokens.size() ? fmt::format("{}", tokens[at]) : std::string("the end");
}

}  // namespace

std::vector<std::string> compare_with_off(BenchRecord& record, const BenchRecord* off) {
  std::vector<std::string> differences;
  record.kinds = kinds_of(record);
  if (off == nullptr) return differences;
  record.ratio_to_off = median_ratio(record.samples_ts(), off->samples_ts());
  const std::vector<BenchKind> plain = kinds_of(*off);
  for (size_t i = 0; i < std::min(record.kinds.size(), plain.size()); ++i)
    record.kinds[i].ratio_to_off = median_ratio(record.kinds[i].samples_ts, plain[i].samples_ts);
  if (record.answers.empty() || off->answers.empty()) return differences;
  record.same_text = 0;
  for (size_t i = 0; i < off->answers[0].size(); ++i) {
    const BenchAnswer& right = off->answers[0][i];
    const auto other = std::ranges::find_if(
        record.answers, [&](const auto& answers) { return answers[i].tokens != right.tokens; });
    if (other == record.answers.end()) {
      ++record.same_text;
      continue;
    }
    const std::vector<TokenId>& tokens = (*other)[i].tokens;
    const auto at = static_cast<size_t>(std::ranges::mismatch(tokens, right.tokens).in1 - tokens.begin());
    differences.push_back(fmt::format("{} {}: token {} of the answer is {}, without drafts {}", right.kind,
                                      right.name, at + 1, token_text(tokens, at),
                                      token_text(right.tokens, at)));
  }
  return differences;
}

}  // namespace gannet
