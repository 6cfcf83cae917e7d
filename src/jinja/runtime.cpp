#include "jinja/runtime.h"

#include <ctime>
#include <utility>

namespace gannet::jinja {

Runtime::~Runtime() {
  std::vector<Value> values;
  for (auto& list : kept_lists_)
    for (Value& item : std::exchange(list->items, {})) values.push_back(std::move(item));
  destroy_flat(&values);
  // Objects empty themselves one by one while all of them are still there.
  for (auto& object : kept_) object->clear();
}

void Runtime::keep(const std::shared_ptr<ListData>& list) {
  if (!std::exchange(list->kept, true)) kept_lists_.push_back(list);
}

Error Runtime::raise(std::string message) {
  raised_ = true;
  return {ErrorCode::kUsage, std::move(message)};
}

Result<void> Runtime::enter() {
  // Half of what the smallest usual stack (8 MiB) has, less what the caller may need.
  constexpr ptrdiff_t kMostStack = 3 << 20;
  const auto* here = static_cast<const char*>(__builtin_frame_address(0));
  if (stack_ - here > kMostStack) return fault("blocks, expressions and macros are nested too deep here");
  return budget_.step();
}

std::chrono::local_seconds Runtime::now() const {
  if (now_) return *now_;
  const std::time_t utc = std::time(nullptr);
  std::tm local{};
  localtime_r(&utc, &local);
  return std::chrono::local_seconds(std::chrono::seconds(utc + local.tm_gmtoff));
}

}  // namespace gannet::jinja
