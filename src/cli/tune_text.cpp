#include "cli/tune_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "draft/options.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDraftLengths[] = {1, 2, 3, 4, 7, 15, 31, 63};
constexpr int kMostBlockDrafts = 15;
constexpr double kAcceptances[] = {0.5, 0.7, 0.9};

// Seconds of a source for n tokens; none for those that look up.
double draft_seconds(const CostTable& costs, const std::string& source, int n) {
  return source.empty() ? 0 : costs.draft_seconds(source, n);
}

// What a step that verifies n drafted tokens costs with drafting them, in plain steps.
double round_cost(const CostTable& costs, int64_t n_past, const std::string& source, int n) {
  return (costs.step_seconds(n + 1, n_past) + draft_seconds(costs, source, n)) /
         costs.step_seconds(1, n_past);
}

struct BestLength {
  int n = 0;
  double speed = 1;  // against plain steps
};
BestLength best_length(const CostTable& costs, int64_t n_past, const std::string& source, double acceptance) {
  BestLength best;
  double tokens = 1, alive = 1;
  for (int n = 1; n < CostTable::kMostRows && (source.empty() || n <= kMostBlockDrafts); ++n) {
    tokens += alive *= acceptance;
    const double speed = tokens / round_cost(costs, n_past, source, n);
    if (speed > best.speed) best = {n, speed};
  }
  return best;
}

std::string rate_text(double rate) {
  return rate >= 1000 ? fmt::format("{:.0f}", rate) : fmt::format("{:.1f}", rate);
}

std::string milliseconds(double seconds) {
  return fmt::format("{:.{}f} ms", 1e3 * seconds, seconds < 0.1 ? 2 : 0);
}

std::string race_text(const std::string& title, const TuneRace& race) {
  if (race.arms.empty()) return {};
  std::vector<TuneArm> arms = race.arms;
  std::ranges::sort(arms, {}, &TuneArm::value);
  std::string text = title + "\n";
  for (const TuneArm& arm : arms) {
    text += fmt::format("  {:>6} {:>9} t/s {:>6.2f} x", arm.value, rate_text(race.n_tokens / arm.seconds),
                        1 / arm.ratio);
    if (arm.value == race.standard) text += "  default";
    if (arm.value == race.best && arm.value != race.standard) text += "  better";
    text += "\n";
  }
  return text;
}

Json race_json(const TuneRace& race) {
  Json arms = Json::array();
  for (const TuneArm& arm : race.arms)
    arms.push_back({{"value", arm.value},
                    {"rounds", arm.rounds},
                    {"tokens_per_second", race.n_tokens / arm.seconds},
                    {"speed", 1 / arm.ratio}});
  return {{"default", race.standard},
          {"best", race.best},
          {"tokens", race.n_tokens},
          {"values", std::move(arms)}};
}

bool same(const TunedSettings& a, const TunedSettings& b) {
  return a.n_threads == b.n_threads && a.n_threads_batch == b.n_threads_batch && a.n_ubatch == b.n_ubatch;
}

// Complete settings.
std::string settings_text(const TunedSettings& s) {
  return fmt::format("{} thread{}, {} for prompts, micro-batch {}", s.n_threads, s.n_threads == 1 ? "" : "s",
                     s.n_threads_batch, s.n_ubatch);
}

std::string check_text(const TuneResult& r) {
  std::string parts;
  const auto part = [&](const TuneRace& race, const char* what) {
    if (race.arms.empty()) return;
    parts += fmt::format("{}{} {:.2f} x", parts.empty() ? "" : ", ", what, 1 / race.arms[1].ratio);
  };
  part(r.check_decode, "generating");
  part(r.check_prompt, "prompts");
  part(r.check_rows, "steps of 4 rows");
  return parts.empty() ? "" : fmt::format("Once more in turns with the default: {}\n", parts);
}

int context_start(size_t context) {
  return context == 0 ? 0 : 4096 << (context - 1);
}

