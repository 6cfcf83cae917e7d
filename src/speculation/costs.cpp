#include "speculation/costs.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace gannet {
namespace {

constexpr size_t kN = CostTable::kRows.size();

// Weights of a new measurement. Together they are the 0.1 of a usual moving average: drift is shared by all
// entries, so the larger part of it goes to the scale.
constexpr double kScaleWeight = 0.07, kCellWeight = 0.04, kAnchorWeight = 0.1, kNoiseWeight = 0.05;
// Entries with so many measurements may move the scale: a younger one that is off says nothing about drift.
constexpr int64_t kSettled = 8;
constexpr int64_t kMostRestored = 16;
constexpr double kOutlier = 2;
// So many outliers in a row are the new truth.
constexpr int kStrikes = 3;
// A row more, where nobody has a better guess.
constexpr double kGuessPerRow = 0.3;

struct Between {
  uint8_t low;  // index into kRows
  float part;   // of the way to the next
};
constexpr std::array<Between, CostTable::kMostRows + 1> between() {
  std::array<Between, CostTable::kMostRows + 1> table{};
  size_t low = 0;
  for (int rows = 1; rows <= CostTable::kMostRows; ++rows) {
    while (low + 1 < kN && CostTable::kRows[low + 1] <= rows) ++low;
    const int from = CostTable::kRows[low];
    const int to = low + 1 < kN ? CostTable::kRows[low + 1] : from + 1;
    table[static_cast<size_t>(rows)] = {static_cast<uint8_t>(low),
                                        static_cast<float>(rows - from) / static_cast<float>(to - from)};
  }
  table[0] = table[1];
  return table;
}
constexpr auto kBetween = between();

const Between& place_of(int n_rows) {
  return kBetween[static_cast<size_t>(std::clamp(n_rows, 1, CostTable::kMostRows))];
}

double value_at(const std::array<double, kN>& row, int n_rows) {
  const Between& b = place_of(n_rows);
  const double low = row[b.low];
  if (b.part > 0) return low + double{b.part} * (row[b.low + 1] - low);
  if (n_rows <= CostTable::kMostRows) return low;
  const double per_row = (row[kN - 1] - row[kN - 2]) / (CostTable::kRows[kN - 1] - CostTable::kRows[kN - 2]);
  return low + (n_rows - CostTable::kMostRows) * per_row;
}

// The rising row nearest to `row` in weighted squares (pool adjacent violators).
void make_rising(std::array<double, kN>& row, const std::array<double, kN>& weights) {
  struct Pool {
    double value, weight;
    size_t n;
  };
  std::array<Pool, kN> pools;
  size_t n = 0;
  for (size_t i = 0; i < kN; ++i) {
    pools[n++] = {row[i], weights[i], 1};
    while (n > 1 && pools[n - 2].value > pools[n - 1].value) {
      Pool& into = pools[n - 2];
      const Pool& from = pools[n - 1];
      into.value = (into.value * into.weight + from.value * from.weight) / (into.weight + from.weight);
      into.weight += from.weight;
      into.n += from.n;
      --n;
    }
  }
  size_t at = 0;
  for (size_t p = 0; p < n; ++p)
    for (size_t k = 0; k < pools[p].n; ++k) row[at++] = pools[p].value;
}

}  // namespace

int CostTable::context_of(int64_t n_past) {
  if (n_past < 4096) return 0;
  return std::min(static_cast<int>(std::bit_width(static_cast<uint64_t>(n_past))) - 12, kContexts - 1);
}

CostTable::CostTable() {
  for (size_t i = 0; i < kN; ++i) guess_[i] = 1 + kGuessPerRow * (kRows[i] - 1);
  from_.fill(-1);
}

void CostTable::set_guess(std::vector<double> ratio_of_rows) {
  GANNET_CHECK(ratio_of_rows.size() == static_cast<size_t>(kMostRows), "a guess for 1 to 64 rows");
  double least = 1;
  for (size_t i = 0; i < kN; ++i) {
    least = std::max(least, ratio_of_rows[static_cast<size_t>(kRows[i] - 1)] / ratio_of_rows[0]);
    guess_[i] = least;
  }
  fit_all();
}

// The steps of one row that say what the machine's speed is: those of the length of context that was measured
// most often. Their entry stays as it is and only the scale moves; were both to move, slow first steps of a
// process would each time leave the scale a little higher, and all other entries with it.
bool CostTable::is_anchor(const Cell& cell, size_t context) const {
  if (&cell != data_.steps[context].data() || cell.n < kSettled) return false;
  for (size_t other = 0; other < kContexts; ++other) {
    const int64_t n = data_.steps[other][0].n;
    if (n > cell.n || (n == cell.n && other < context)) return false;
  }
  return true;
}

