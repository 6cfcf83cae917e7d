#include "jinja/budget.h"

#include <fmt/format.h>

namespace gannet::jinja {

Error MemoryMeter::refusal() const {
  return fault(fmt::format("{} would take more than {} bytes (a limit of this rendering)", what_, limit_));
}

Error Budget::out_of_steps() {
  steps_ = 0;
  return fault(
      fmt::format("the template takes more than {} steps (a limit of this rendering)", steps_limit_));
}

}  // namespace gannet::jinja
