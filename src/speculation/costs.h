// What steps and drafts cost on this machine, as measured; stored between runs by speculation/profile.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace gannet {

// Seconds of a step of T rows, V(T), by T and the length of the context, and of drafting n tokens, d(n).
// Times of machines drift (heat, other guests of the host): all entries are scaled by how the last steps
// differed from what the table said of them, so that those that were not used lately stay comparable.
class CostTable {
 public:
  // Rows at which times are kept; between them it is interpolated, never falling with more rows.
  static constexpr std::array<int, 13> kRows = {1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64};
  static constexpr int kMostRows = 64;
  // Lengths of context: below 4096 tokens, below twice that, and so on; the last is open.
  static constexpr int kContexts = 10;
  static int context_of(int64_t n_past);

  CostTable();

  // A guess of V(T)/V(1) where nothing was measured yet (for example from the bytes that a model must read).
  void set_guess(std::vector<double> ratio_of_rows);  // [64], ratio_of_rows[T - 1]
  void measured_step(int n_rows, int64_t n_past, double seconds);
  void measured_draft(const std::string& source, int n_tokens, double seconds);

  // 0 until a step was measured at all.
  double step_seconds(int n_rows, int64_t n_past) const;
  // The least that it may be: noise of the clock can make an entry with few measurements too large, and what
  // looks too expensive is never measured again.
  double least_step_seconds(int n_rows, int64_t n_past) const;
  // Measured often enough to be relied on, at this length of context.
  bool step_known(int n_rows, int64_t n_past) const;
  // 0 until a draft was measured.
  double draft_seconds(const std::string& source, int n_tokens) const;
  bool draft_known(const std::string& source) const;

  // The same by number, for every round.
  int source(const std::string& name);  // added when it is not there
  void measured_draft(int source, int n_tokens, double seconds);
  double draft_seconds(int source, int n_tokens) const;
  int64_t draft_measurements(int source) const;
  // Of the less often measured one of the entries that step_seconds() reads; other lengths of context count.
  int64_t step_measurements(int n_rows, int64_t n_past) const;
  // The most rows that were ever measured; 0: none.
  int most_measured_rows() const { return most_measured_; }
  // Changes with drift; only ratios mean something.
  double scale() const { return scale_; }
  // Of a single measurement, as a part of it.
  double noise() const { return noise_; }

  struct Cell {
    double seconds = 0;
    int64_t n = 0;  // measurements
    bool operator==(const Cell&) const = default;
  };
  // Sums of a weighted least squares line through drafts of n tokens that took t.
  struct Draft {
    std::string source;
    double weight = 0, n = 0, nn = 0, t = 0, nt = 0;
    int64_t measurements = 0;
    bool operator==(const Draft&) const = default;
  };
  // What is stored.
  struct Data {
    std::array<std::array<Cell, kRows.size()>, kContexts> steps{};
    std::vector<Draft> drafts;
    bool operator==(const Data&) const = default;
  };
  Data data() const;
  // Replaces what is there. Old measurements give way to new ones as if there had been few of them.
  void restore(Data data);

 private:
  using Row = std::array<double, kRows.size()>;
  struct Line {
    double per_draft = 0, per_token = 0;
    int strikes = 0;
  };
  bool is_anchor(const Cell& cell, size_t context) const;
  bool update(Cell& cell, size_t context, double seconds, double share);
  void fit(size_t context);
  void fit_all();
  void solve(size_t source);
  double guess(int n_rows) const;

  Data data_;  // seconds / scale_
  double scale_ = 1;
  int64_t n_scaled_ =
      int64_t{1} << 30;  // since restore(); nothing that is stored: the scale is good as it is
  Row guess_{};          // V(T)/V(1)
  // Seconds / scale_ of all rows: measured or filled in, and rising. From another length of context (from_)
  // where nothing was measured; -1: nowhere.
  std::array<Row, kContexts> fitted_{};
  std::array<int, kContexts> from_{};
  std::array<bool, kContexts> has_shape_{};  // one row and others were measured
  std::array<Row, kContexts> least_{};       // least_step_seconds() of entries
  std::array<std::array<int8_t, kRows.size()>, kContexts> strikes_{};
  double noise_ = 0.02;
  int64_t n_noise_ = 0;
  std::vector<Line> lines_;
  int most_measured_ = 0;
};

}  // namespace gannet
