#include "cli/tuner.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cli/bench_report.h"
#include "draft/options.h"

namespace gannet {
namespace {

// Shares of the time in which the parts should be over. What one leaves is for the next ones, and none gets
// less than kLeastShare.
constexpr double kThreadsEnd = 0.15, kPromptThreadsEnd = 0.25, kUbatchEnd = 0.5, kCheckEnd = 0.6,
                 kRowsEnd = 0.8, kDraftsEnd = 0.85, kFarEnd = 1, kLeastShare = 0.05;

// Another value than the default must be faster by this much, and nearly always.
constexpr double kMargin = 0.03, kMostly = 0.75;
// What the last check may cost a setting that is faster elsewhere.
constexpr double kNotSlower = 1.02;
constexpr int kLeastRounds = 3, kEnoughRounds = 5, kMostRounds = 9;
constexpr double kEnoughSeconds = 1;
constexpr int kMostRowRounds = 25;
constexpr int kFewRows = 4;  // what they cost must be known, however long it takes
// No step costs more than so many steps of one row for each of its rows; the program was stopped then.
constexpr double kMostPerRow = 1.5;
// An arm that is slower than this after one, two, three rounds is out.
constexpr double kOut[] = {1.5, 1.2, 1.08};

// One arm's turn of steps: so long, at least four steps where they are not very long, at most 32.
constexpr double kTurnSeconds = 0.03, kLongTurnSeconds = 0.5;
constexpr int kLeastSteps = 4, kMostSteps = 32;

constexpr int64_t kNear = 64;  // tokens in a short context
// Tokens of the prompts that tell how long others will take; the second one where that takes little time.
constexpr int kFirstProbe = 16, kSecondProbe = 256;
constexpr int kLeastUbatch = 128;

// What disturbs a measurement only makes it longer: the lower quartile.
double undisturbed(std::vector<double> seconds) {
  std::ranges::sort(seconds);
  return seconds[(seconds.size() - 1) / 4];
}

class Tuner {
 public:
  Tuner(TuneBench& bench, const TuneTask& task, const TuneProgress& progress)
      : bench_(bench), task_(task), progress_(progress) {
    result_.defaults = result_.found = task.defaults;
  }

  Result<TuneResult> run() {
    began_ = bench_.now();
    const double waited = bench_.waited();
    GANNET_TRY(find_threads());
    GANNET_TRY(find_prompt_threads());
    GANNET_TRY(find_ubatch());
    GANNET_TRY(check());
    bench_.keep_only(std::span(&result_.found, 1));
    GANNET_TRY(measure_rows(kNear, "steps of many rows", until(kRowsEnd)));
    if (task_.mtp) GANNET_TRY(measure_drafts());
    GANNET_TRY(measure_far());
    result_.seconds = bench_.now() - began_;
    const int n_threads = std::max(task_.defaults.n_threads, task_.defaults.n_threads_batch);
    result_.crowded = std::max(result_.crowded, (bench_.waited() - waited) / result_.seconds / n_threads);
    return std::move(result_);
  }

 private:
  using Measure = std::function<Result<double>(const TunedSettings& settings)>;
  using Setting = int TunedSettings::*;

  // Seconds that a part may take which should be over at this share of all.
  double until(double end) {
    return std::max(end * task_.seconds - (bench_.now() - began_), kLeastShare * task_.seconds);
  }

  // A turn of plain steps: the median of some.
  Result<double> decode(const TunedSettings& s, int n_rows = 1) {
    std::vector<double> seconds;
    double sum = 0;
    while (seconds.size() < kMostSteps &&
           sum < (seconds.size() < kLeastSteps ? kLongTurnSeconds : kTurnSeconds)) {
      seconds.push_back(GANNET_TRY(bench_.step(s, n_rows, kNear)));
      sum += seconds.back();
    }
    return bench_median(seconds);
  }