// Whether the measurement was believed.
bool CostTable::update(Cell& cell, size_t context, double seconds, double share) {
  const auto index = static_cast<size_t>(&cell - data_.steps[context].data());
  int8_t& strikes = strikes_[context][index];
  const bool young = cell.n <= 2 && seconds * kOutlier < cell.seconds;  // the first one was the outlier
  if (cell.n > 0 && !young && (seconds > kOutlier * cell.seconds || seconds * kOutlier < cell.seconds)) {
    if (++strikes < kStrikes) return false;
    // The machine is another one than before: plain steps say so for all.
    if (index == 0) scale_ *= seconds / cell.seconds;
    cell = index == 0 ? cell : Cell{seconds, 1};
  } else if (cell.n == 0 || young) {
    cell = {seconds, 1};
  } else {
    if (!is_anchor(cell, context))
      cell.seconds +=
          share * std::max(1.0 / static_cast<double>(cell.n + 1), kCellWeight) * (seconds - cell.seconds);
    ++cell.n;
  }
  strikes = 0;
  return true;
}

void CostTable::measured_step(int n_rows, int64_t n_past, double seconds) {
  if (n_rows < 1 || n_rows > kMostRows || !(seconds > 0) || !std::isfinite(seconds)) return;
  const auto context = static_cast<size_t>(context_of(n_past));
  auto& cells = data_.steps[context];
  const Between& b = place_of(n_rows);
  const bool first = from_[context] != static_cast<int>(context);
  if (!first) {
    const double ratio = seconds / step_seconds(n_rows, n_past);
    const int64_t n = b.part > 0 ? std::min(cells[b.low].n, cells[b.low + 1].n) : cells[b.low].n;
    if (n >= 2 && ratio < kOutlier && ratio > 1 / kOutlier) {
      ++n_noise_;
      noise_ +=
          std::max(kNoiseWeight, 1 / static_cast<double>(n_noise_ + 1)) * (std::abs(ratio - 1) - noise_);
    }
    if (n >= kSettled && ratio < kOutlier && ratio > 1 / kOutlier) {
      const double weight = std::max(is_anchor(cells[b.low], context) ? kAnchorWeight : kScaleWeight,
                                     1 / (1.0 + static_cast<double>(n_scaled_)));
      scale_ *= 1 + weight * (ratio - 1);
      ++n_scaled_;
    }
  }
  const double x = seconds / scale_;
  bool believed = false;
  if (b.part <= 0) {
    believed = update(cells[b.low], context, x, 1);
  } else if (from_[context] < 0) {
    believed = update(cells[b.low], context, x * guess_[b.low] / guess(n_rows), 1);
  } else {
    // Between two entries: both are off by the same factor, the nearer one more surely.
    const Row& row = fitted_[static_cast<size_t>(from_[context])];
    const double ratio = x / value_at(row, n_rows);
    const double low = row[b.low], high = row[b.low + 1];
    believed = update(cells[b.low], context, low * ratio, 1 - double{b.part});
    believed = update(cells[b.low + 1], context, high * ratio, double{b.part}) || believed;
  }
  if (!believed) return;
  most_measured_ = std::max(most_measured_, n_rows);
  if (first)
    fit_all();
  else
    fit(context);
}

double CostTable::guess(int n_rows) const {
  return value_at(guess_, n_rows);
}

