// A progress bar on stderr. Appears only when the work takes longer than a moment, and only as plain lines
// when stderr is no terminal or one that cannot erase (TERM=dumb).
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace gannet {

class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();  // removes the bar
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(double fraction);
  // The same, with both numbers shown: "512/4096 tokens".
  void update(size_t done, size_t total, const char* unit);

 private:
  void show(double fraction, const std::string& amount);
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point started_, last_;
};

}  // namespace gannet