  // All settings take turns; the first one is what others are compared with. `drop`: they leave when they are
  // clearly slower, and all when there is no time for enough rounds.
  Result<TuneRace> race(const std::string& what, const std::vector<TunedSettings>& settings,
                        const std::vector<int>& values, double seconds, const Measure& measure,
                        bool drop = true) {
    const size_t n = settings.size();
    std::vector<std::vector<double>> times(n), ratios(n);
    std::vector<bool> out(n, false);
    const double began = bench_.now();
    double waited = 0, thread_seconds = 0;
    for (int round = 0; round < kMostRounds; ++round) {
      const double round_began = bench_.now();
      for (size_t k = 0; k < n; ++k) {
        const size_t arm = round % 2 == 0 ? k : n - 1 - k;
        if (out[arm]) continue;
        progress_(what, std::max((bench_.now() - began) / seconds,
                                 (round + static_cast<double>(k) / static_cast<double>(n)) / kMostRounds));
        const double turn_began = bench_.now(), waited_before = bench_.waited();
        times[arm].push_back(GANNET_TRY(measure(settings[arm])));
        if (arm > 0) continue;
        waited += bench_.waited() - waited_before;
        thread_seconds +=
            (bench_.now() - turn_began) * std::max(settings[0].n_threads, settings[0].n_threads_batch);
      }
      bool any = false;
      for (size_t k = 0; k < n; ++k) {
        if (out[k]) continue;
        ratios[k].push_back(times[k].back() / times[0].back());
        if (drop && k > 0 && bench_median(ratios[k]) > kOut[std::min(round, 2)]) out[k] = true;
        any = any || (k > 0 && !out[k]);
      }
      const double now = bench_.now(), next = now + (now - round_began);
      if (!any) break;
      if (next - began > (round + 1 < kLeastRounds ? 2 : 1) * seconds && (drop || round + 1 >= kLeastRounds))
        break;
      if (round + 1 >= kEnoughRounds && now - began > kEnoughSeconds) break;
    }
    TuneRace race;
    race.crowded = thread_seconds > 0 ? waited / thread_seconds : 0;
    race.standard = race.best = values[0];
    double best = 1 - kMargin;
    for (size_t k = 0; k < n; ++k) {
      const TuneArm arm{values[k], static_cast<int>(ratios[k].size()), bench_median(times[k]),
                        bench_median(ratios[k])};
      race.arms.push_back(arm);
      const auto won = std::ranges::count_if(ratios[k], [](double r) { return r < 1; });
      if (out[k] || arm.rounds < kLeastRounds || arm.ratio > best ||
          static_cast<double>(won) < kMostly * arm.rounds)
        continue;
      best = arm.ratio;
      race.best = arm.value;
    }
    return race;
  }

  // The same for values of one setting beside what was found so far.
  Result<TuneRace> race(const std::string& what, Setting setting, const std::vector<int>& values,
                        double seconds, const Measure& measure) {
    std::vector<TunedSettings> settings;
    for (const int value : values) {
      settings.push_back(result_.found);
      settings.back().*setting = value;
    }
    return race(what, settings, values, seconds, measure);
  }

  // With threads that wait for each other's processors fewer of them look better than they are.
  int best_threads(const TuneRace& race) {
    result_.crowded = std::max(result_.crowded, race.crowded);
    return race.crowded > kCrowded ? race.standard : race.best;
  }

  Result<void> find_threads() {
    std::vector<int> values = {task_.defaults.n_threads};
    const auto add = [&](int value) {
      if (value >= 1 && value <= task_.n_processors && std::ranges::count(values, value) == 0)
        values.push_back(value);
    };
    // From the default on in both directions, so that a large machine does not measure what is far from it.
    for (int more = 1; more < task_.n_processors; more *= 2) add(more);
    add(task_.n_processors);
    std::ranges::sort(values.begin() + 1, values.end(), [&](int a, int b) {
      const auto distance = [&](int v) { return std::abs(std::log(double(v) / task_.defaults.n_threads)); };
      return distance(a) < distance(b);
    });
    if (values.size() < 2) return {};
    constexpr size_t kMostArms = 5;
    if (values.size() > kMostArms) values.resize(kMostArms);
    // Threads of prompts stay as many as they are by default, so that one thing changes at a time.
    result_.threads = GANNET_TRY(race("threads", &TunedSettings::n_threads, values, until(kThreadsEnd),
                                      [this](const TunedSettings& s) { return decode(s); }));
    result_.found.n_threads = result_.threads.best = best_threads(result_.threads);
    bench_.keep_only(std::span(&result_.found, 1));
    return {};
  }

