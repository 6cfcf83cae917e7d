// Functions that every template has, and namespaces.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "jinja/builtins.h"

namespace gannet::jinja {
namespace {

// The one thing that blocks and loops can assign to beyond their own scope.
class Namespace : public Object {
 public:
  std::string_view kind() const override { return "namespace"; }
  Value attribute(Runtime&, std::string_view name) const override {
    const auto found = find(name);
    return found == values_.end() ? Value() : found->second;
  }
  bool assign(std::string_view name, Value value) override {
    const auto found = find(name);
    if (found == values_.end())
      values_.emplace_back(name, std::move(value));
    else
      values_[static_cast<size_t>(found - values_.begin())].second = std::move(value);
    return true;
  }
  void clear() override {
    std::vector<Value> all;
    for (auto& [name, value] : values_) all.push_back(std::move(value));
    values_.clear();
    destroy_flat(&all);
  }
  ~Namespace() override { clear(); }
  MemoryCharge charge;

 private:
  std::vector<std::pair<std::string, Value>>::const_iterator find(std::string_view name) const {
    return std::find_if(values_.begin(), values_.end(),
                        [&](const auto& entry) { return entry.first == name; });
  }
  std::vector<std::pair<std::string, Value>> values_;
};

Result<Value> range_function(const Bound& a) {
  int64_t start = 0, stop = GANNET_TRY(a.integer(0, 0)), step = 1;
  if (a.has(1)) {
    start = stop;
    stop = GANNET_TRY(a.integer(1, 0));
    step = GANNET_TRY(a.integer(2, 1));
  }
  if (step == 0) return fault("the step of range() cannot be 0");
  const uint64_t distance =
      step > 0 ? (start < stop ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start) : 0)
               : (start > stop ? static_cast<uint64_t>(start) - static_cast<uint64_t>(stop) : 0);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  const uint64_t count = distance == 0 ? 0 : (distance - 1) / stride + 1;
  if (count > a.memory()->left() / sizeof(Value)) return a.memory()->refusal();
  GANNET_TRY(a.runtime.budget().step(1 + count));
  std::vector<Value> numbers;
  numbers.reserve(count);
  for (uint64_t i = 0; i < count; ++i)
    numbers.push_back(
        Value::integer(static_cast<int64_t>(static_cast<uint64_t>(start) + i * static_cast<uint64_t>(step))));
  return make_list(a.memory(), std::move(numbers));
}

Result<Value> namespace_function(const Bound& a) {
  std::vector<std::pair<std::string, Value>> attributes;
  for (const Value& from : a.rest.positional) {
    if (!from.is_dict()) return fault(fmt::format("namespace() takes a dict, not {}", from.type_name()));
    for (const auto& [key, value] : from.as_dict().entries())
      attributes.emplace_back(GANNET_TRY(a.runtime.to_string(key)).text(), value);
  }
  attributes.insert(attributes.end(), a.rest.named.begin(), a.rest.named.end());
  return make_namespace(&a.runtime, std::move(attributes));
}

Result<Value> dict_function(const Bound& a) {
  std::vector<DictData::Entry> entries;
  for (const Value& from : a.rest.positional) {
    if (from.is_dict()) {
      entries.insert(entries.end(), from.as_dict().entries().begin(), from.as_dict().entries().end());
      continue;
    }
    for (const Value& pair : GANNET_TRY(a.runtime.iterate(from))) {
      if (!pair.is_list() || pair.items().size() != 2 || pair.items()[0].is_list() ||
          pair.items()[0].is_dict())
        return fault("dict() takes a dict or pairs of a key and a value");
      entries.emplace_back(pair.items()[0], pair.items()[1]);
    }
  }
  GANNET_TRY(a.runtime.budget().step(entries.size()));
  for (const auto& [name, value] : a.rest.named) entries.emplace_back(Value::own_string(name), value);
  return make_dict(a.memory(), std::move(entries));
}

Result<Value> raise_function(const Bound& a) {
  return a.runtime.raise(GANNET_TRY(a.runtime.to_string(a[0])).text());
}

Result<Value> strftime_function(const Bound& a) {
  const MarkedText* format = GANNET_TRY(a.string(0));
  return make_own(a.memory(), GANNET_TRY(format_time(format->text, a.runtime.now())));
}

// joiner(", ") gives nothing the first time it is called, and the separator from then on.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string_view kind() const override { return "joiner"; }
  bool callable() const override { return true; }
  Result<Value> call(Runtime&, const Arguments&) override {
    return std::exchange(used_, true) ? separator_ : Value::own_string("");
  }

 private:
  Value separator_;
  bool used_ = false;
};

Result<Value> joiner_function(const Bound& a) {
  const Value separator = a.has(0) ? GANNET_TRY(a.runtime.to_string(a[0])) : Value::own_string(", ");
  return Value::of(std::shared_ptr<Object>(std::make_shared<Joiner>(separator)));
}

constexpr std::array kFunctions = {
    Builtin{"range", "start stop? step?", range_function},
    Builtin{"namespace", "* **", namespace_function},
    Builtin{"dict", "* **", dict_function},
    Builtin{"raise_exception", "message", raise_function},
    Builtin{"strftime_now", "format", strftime_function},
    Builtin{"joiner", "sep?", joiner_function},
};

}  // namespace

std::span<const Builtin> global_functions() {
  return kFunctions;
}

Result<Value> make_namespace(Runtime* runtime, std::vector<std::pair<std::string, Value>> attributes) {
  auto made = std::make_shared<Namespace>();
  if (!made->charge.grow(runtime->memory(), 256 + attributes.size() * sizeof(attributes[0])))
    return runtime->memory()->refusal();
  for (auto& [name, value] : attributes) made->assign(name, std::move(value));
  runtime->keep(made);
  return Value::of(std::shared_ptr<Object>(std::move(made)));
}

}  // namespace gannet::jinja
