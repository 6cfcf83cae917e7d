// What this machine does best with a model: threads, micro-batch, what steps of many rows and drafts cost.
// Decides what is worth measuring in the time there is, and what follows from it. How something is measured
// is the business of a TuneBench, so that the decisions can be tried on machines that do not exist.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "speculation/profile.h"

namespace gannet {

// What can be measured. Settings are complete (no 0). Times are seconds; what only happens once (plans, first
// touch of memory, threads that wake up) is not in them. Errors are those of sessions, and kInterrupted.
class TuneBench {
 public:
  virtual ~TuneBench() = default;
  virtual double now() = 0;  // a clock
  // How long threads of this program were kept waiting for a processor so far, summed over them; 0 where the
  // system does not tell.
  virtual double waited() = 0;
  // A step of n_rows rows of one sequence behind about n_past tokens, as verifying a draft needs it.
  virtual Result<double> step(const TunedSettings& settings, int n_rows, int64_t n_past) = 0;
  // A prompt of n_tokens.
  virtual Result<double> prompt(const TunedSettings& settings, int n_tokens) = 0;
  // Drafting n_tokens with the model's own block, and its catching up with the text.
  virtual Result<double> draft(const TunedSettings& settings, int n_tokens) = 0;
  // Nothing else will be asked for from now on: memory of other settings can go.
  virtual void keep_only(std::span<const TunedSettings> settings) = 0;
};

inline constexpr int kMostUbatchTried = 2048;
// The shortest of the longer contexts that have costs of their own.
inline constexpr int64_t kFirstFar = 4096;

struct TuneTask {
  double seconds = 40;      // what measuring may take, about
  TunedSettings defaults;   // complete
  int n_processors = 1;     // logical ones; as many threads are tried
  bool mtp = false;         // drafts can be measured
  int64_t n_ctx = 4096;     // no sequence may be longer
  int64_t far = kFirstFar;  // a longer context that is worth measuring; 0: none
};

// Values of one setting that took turns.
struct TuneArm {
  int value = 0;
  int rounds = 0;
  double seconds = 0;  // median
  double ratio = 1;    // to the default of the same round, median; above 1: slower
};
struct TuneRace {
  std::vector<TuneArm> arms;  // empty: was not run
  int standard = 0;           // the default's value
  int best = 0;               // that, unless another one is better by a clear margin
  int n_tokens = 1;           // that an arm's `seconds` stand for
  double crowded = 0;         // share of the default's time in which its threads waited for a processor
};

struct TunedRow {
  int n_rows = 1;
  int64_t n_past = 0;
  double seconds = 0, ratio = 1;  // ratio: to a step of one row
  int rounds = 0;
};

struct TuneResult {
  TunedSettings defaults, found;  // complete; the same where nothing is better
  TuneRace threads, threads_batch, ubatch;
  // Found against default in turns at the end, while generating, while reading prompts, and in steps of four
  // rows; empty where both do the same.
  TuneRace check_decode, check_prompt, check_rows;
  // Share of the time in which threads waited for a processor. From kCrowded on other programs are in the
  // way: numbers of threads cannot be judged, and costs are only believed until runs have measured them.
  double crowded = 0;
  std::vector<TunedRow> rows;  // by context, then by rows
  std::vector<double> drafts;  // seconds of drafts of kTuneDrafts tokens; empty: none measured
  std::string left_out;        // what was not measured for want of time, and why; empty: nothing
  double seconds = 0;          // that measuring took
};
inline constexpr int kTuneDrafts[] = {1, 2, 4, 8};
inline constexpr double kCrowded = 0.1;

// Told what is being done, and how much of that is over.
using TuneProgress = std::function<void(const std::string& what, double fraction)>;

Result<TuneResult> tune(TuneBench& bench, const TuneTask& task, const TuneProgress& progress);

// What is stored: settings that differ from the defaults, and the costs.
TunedSettings settings_to_keep(const TuneResult& result);
CostTable cost_table(const TuneResult& result);

// Acceptance per token from which drafts of n tokens pay: where 1 + a + ... + a^n is what the step and the
// draft cost, in plain steps. Above 1: never.
double break_even(double cost, int n);

}  // namespace gannet