  // How many tokens of a prompt `arms` settings may read, each in as many rounds as are needed; 0: not even
  // the fewest.
  int affordable(size_t arms, double seconds, int least, int most) const {
    const double tokens = seconds * prompt_rate_ / static_cast<double>(arms) / kLeastRounds;
    if (tokens < least || least > task_.n_ctx) return 0;
    int n = least;
    while (2 * n <= std::min<int64_t>(most, task_.n_ctx) && 2 * n <= tokens) n *= 2;
    return n;
  }

  Result<void> find_prompt_threads() {
    progress_("prompts", 0);
    prompt_rate_ = kFirstProbe / GANNET_TRY(bench_.prompt(result_.found, kFirstProbe));
    if (kSecondProbe < kLeastShare * task_.seconds * prompt_rate_)
      prompt_rate_ = kSecondProbe / GANNET_TRY(bench_.prompt(result_.found, kSecondProbe));
    std::vector<int> values = {task_.defaults.n_threads_batch};
    for (const int value : {result_.found.n_threads, task_.n_processors})
      if (std::ranges::count(values, value) == 0) values.push_back(value);
    if (values.size() < 2) return {};
    const double seconds = until(kPromptThreadsEnd);
    const int n = affordable(values.size(), seconds, kLeastUbatch, task_.defaults.n_ubatch);
    if (n == 0) return leave_out("threads for prompts");
    result_.threads_batch =
        GANNET_TRY(race("threads for prompts", &TunedSettings::n_threads_batch, values, seconds,
                        [&](const TunedSettings& s) { return bench_.prompt(s, n); }));
    result_.threads_batch.n_tokens = n;
    result_.found.n_threads_batch = result_.threads_batch.best = best_threads(result_.threads_batch);
    return {};
  }

  // Uphill: the neighbours of the default, then on in the direction of the better one.
  Result<void> find_ubatch() {
    const int standard = task_.defaults.n_ubatch;
    std::vector<int> values = {standard, standard / 2, 2 * standard};
    TuneRace& all = result_.ubatch;
    for (double left = until(kUbatchEnd); left > 0;) {
      std::erase_if(values,
                    [&](int v) { return v < kLeastUbatch || v > kMostUbatchTried || v > task_.n_ctx; });
      int n = 0;
      while (values.size() > 1) {
        n = affordable(values.size(), left, std::ranges::max(values), kMostUbatchTried);
        if (n > 0) break;
        values.erase(std::ranges::max_element(values.begin() + 1, values.end()));
      }
      if (values.size() < 2) {
        if (all.arms.empty()) return leave_out("the micro-batch");
        break;
      }
      const double began = bench_.now();
      TuneRace found = GANNET_TRY(race("micro-batch", &TunedSettings::n_ubatch, values, left,
                                       [&](const TunedSettings& s) { return bench_.prompt(s, n); }));
      left -= bench_.now() - began;
      all.n_tokens = n;
      all.standard = standard;
      all.best = found.best;
      for (const TuneArm& arm : found.arms) {
        prompt_rate_ = std::max(prompt_rate_, n / arm.seconds);
        std::erase_if(all.arms, [&](const TuneArm& other) { return other.value == arm.value; });
      }
      // Of the older ones the time of fewer tokens is not comparable; their ratio is.
      for (TuneArm& other : all.arms) other.seconds = found.arms[0].seconds * other.ratio;
      all.arms.insert(all.arms.end(), found.arms.begin(), found.arms.end());
      const int next = found.best > standard ? 2 * found.best : found.best / 2;
      const bool tried = std::ranges::any_of(all.arms, [&](const TuneArm& a) { return a.value == next; });
      if (found.best == standard || tried) break;
      values = {standard, found.best, next};
      if (next < kLeastUbatch || next > kMostUbatchTried) break;
    }
    result_.found.n_ubatch = all.best;
    return {};
  }

