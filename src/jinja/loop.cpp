#include "jinja/loop.h"

#include <utility>

#include "jinja/builtins.h"

namespace gannet::jinja {
namespace {

// loop.cycle(a, b, ...), cycler(a, b, ...) with next(), current and reset(), joiner(separator).
class Cycle : public Object {
 public:
  explicit Cycle(size_t index) : index_(index) {}
  std::string_view kind() const override { return "function"; }
  bool callable() const override { return true; }
  Result<Value> call(Runtime&, const Arguments& arguments) override {
    if (arguments.positional.empty()) return fault("cycle() needs values to go through");
    return arguments.positional[index_ % arguments.positional.size()];
  }

 private:
  size_t index_;
};

}  // namespace

Value Loop::attribute(Runtime&, std::string_view name) const {
  const auto& items = items_.items();
  const auto number = [](size_t n) { return Value::integer(static_cast<int64_t>(n)); };
  const auto neighbour = [&](bool there, size_t at, const char* why) {
    return there ? items[at] : Value::undefined(why);
  };
  if (name == "index") return number(index_ + 1);
  if (name == "index0") return number(index_);
  if (name == "revindex") return number(items.size() - index_);
  if (name == "revindex0") return number(items.size() - index_ - 1);
  if (name == "first") return Value::boolean(index_ == 0);
  if (name == "last") return Value::boolean(index_ + 1 == items.size());
  if (name == "length") return number(items.size());
  if (name == "depth") return Value::integer(1);
  if (name == "depth0") return Value::integer(0);
  if (name == "previtem") return neighbour(index_ > 0, index_ - 1, "there is no previous item");
  if (name == "nextitem") return neighbour(index_ + 1 < items.size(), index_ + 1, "there is no next item");
  if (name == "cycle") return Value::of(std::shared_ptr<Object>(std::make_shared<Cycle>(index_)));
  return Value::undefined("'loop' has no attribute '" + std::string(name) + "'");
}

}  // namespace gannet::jinja
