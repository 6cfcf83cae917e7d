// Where the time of runs went: the steps of a plan by op and kernel as a table, and one run as a trace for
// trace viewers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/session.h"

namespace gannet {

// The steps of one run that share op and kernel.
struct ProfileRow {
  std::string op, kernel;
  int64_t count = 0;            // steps per run
  double microseconds = 0;      // per run
  double share = 0;             // of the run's time
  double bytes_per_second = 0;  // of weights and state
};

// Most time first. `nanoseconds`: per step, summed over `runs` runs.
std::vector<ProfileRow> profile_rows(std::span<const StepInfo> steps, std::span<const double> nanoseconds,
                                     int64_t runs);

// What was timed after `before` was taken: plans that did not run since are left out.
std::vector<Session::Profile> profiles_since(const std::vector<Session::Profile>& before,
                                             std::vector<Session::Profile> now);

// A table per plan. `read_bandwidth`: of the machine, in bytes per second.
std::string profile_text(const std::vector<Session::Profile>& profiles, double read_bandwidth);

// Complete events in the format of Chrome's tracing: the last run of each plan, each plan a thread of its
// own.
class ProfileTrace {
 public:
  ProfileTrace();
  ~ProfileTrace();
  // `process`: events of one call are one process of the trace, called so.
  void add(const std::string& process, const std::vector<Session::Profile>& profiles);
  // Errors: kOutput.
  Result<void> write(const std::string& path) const;

 private:
  std::unique_ptr<nlohmann::ordered_json> events_;
  int n_processes_ = 0;
};

}  // namespace gannet
