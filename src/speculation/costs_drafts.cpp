// What drafts cost: a line through times by number of tokens, old ones fading. speculation/costs.h.
#include <algorithm>
#include <cmath>

#include "speculation/costs.h"

namespace gannet {
namespace {

constexpr double kFade = 0.95;  // per measurement
// As with steps: what is so many times off counts only if it is so a few times in a row.
constexpr double kOutlier = 2;
constexpr int kStrikes = 3;

}  // namespace

int CostTable::source(const std::string& name) {
  const auto it = std::ranges::find(data_.drafts, name, &Draft::source);
  if (it != data_.drafts.end()) return static_cast<int>(it - data_.drafts.begin());
  data_.drafts.push_back({name});
  lines_.push_back({});
  return static_cast<int>(lines_.size()) - 1;
}

void CostTable::measured_draft(const std::string& name, int n_tokens, double seconds) {
  measured_draft(source(name), n_tokens, seconds);
}

void CostTable::measured_draft(int source, int n_tokens, double seconds) {
  if (n_tokens < 1 || !(seconds >= 0) || !std::isfinite(seconds)) return;
  Draft& d = data_.drafts[static_cast<size_t>(source)];
  Line& line = lines_[static_cast<size_t>(source)];
  const double predicted = draft_seconds(source, n_tokens);
  if (d.measurements > 0 && seconds > kOutlier * predicted && ++line.strikes < kStrikes) return;
  if (line.strikes >= kStrikes || (d.measurements <= 2 && seconds * kOutlier < predicted)) d = {d.source};
  line.strikes = 0;
  const double t = seconds / scale_, n = n_tokens;
  for (double* sum : {&d.weight, &d.n, &d.nn, &d.t, &d.nt}) *sum *= kFade;
  d.weight += 1;
  d.n += n;
  d.nn += n * n;
  d.t += t;
  d.nt += n * t;
  ++d.measurements;
  solve(static_cast<size_t>(source));
}

// The line is drawn through the origin where lengths do not differ enough to tell.
void CostTable::solve(size_t source) {
  const Draft& d = data_.drafts[source];
  Line& line = lines_[source];
  if (d.measurements == 0) return;
  const double towards_origin = 0.1;
  const double w = d.weight + towards_origin;
  const double determinant = w * d.nn - d.n * d.n;
  double per_token = determinant > 0 ? (w * d.nt - d.n * d.t) / determinant : d.nt / d.nn;
  double per_draft = (d.t - per_token * d.n) / w;
  if (per_draft < 0) {
    per_draft = 0;
    per_token = d.nt / d.nn;
  }
  if (per_token < 0) {
    per_token = 0;
    per_draft = d.t / d.weight;
  }
  line.per_draft = per_draft;
  line.per_token = per_token;
}

double CostTable::draft_seconds(int source, int n_tokens) const {
  const Line& line = lines_[static_cast<size_t>(source)];
  return n_tokens < 1 ? 0 : scale_ * (line.per_draft + line.per_token * n_tokens);
}

int64_t CostTable::draft_measurements(int source) const {
  return data_.drafts[static_cast<size_t>(source)].measurements;
}

double CostTable::draft_seconds(const std::string& name, int n_tokens) const {
  const auto it = std::ranges::find(data_.drafts, name, &Draft::source);
  return it == data_.drafts.end() ? 0 : draft_seconds(static_cast<int>(it - data_.drafts.begin()), n_tokens);
}

bool CostTable::draft_known(const std::string& name) const {
  const auto it = std::ranges::find(data_.drafts, name, &Draft::source);
  return it != data_.drafts.end() && it->measurements > 0;
}

}  // namespace gannet
