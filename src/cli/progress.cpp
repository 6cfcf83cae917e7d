#include "cli/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "cli/say.h"

namespace gannet {
namespace {

constexpr auto kBeforeFirst = std::chrono::milliseconds(300);
constexpr auto kBetweenDraws = std::chrono::milliseconds(100);
constexpr auto kBetweenLines = std::chrono::seconds(3);
constexpr size_t kWidth = 30;

}  // namespace

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)), terminal_(stderr_is_screen()), started_(Clock::now()), last_(started_) {}

ProgressBar::~ProgressBar() {
  if (shown_ && terminal_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::update(double fraction) {
  show(fraction, fmt::format("{:.0f} %", 100 * std::clamp(fraction, 0.0, 1.0)));
}

void ProgressBar::update(size_t done, size_t total, const char* unit) {
  show(static_cast<double>(done) / static_cast<double>(std::max<size_t>(total, 1)),
       fmt::format("{}/{} {}", done, total, unit));
}

void ProgressBar::show(double fraction, const std::string& amount) {
  const auto now = Clock::now();
  if (now - started_ < kBeforeFirst) return;
  if (shown_ && now - last_ < (terminal_ ? Clock::duration(kBetweenDraws) : Clock::duration(kBetweenLines)))
    return;
  last_ = now;
  shown_ = true;
  const auto full = static_cast<size_t>(std::clamp(fraction, 0.0, 1.0) * kWidth);
  const std::string text = terminal_ ? fmt::format("\r{} [{}{}] {}\x1b[K", what_, std::string(full, '#'),
                                                   std::string(kWidth - full, ' '), amount)
                                     : fmt::format("{} {}\n", what_, amount);
  std::fputs(text.c_str(), stderr);
}

}  // namespace gannet