// Fills in what was not measured, by the shape of the guess, or of the nearest length of context.
void CostTable::fit(size_t context) {
  const auto& cells = data_.steps[context];
  Row& row = fitted_[context];
  Row shape = guess_;
  int nearest = kContexts;
  for (size_t other = 0; other < kContexts; ++other) {
    const int distance = std::abs(static_cast<int>(other) - static_cast<int>(context));
    if (other == context || distance >= nearest) continue;
    if (!has_shape_[other]) continue;
    nearest = distance;
    for (size_t i = 0; i < kN; ++i) shape[i] = fitted_[other][i] / fitted_[other][0];
  }

  std::array<double, kN> weights;
  size_t before = kN;  // the last measured one
  for (size_t i = 0; i < kN; ++i) {
    weights[i] = cells[i].n > 0 ? static_cast<double>(std::min<int64_t>(cells[i].n, 64)) : 0.5;
    if (cells[i].n == 0) continue;
    row[i] = cells[i].seconds;
    const double factor = row[i] / shape[i];
    if (before == kN) {
      for (size_t k = 0; k < i; ++k) row[k] = shape[k] * factor;
    } else {
      const double old = row[before] / shape[before];
      for (size_t k = before + 1; k < i; ++k) {
        const double part = static_cast<double>(kRows[k] - kRows[before]) / (kRows[i] - kRows[before]);
        row[k] = shape[k] * (old + part * (factor - old));
      }
    }
    before = i;
  }
  if (before == kN) return;
  // Behind the last one: what a row more costs beside the guess is as it was so far, and not less than half
  // of what rows cost so far.
  const double one = row[0];
  double steeper = 1, least = 0;
  if (before > 0) {
    steeper = std::clamp((row[before] / one - 1) / std::max(shape[before] - 1, 0.01), 0.25, 4.0);
    least = std::max(row[before] - one, 0.0) / (kRows[before] - 1) / 2;
  }
  for (size_t k = before + 1; k < kN; ++k)
    row[k] = row[before] +
             std::max(one * steeper * (shape[k] - shape[before]), least * (kRows[k] - kRows[before]));
  has_shape_[context] = cells[0].n > 0 && before > 0;
  make_rising(row, weights);
  for (size_t i = 0; i < kN; ++i)
    least_[context][i] = row[i] * (1 - noise_ / std::sqrt(std::max(weights[i], 1.0)));
}

void CostTable::fit_all() {
  std::array<bool, kContexts> own{};
  for (size_t c = 0; c < kContexts; ++c)
    own[c] = std::ranges::any_of(data_.steps[c], [](const Cell& cell) { return cell.n > 0; });
  for (size_t c = 0; c < kContexts; ++c) {
    from_[c] = -1;
    int nearest = kContexts;
    for (size_t other = 0; other < kContexts; ++other) {
      const int distance = std::abs(static_cast<int>(other) - static_cast<int>(c));
      if (!own[other] || distance >= nearest) continue;
      nearest = distance;
      from_[c] = static_cast<int>(other);
    }
  }
  // Twice: shapes are taken from rows that are made here too.
  for (int pass = 0; pass < 2; ++pass)
    for (size_t c = 0; c < kContexts; ++c)
      if (own[c]) fit(c);
}

double CostTable::step_seconds(int n_rows, int64_t n_past) const {
  const int from = from_[static_cast<size_t>(context_of(n_past))];
  return from < 0 ? 0 : scale_ * value_at(fitted_[static_cast<size_t>(from)], n_rows);
}

double CostTable::least_step_seconds(int n_rows, int64_t n_past) const {
  const int from = from_[static_cast<size_t>(context_of(n_past))];
  return from < 0 ? 0 : scale_ * value_at(least_[static_cast<size_t>(from)], n_rows);
}

bool CostTable::step_known(int n_rows, int64_t n_past) const {
  const auto context = static_cast<size_t>(context_of(n_past));
  return from_[context] == static_cast<int>(context) && step_measurements(n_rows, n_past) >= 2;
}

int64_t CostTable::step_measurements(int n_rows, int64_t n_past) const {
  const int from = from_[static_cast<size_t>(context_of(n_past))];
  if (from < 0 || n_rows > kMostRows) return 0;
  const auto& cells = data_.steps[static_cast<size_t>(from)];
  const Between& b = place_of(n_rows);
  return b.part > 0 ? std::min(cells[b.low].n, cells[b.low + 1].n) : cells[b.low].n;
}

CostTable::Data CostTable::data() const {
  Data scaled = data_;
  for (auto& context : scaled.steps)
    for (Cell& cell : context) cell.seconds *= scale_;
  for (Draft& d : scaled.drafts) {
    d.t *= scale_;
    d.nt *= scale_;
  }
  std::erase_if(scaled.drafts, [](const Draft& d) { return d.measurements == 0; });
  return scaled;
}

void CostTable::restore(Data data) {
  data_ = std::move(data);
  scale_ = 1;
  n_scaled_ = 0;
  strikes_ = {};
  most_measured_ = 0;
  for (auto& context : data_.steps)
    for (size_t i = 0; i < kN; ++i) {
      if (context[i].n > 0) most_measured_ = std::max(most_measured_, kRows[i]);
      context[i].n = std::min(context[i].n, kMostRestored);
    }
  lines_.assign(data_.drafts.size(), {});
  for (size_t s = 0; s < lines_.size(); ++s) solve(s);
  fit_all();
}

}  // namespace gannet
