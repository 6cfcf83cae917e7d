// `loop`, inside of a for.
#pragma once

#include <string_view>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace gannet::jinja {

class Loop : public Object {
 public:
  explicit Loop(Value items) : items_(std::move(items)) {}
  void next() { ++index_; }

  std::string_view kind() const override { return "loop"; }
  Value attribute(Runtime& runtime, std::string_view name) const override;

 private:
  Value items_;
  size_t index_ = 0;
};

}  // namespace gannet::jinja
