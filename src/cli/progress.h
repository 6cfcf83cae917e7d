// A progress bar on stderr. Appears only when the work takes longer than a moment, and only as plain lines
// when stderr is no terminal.
#pragma once

#include <chrono>
#include <string>

namespace gannet {

class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();  // removes the bar
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(double fraction);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point started_, last_;
};

}  // namespace gannet
