#include "jinja/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jinja/ast.h"

namespace gannet::jinja {
namespace {

struct Parameter {
  std::string_view name;
  bool optional;
};

struct Parameters {
  std::vector<Parameter> named;
  bool rest = false, rest_named = false;
};

Parameters parse_parameters(std::string_view written) {
  Parameters made;
  while (!written.empty()) {
    std::string_view word = written.substr(0, written.find(' '));
    written.remove_prefix(std::min(word.size() + 1, written.size()));
    if (word == "*") {
      made.rest = true;
    } else if (word == "**") {
      made.rest_named = true;
    } else {
      const bool optional = word.back() == '?';
      if (optional) word.remove_suffix(1);
      made.named.push_back({word, optional});
    }
  }
  return made;
}

class Function : public Object {
 public:
  explicit Function(const Builtin* builtin) : builtin_(*builtin) {}
  std::string_view kind() const override { return "function"; }
  bool callable() const override { return true; }
  Result<Value> call(Runtime& runtime, const Arguments& arguments) override {
    return invoke(builtin_, &runtime, nullptr, arguments);
  }

 private:
  const Builtin& builtin_;
};

class Method : public Object {
 public:
  Method(const Builtin* builtin, Value self) : builtin_(*builtin), self_(std::move(self)) {}
  std::string_view kind() const override { return "method"; }
  bool callable() const override { return true; }
  Result<Value> call(Runtime& runtime, const Arguments& arguments) override {
    return invoke(builtin_, &runtime, &self_, arguments);
  }

 private:
  const Builtin& builtin_;
  Value self_;
};

}  // namespace

bool Bound::flag(size_t parameter, bool otherwise) const {
  return has(parameter) ? (*this)[parameter].truthy() : otherwise;
}

Result<int64_t> Bound::integer(size_t parameter, int64_t otherwise) const {
  if (!has(parameter)) return otherwise;
  const Value& value = (*this)[parameter];
  if (value.is(Type::kInt) || value.is(Type::kBool)) return value.to_int();
  if (value.is_undefined()) return fault(value.undefined_reason());
  return fault(fmt::format("{} wants an integer as `{}`, this is {}", builtin->name,
                           parse_parameters(builtin->parameters).named[parameter].name, value.type_name()));
}

Result<const MarkedText*> Bound::string(size_t parameter) const {
  const Value& value = (*this)[parameter];
  if (value.is_string()) return &value.marked();
  if (value.is_undefined()) return fault(value.undefined_reason());
  return fault(fmt::format("{} wants a str as `{}`, this is {}", builtin->name,
                           parse_parameters(builtin->parameters).named[parameter].name, value.type_name()));
}

Result<Value> invoke(const Builtin& builtin, Runtime* runtime, const Value* self,
                     const Arguments& arguments) {
  GANNET_TRY(runtime->budget().step());
  const Parameters parameters = parse_parameters(builtin.parameters);
  const size_t count = parameters.named.size();
  Bound bound(runtime, count);
  bound.builtin = &builtin;
  size_t at = 0;
  const auto give = [&](const Value& value) {
    if (at < count)
      bound.values_[at++] = &value;
    else
      bound.rest.positional.push_back(value);
  };
  if (self != nullptr) give(*self);
  for (const Value& value : arguments.positional) give(value);
  if (!parameters.rest && !bound.rest.positional.empty())
    return fault(
        fmt::format("{} takes at most {} arguments", builtin.name, count - (self != nullptr ? 1 : 0)));
  for (const auto& [name, value] : arguments.named) {
    const auto known =
        std::find_if(parameters.named.begin(), parameters.named.end(),
                     [&, n = std::string_view(name)](const Parameter& p) { return p.name == n; });
    if (known == parameters.named.end()) {
      if (!parameters.rest_named) return fault(fmt::format("{} has no parameter `{}`", builtin.name, name));
      bound.rest.named.emplace_back(name, value);
      continue;
    }
    const Value*& slot = bound.values_[static_cast<size_t>(known - parameters.named.begin())];
    if (slot != nullptr) return fault(fmt::format("{} got `{}` twice", builtin.name, name));
    slot = &value;
  }
  for (size_t i = 0; i < count; ++i)
    if (bound.values_[i] == nullptr && !parameters.named[i].optional)
      return fault(fmt::format("{} needs the argument `{}`", builtin.name, parameters.named[i].name));
  return builtin.function(bound);
}

Value function_value(const Builtin* builtin) {
  return Value::of(std::shared_ptr<Object>(std::make_shared<Function>(builtin)));
}

Result<Value> method_value(Runtime* runtime, const Builtin* builtin, const Value& self) {
  GANNET_TRY(runtime->budget().step());
  return Value::of(std::shared_ptr<Object>(std::make_shared<Method>(builtin, self)));
}

const Builtin* find_in(std::span<const Builtin> table, std::string_view name) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Builtin& b) { return b.name == name; });
  return found == table.end() ? nullptr : &*found;
}

const Builtin* find_method(Type type, std::string_view name) {
  return find_in(type == Type::kString ? string_methods() : container_methods(type), name);
}

const Builtin* find_filter(std::string_view name) {
  for (const auto table : {text_filters(), sequence_filters(), selection_filters()})
    if (const Builtin* found = find_in(table, name)) return found;
  return nullptr;
}

const Builtin* find_test(std::string_view name) {
  return find_in(tests(), name);
}

}  // namespace gannet::jinja