  // The whole of it against the defaults, once more and from the beginning: what was chosen as the best of
  // many may have been lucky.
  Result<void> check() {
    TunedSettings& found = result_.found;
    const TunedSettings& standard = result_.defaults;
    const bool threads = found.n_threads != standard.n_threads;
    const bool batch = found.n_threads_batch != standard.n_threads_batch;
    const bool prompt = batch || found.n_ubatch != standard.n_ubatch;
    if (!threads && !prompt) return {};
    const std::vector<TunedSettings> both = {standard, found};
    bench_.keep_only(both);
    const double seconds = until(kCheckEnd) / (threads + batch + prompt);
    const auto run = [&](TuneRace& into, const Measure& measure) -> Result<void> {
      into = GANNET_TRY(race("found against default", both, {0, 1}, seconds, measure, false));
      return {};
    };
    if (threads) {
      GANNET_TRY(run(result_.check_decode, [this](const TunedSettings& s) { return decode(s); }));
      if (result_.check_decode.best == 0) found.n_threads = standard.n_threads;
    }
    if (prompt) {
      const int n = std::max(found.n_ubatch, standard.n_ubatch);
      GANNET_TRY(run(result_.check_prompt, [&](const TunedSettings& s) { return bench_.prompt(s, n); }));
      result_.check_prompt.n_tokens = n;
    }
    // Verifying a draft runs with the threads of prompts.
    if (batch) GANNET_TRY(run(result_.check_rows, [this](const TunedSettings& s) { return decode(s, 4); }));
    if ((prompt && result_.check_prompt.best == 0) ||
        (batch && result_.check_rows.arms[1].ratio > kNotSlower)) {
      found.n_threads_batch = standard.n_threads_batch;
      found.n_ubatch = standard.n_ubatch;
    }
    return {};
  }

  // Steps of all numbers of rows, each right behind one of a single row, so that a machine whose speed
  // changes disturbs both alike.
  Result<void> measure_rows(int64_t n_past, const std::string& what, double seconds) {
    const auto& rows = CostTable::kRows;
    const int64_t most = std::min<int64_t>(rows.back(), task_.n_ctx - n_past);
    std::vector<std::vector<double>> one(rows.size()), many(rows.size());
    std::vector<double> ones;
    const double began = bench_.now();
    const auto elapsed = [&] { return bench_.now() - began; };
    const auto more = [&](int round, int n) { return elapsed() < seconds || (round == 0 && n <= kFewRows); };
    for (int round = 0; round < kMostRowRounds && more(round, 1); ++round) {
      for (size_t i = 1; i < rows.size() && rows[i] <= most && more(round, rows[i]); ++i) {
        progress_(what, std::max(elapsed() / seconds, (round + static_cast<double>(i) / rows.size()) /
                                                          static_cast<double>(kMostRowRounds)));
        // Twice in the first round: of a single measurement nobody knows what came between. The step behind
        // one of many rows has their part of the recurrent state to bring up to date, so it is not timed.
        for (int k = round == 0 ? 2 : 1; k > 0; --k) {
          GANNET_TRY(bench_.step(result_.found, 1, n_past));
          one[i].push_back(GANNET_TRY(bench_.step(result_.found, 1, n_past)));
          many[i].push_back(GANNET_TRY(bench_.step(result_.found, rows[i], n_past)));
          ones.push_back(one[i].back());
        }
      }
      if (round + 1 >= kMostRounds && elapsed() > kEnoughSeconds) break;
    }
    const double plain = undisturbed(ones);
    result_.rows.push_back({1, n_past, plain, 1, static_cast<int>(ones.size())});
    for (size_t i = 1; i < rows.size() && !many[i].empty(); ++i) {
      const double ratio = undisturbed(many[i]) / undisturbed(one[i]);
      if (ratio > kMostPerRow * rows[i]) continue;
      result_.rows.push_back({rows[i], n_past, plain * ratio, ratio, static_cast<int>(many[i].size())});
    }
    return {};
  }

