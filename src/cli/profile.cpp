#include "cli/profile.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"

namespace gannet {

std::vector<ProfileRow> profile_rows(std::span<const StepInfo> steps, std::span<const double> nanoseconds,
                                     int64_t runs) {
  struct Sum {
    int64_t count = 0, bytes = 0;
    double ns = 0;
  };
  std::map<std::pair<std::string, std::string>, Sum> sums;
  double total = 0;
  for (size_t i = 0; i < steps.size() && i < nanoseconds.size(); ++i) {
    Sum& sum = sums[{steps[i].op->name, steps[i].kernel->name}];
    ++sum.count;
    sum.bytes += steps[i].cost.weight_bytes + steps[i].cost.state_bytes;
    sum.ns += nanoseconds[i];
    total += nanoseconds[i];
  }
  std::vector<ProfileRow> rows;
  for (const auto& [key, sum] : sums) {
    const double per_run = sum.ns / static_cast<double>(std::max<int64_t>(1, runs));
    rows.push_back({key.first, key.second, sum.count, per_run * 1e-3, total > 0 ? sum.ns / total : 0,
                    per_run > 0 ? static_cast<double>(sum.bytes) / per_run * 1e9 : 0});
  }
  std::ranges::stable_sort(rows, std::ranges::greater(), &ProfileRow::microseconds);
  return rows;
}

std::vector<Session::Profile> profiles_since(const std::vector<Session::Profile>& before,
                                             std::vector<Session::Profile> now) {
  for (Session::Profile& profile : now) {
    const auto old = std::ranges::find(before, profile.plan, &Session::Profile::plan);
    if (old == before.end()) continue;
    profile.runs -= old->runs;
    for (size_t i = 0; i < profile.nanoseconds.size(); ++i) profile.nanoseconds[i] -= old->nanoseconds[i];
  }
  std::erase_if(now, [](const Session::Profile& profile) { return profile.runs == 0; });
  return now;
}

std::string profile_text(const std::vector<Session::Profile>& profiles, double read_bandwidth) {
  std::string text;
  for (const Session::Profile& profile : profiles) {
    const auto rows = profile_rows(profile.plan->steps(), profile.nanoseconds, profile.runs);
    double total = 0;
    int64_t count = 0;
    for (const ProfileRow& row : rows) total += row.microseconds, count += row.count;
    const Cost cost = profile.plan->cost();
    const auto line = [&](const std::string& op, const std::string& kernel, int64_t n, double us,
                          double share, double rate) {
      const double of_machine = read_bandwidth > 0 ? rate / read_bandwidth : 0;
      return fmt::format("{:<20} {:<24} {:>6} {:>12.1f} {:>6.1f}% {:>8.2f} {:>6.1f}%\n", op, kernel, n, us,
                         100 * share, rate * 1e-9, 100 * of_machine);
    };
    text += fmt::format("\n{}, {} run{}\n", profile.plan->name(), profile.runs, profile.runs == 1 ? "" : "s");
    text += fmt::format("{:<20} {:<24} {:>6} {:>12} {:>7} {:>8} {:>7}\n", "op", "kernel", "steps",
                        "us per run", "time", "GB/s", "of bw");
    for (const ProfileRow& row : rows)
      text += line(row.op, row.kernel, row.count, row.microseconds, row.share, row.bytes_per_second);
    const auto bytes = static_cast<double>(cost.weight_bytes + cost.state_bytes);
    text += line("all", "", count, total, total > 0 ? 1 : 0, total > 0 ? bytes / total * 1e6 : 0);
  }
  return text;
}

ProfileTrace::ProfileTrace()
    : events_(std::make_unique<nlohmann::ordered_json>(nlohmann::ordered_json::array())) {}
ProfileTrace::~ProfileTrace() = default;

void ProfileTrace::add(const std::string& process, const std::vector<Session::Profile>& profiles) {
  ++n_processes_;
  for (size_t thread = 0; thread < profiles.size(); ++thread) {
    const Session::Profile& profile = profiles[thread];
    double before = 0;
    for (size_t i = 0; i < profile.last_ends.size(); ++i) {
      const StepInfo& step = profile.plan->steps()[i];
      const int64_t bytes = step.cost.weight_bytes + step.cost.state_bytes;
      events_->push_back({{"name", step.op->name},
                          {"cat", profile.plan->name()},
                          {"ph", "X"},
                          {"ts", before * 1e-3},
                          {"dur", (profile.last_ends[i] - before) * 1e-3},
                          {"pid", n_processes_},
                          {"tid", static_cast<int>(thread) + 1},
                          {"args",
                           {{"layer", step.layer},
                            {"kernel", step.kernel->name},
                            {"bytes", bytes},
                            {"step", i},
                            {"run", process}}}});
      before = profile.last_ends[i];
    }
  }
}

Result<void> ProfileTrace::write(const std::string& path) const {
  return write_file(path,
                    events_->dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace gannet