bool measured(const CostTable::Data& data, size_t context) {
  return data.steps[context][0].n > 0;
}

std::string context_text(size_t context) {
  return context == 0 ? "below 4096 tokens" : fmt::format("from {} tokens on", context_start(context));
}

// From which acceptance drafts of a source pay, by their length, and how long they are best.
std::string source_rows(const CostTable& costs, const std::string& source) {
  std::string text = fmt::format("  {:<13}", source.empty() ? "from the text" : source);
  for (const int n : kDraftLengths) {
    const double a = break_even(round_cost(costs, 0, source, n), n);
    const bool known = source.empty() || n <= kMostBlockDrafts;
    text += !known  ? fmt::format(" {:>5}", "")
            : a > 1 ? fmt::format(" {:>5}", "never")
                    : fmt::format(" {:>5.2f}", a);
  }
  return text + "\n";
}

std::string best_row(const CostTable& costs, const std::string& source) {
  std::string text;
  for (const double a : kAcceptances) {
    const BestLength best = best_length(costs, 0, source, a);
    text += fmt::format("{}{} at {:g}", text.empty() ? "" : ", ",
                        best.n == 0 ? "none" : fmt::format("{} ({:.2f} x)", best.n, best.speed), a);
  }
  return fmt::format("  {:<13} {}\n", source.empty() ? "from the text" : source, text);
}

// The same for one length as a sentence.
std::string why_text(const CostTable& costs, const std::vector<CostTable::Draft>& drafts) {
  constexpr int kTokens = 3;
  const auto pays = [&](const std::string& source) {
    const double a = break_even(round_cost(costs, 0, source, kTokens), kTokens);
    return a > 1 ? "never pay" : fmt::format("pay when each is right {:.0f} % of the time", 100 * a);
  };
  std::string text =
      fmt::format("A step of {} rows costs {:.2f} steps: {} tokens that cost nothing to draft {}",
                  kTokens + 1, round_cost(costs, 0, "", kTokens), kTokens, pays(""));
  for (const CostTable::Draft& draft : drafts)
    text += fmt::format("; those of {}, for {:.2f} steps more, {}", draft.source,
                        draft_seconds(costs, draft.source, kTokens) / costs.step_seconds(1, 0),
                        pays(draft.source));
  return text + "\n";
}

std::string sources_text(const CostTable& costs, const std::vector<CostTable::Draft>& drafts) {
  std::string text =
      "Drafts of n tokens pay when each is right so often (from the text: drafting is free)\n  n            ";
  for (const int n : kDraftLengths) text += fmt::format(" {:>5}", n);
  text += "\n" + source_rows(costs, "");
  std::string best =
      "Best length of a draft, and what it gains, by how often a token is right\n" + best_row(costs, "");
  const double one = costs.step_seconds(1, 0);
  for (const CostTable::Draft& draft : drafts) {
    text += source_rows(costs, draft.source);
    best += best_row(costs, draft.source);
    const double d1 = costs.draft_seconds(draft.source, 1), d4 = costs.draft_seconds(draft.source, 4);
    best += fmt::format("{}: a draft of 1 token costs {} ({:.2f} steps), of 4 {} ({:.2f} steps)\n",
                        draft.source, milliseconds(d1), d1 / one, milliseconds(d4), d4 / one);
  }
  return why_text(costs, drafts) + text + best;
}

}  // namespace

std::string costs_text(const CostTable& costs) {
  const CostTable::Data data = costs.data();
  std::string text;
  for (size_t c = 0; c < data.steps.size(); ++c) {
    if (!measured(data, c)) continue;
    const double one = data.steps[c][0].seconds;
    text += fmt::format("A step of T rows, in steps of one row ({}), {}\n  T   ", milliseconds(one),
                        context_text(c));
    std::string values;
    for (size_t i = 0; i < CostTable::kRows.size(); ++i) {
      if (data.steps[c][i].n == 0) continue;
      text += fmt::format(" {:>5}", CostTable::kRows[i]);
      values += fmt::format(" {:>5.2f}", data.steps[c][i].seconds / one);
    }
    text += "\n      " + values + "\n";
  }
  // Of plain steps alone nothing follows for drafts but guesses.
  if (text.empty() || costs.most_measured_rows() < 2) return text;
  return text + sources_text(costs, data.drafts);
}