  Result<void> measure_drafts() {
    std::vector<std::vector<double>> times(std::size(kTuneDrafts));
    std::vector<double> ones;
    const double began = bench_.now(), seconds = until(kDraftsEnd);
    for (int round = 0; round < kMostRounds; ++round) {
      progress_("drafts", std::max((bench_.now() - began) / seconds, double(round) / kMostRounds));
      for (size_t i = 0; i < times.size(); ++i) {
        times[i].push_back(GANNET_TRY(bench_.draft(result_.found, kTuneDrafts[i])));
        ones.push_back(GANNET_TRY(bench_.step(result_.found, 1, kNear)));
      }
      if (round + 1 >= kLeastRounds && bench_.now() - began > seconds) break;
    }
    // In steps of that time, since those of all others are.
    const double scale = result_.rows.front().seconds / undisturbed(ones);
    for (const auto& t : times) result_.drafts.push_back(undisturbed(t) * scale);
    return {};
  }

  Result<void> measure_far() {
    const double seconds = until(kFarEnd);
    int64_t far = task_.far;
    const auto fill = [&] { return static_cast<double>(far) / prompt_rate_; };
    while (far / 2 >= kFirstFar && fill() > 0.6 * seconds) far /= 2;
    if (far < kFirstFar || far + kNear > task_.n_ctx) return {};
    if (fill() > 0.6 * seconds)
      return leave_out(fmt::format("a context of {} tokens (reading them takes {:.0f} s)", far, fill()));
    progress_(fmt::format("a context of {} tokens", far), 0);
    const double began = bench_.now();
    GANNET_TRY(bench_.step(result_.found, 1, far));
    const double left = std::max(seconds - (bench_.now() - began), 0.25 * seconds);
    return measure_rows(far, "steps in a longer context", left);
  }

  Result<void> leave_out(const std::string& what) {
    result_.left_out += (result_.left_out.empty() ? "" : ", ") + what;
    return {};
  }

  TuneBench& bench_;
  const TuneTask& task_;
  const TuneProgress& progress_;
  TuneResult result_;
  double began_ = 0;
  double prompt_rate_ = 0;  // tokens per second
};

}  // namespace

Result<TuneResult> tune(TuneBench& bench, const TuneTask& task, const TuneProgress& progress) {
  return Tuner(bench, task, progress).run();
}

TunedSettings settings_to_keep(const TuneResult& result) {
  const TunedSettings &found = result.found, &standard = result.defaults;
  TunedSettings kept;
  // Threads of prompts follow those of generating where nothing is said of them.
  if (found.n_threads != standard.n_threads || found.n_threads_batch != standard.n_threads_batch) {
    kept.n_threads = found.n_threads;
    kept.n_threads_batch = found.n_threads_batch;
  }
  if (found.n_ubatch != standard.n_ubatch) kept.n_ubatch = found.n_ubatch;
  return kept;
}

CostTable cost_table(const TuneResult& result) {
  CostTable::Data data;
  const int most = result.crowded > kCrowded ? 2 : kMostRowRounds;
  for (const TunedRow& row : result.rows) {
    const auto at = std::ranges::find(CostTable::kRows, row.n_rows) - CostTable::kRows.begin();
    data.steps[static_cast<size_t>(CostTable::context_of(row.n_past))][static_cast<size_t>(at)] = {
        row.seconds, std::min(row.rounds, most)};
  }
  CostTable table;
  table.restore(data);
  // Often enough that a line is drawn through them.
  for (int i = 0; i < kLeastRounds; ++i)
    for (size_t k = 0; k < result.drafts.size(); ++k)
      table.measured_draft(source_name(SourceKind::kMtp), kTuneDrafts[k], result.drafts[k]);
  return table;
}

double break_even(double cost, int n) {
  if (cost >= n + 1) return 2;
  double low = 0, high = 1;
  for (int i = 0; i < 50; ++i) {
    const double a = (low + high) / 2;
    double tokens = 1, alive = 1;
    for (int k = 0; k < n; ++k) tokens += alive *= a;
    (tokens < cost ? low : high) = a;
  }
  return high;
}

}  // namespace gannet
