// What speculation may lose against plain steps. A budget of seconds that fills slowly with time and quickly
// with what speculation wins, and from which losses are taken; a draft is only verified when the budget can
// bear that all of it is wrong. Of what first times of anything take too long (a plan's memory) a little is
// forgiven, once. What a request has won pays what others lost; a small part of it may be lost by the next.
// So the time of a process, and of every part of it, is at most what plain steps take, plus the budget at
// that time, plus the allowance.
#pragma once

#include <algorithm>

namespace gannet {

struct BudgetOptions {
  double allowance = 0.01;       // seconds that come in per second
  double start_seconds = 0.020;  // what a request begins with ...
  double start_steps = 1.5;      // ... in plain steps: the smaller of both
  double most_seconds = 0.2;     // what it may rise to by winning ...
  double most_steps = 64;        // ... the larger of both
  double lent = 0.25;            // of what others have won: what a request may lose ...
  double lent_steps = 8;         // ... in plain steps: at most so many
};

class LossBudget {
 public:
  explicit LossBudget(const BudgetOptions& options) : options_(options) {}

  // Seconds that may be lost now.
  double room(double step_seconds) const { return room_ + start(step_seconds); }

  // A request begins. What others won pays what they lost; a small part of it may be lost again.
  void begin() {
    bank_ = std::min(bank_ + room_ - lent_, most(step_));
    lent_ = std::clamp(options_.lent * bank_, 0.0, options_.lent_steps * step_);
    room_ = std::min(bank_, 0.0) + lent_;
    bank_ = std::max(bank_, 0.0);
  }

  // A round took `seconds`, and `lost` (negative: won) more than plain steps for the same tokens.
  void round(double seconds, double lost, double step_seconds) {
    total_ += seconds;
    step_ = step_seconds;
    room_ = std::min(room_ + options_.allowance * seconds - lost, most(step_seconds));
  }

  // A step without a draft, in which sources kept up with the text. That takes what was won and makes no
  // debts: what it may cost is bounded for each source by itself, and drafting less does not help.
  void upkeep(double seconds, double lost, double step_seconds) {
    const double before = room_;
    round(seconds, lost, step_seconds);
    room_ = std::max(room_, std::min(before, 0.0));
  }

  // A plain step took `seconds`, `beyond` more than it should.
  void plain(double beyond, double seconds) {
    plain_ += seconds;
    plain_beyond_ += beyond;
    if (plain_ < kRemembered * seconds) return;
    plain_ *= 0.5;
    plain_beyond_ *= 0.5;
  }
  // The same of a round with a draft: how much of `beyond` also befalls plain steps.
  double forgive(double beyond, double seconds, double step_seconds) {
    if (spare_ < 0) spare_ = std::min(kSpareSeconds, kSpareSteps * step_seconds);
    const double usual = plain_beyond_ / (plain_ + kDoubt * step_seconds);
    spare_ = std::min(spare_ + usual * seconds, std::max(spare_, options_.most_steps * step_seconds));
    const double forgiven = std::min(beyond, spare_);
    spare_ -= forgiven;
    return forgiven;
  }

 private:
  static constexpr double kRemembered = 2000, kDoubt = 100;  // steps
  static constexpr double kSpareSeconds = 0.010, kSpareSteps = 64;

  double most(double step_seconds) const {
    return std::max(options_.most_seconds, options_.most_steps * step_seconds);
  }
  // Grows from start_seconds on: a slow model could not afford a single draft otherwise.
  double start(double step_seconds) const {
    return std::min(options_.start_seconds + options_.allowance * total_,
                    options_.start_steps * step_seconds);
  }

  BudgetOptions options_;
  double room_ = 0;             // beside start()
  double bank_ = 0, lent_ = 0;  // what requests before have won, and of it what is in room_
  double step_ = 0;
  double total_ = 0;
  double plain_ = 0, plain_beyond_ = 0;  // seconds of plain steps, and of them beyond what they should take
  double spare_ = -1;  // seconds that may still be forgiven; negative: the first is not yet known
};

}  // namespace gannet