Json settings_json(const TunedSettings& s) {
  return {{"threads", s.n_threads}, {"threads_batch", s.n_threads_batch}, {"ubatch", s.n_ubatch}};
}

Json costs_json(const CostTable& costs) {
  const CostTable::Data data = costs.data();
  Json steps = Json::array();
  for (size_t c = 0; c < data.steps.size(); ++c)
    for (size_t i = 0; i < CostTable::kRows.size(); ++i) {
      const CostTable::Cell& cell = data.steps[c][i];
      if (cell.n == 0) continue;
      steps.push_back({{"context", context_start(c)},
                       {"rows", CostTable::kRows[i]},
                       {"seconds", cell.seconds},
                       {"measurements", cell.n}});
    }
  Json drafts = Json::array();
  const auto add = [&](const std::string& source) {
    Json pays = Json::array();
    for (const int n : kDraftLengths) {
      if (!source.empty() && n > kMostBlockDrafts) continue;
      const double cost = round_cost(costs, 0, source, n), a = break_even(cost, n);
      pays.push_back({{"tokens", n}, {"steps", cost}, {"break_even", a > 1 ? Json() : Json(a)}});
    }
    drafts.push_back({{"source", source.empty() ? "ngram" : source},
                      {"seconds_1", draft_seconds(costs, source, 1)},
                      {"seconds_4", draft_seconds(costs, source, 4)},
                      {"lengths", std::move(pays)}});
  };
  if (costs.most_measured_rows() > 1) {
    add("");
    for (const CostTable::Draft& draft : data.drafts) add(draft.source);
  }
  return {{"steps", std::move(steps)}, {"drafts", std::move(drafts)}};
}

std::string tune_text(const TuneResult& r) {
  std::string text = race_text("Threads while generating", r.threads);
  text += race_text("Threads for prompts", r.threads_batch);
  text += race_text(fmt::format("Micro-batch, prompt of {} tokens", r.ubatch.n_tokens), r.ubatch);
  text += check_text(r);
  text += costs_text(cost_table(r));
  if (!r.left_out.empty())
    text += fmt::format("Not measured for want of time: {}; --seconds gives more\n", r.left_out);
  if (r.crowded > kCrowded)
    text += fmt::format(
        "Other programs kept threads waiting for {:.0f} % of their time, so numbers of threads were not "
        "judged; measure again on a quiet machine\n",
        100 * r.crowded);
  text += same(r.found, r.defaults)
              ? fmt::format("The default stays: {}\n", settings_text(r.found))
              : fmt::format("Best: {} (default: {})\n", settings_text(r.found), settings_text(r.defaults));
  return text;
}

Json tune_json(const TuneResult& r) {
  Json json = {{"default", settings_json(r.defaults)},
               {"found", settings_json(r.found)},
               {"threads", race_json(r.threads)},
               {"threads_batch", race_json(r.threads_batch)},
               {"ubatch", race_json(r.ubatch)}};
  Json checks = Json::object();
  const auto check = [&](const char* name, const TuneRace& race) {
    if (!race.arms.empty()) checks[name] = 1 / race.arms[1].ratio;
  };
  check("generate", r.check_decode);
  check("prompt", r.check_prompt);
  check("rows_4", r.check_rows);
  json["check"] = std::move(checks);
  json.update(costs_json(cost_table(r)));
  json["crowded"] = r.crowded;
  json["not_measured"] = r.left_out;
  json["seconds"] = r.seconds;
  return json;
}

}  // namespace gannet
