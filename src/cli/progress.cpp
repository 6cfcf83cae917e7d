#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace gannet {
namespace {

constexpr auto kBeforeFirst = std::chrono::milliseconds(300);
constexpr auto kBetweenDraws = std::chrono::milliseconds(100);
constexpr auto kBetweenLines = std::chrono::seconds(3);
constexpr int kWidth = 30;

}  // namespace

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)),
      terminal_(isatty(STDERR_FILENO) == 1),
      started_(Clock::now()),
      last_(started_) {}

ProgressBar::~ProgressBar() {
  if (shown_ && terminal_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::update(double fraction) {
  const auto now = Clock::now();
  if (now - started_ < kBeforeFirst) return;
  if (shown_ && now - last_ < (terminal_ ? Clock::duration(kBetweenDraws) : Clock::duration(kBetweenLines)))
    return;
  last_ = now;
  shown_ = true;
  fraction = std::clamp(fraction, 0.0, 1.0);
  if (!terminal_) {
    fmt::print(stderr, "{} {:.0f} %\n", what_, 100 * fraction);
    return;
  }
  const int full = static_cast<int>(fraction * kWidth);
  fmt::print(stderr, "\r{} [{}{}] {:3.0f} %", what_, std::string(static_cast<size_t>(full), '#'),
             std::string(static_cast<size_t>(kWidth - full), ' '), 100 * fraction);
  std::fflush(stderr);
}

}  // namespace gannet
