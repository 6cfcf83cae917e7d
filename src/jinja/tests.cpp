// Tests: `value is name`.
#include <fmt/format.h>

#include <array>

#include "jinja/ast.h"
#include "jinja/builtins.h"
#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

Result<Value> truth(bool value) {
  return Value::boolean(value);
}

template <Type kType>
Result<Value> type_test(const Bound& a) {
  return truth(a[0].is(kType));
}

Result<Value> same_test(const Bound& a) {
  if (a[0].type() != a[1].type()) return truth(false);
  return truth(GANNET_TRY(a.runtime.equal(a[0], a[1])));
}

bool has_items(const Value& value) {
  return value.is_string() || value.is_list() || value.is_dict() || value.is_undefined();
}

template <bool kEqual>
Result<Value> equal_test(const Bound& a) {
  return truth(GANNET_TRY(a.runtime.equal(a[0], a[1])) == kEqual);
}

Result<Value> less_test(const Bound& a) {
  return truth(GANNET_TRY(a.runtime.compare(a[0], a[1])) < 0);
}
Result<Value> less_or_equal_test(const Bound& a) {
  return truth(GANNET_TRY(a.runtime.compare(a[0], a[1])) <= 0);
}
Result<Value> greater_test(const Bound& a) {
  return truth(GANNET_TRY(a.runtime.compare(a[0], a[1])) > 0);
}
Result<Value> greater_or_equal_test(const Bound& a) {
  return truth(GANNET_TRY(a.runtime.compare(a[0], a[1])) >= 0);
}

Result<Value> divisible_test(const Bound& a) {
  const Value rest = GANNET_TRY(arithmetic(&a.runtime, Op::kMod, a[0], a[1]));
  return truth(rest.is_number() && rest.to_double() == 0);
}

template <int kRest>
Result<Value> parity_test(const Bound& a) {
  const Value rest = GANNET_TRY(arithmetic(&a.runtime, Op::kMod, a[0], Value::integer(2)));
  return truth(rest.is_number() && rest.to_double() == kRest);
}

// All letters that have a case have this one, and there are some.
template <bool kUpper>
Result<Value> case_test(const Bound& a) {
  const Value text = GANNET_TRY(a.runtime.to_string(a[0]));
  return invoke(*find_method(Type::kString, kUpper ? "isupper" : "islower"), &a.runtime, &text, {});
}

constexpr std::array kTests = {
    Builtin{"defined", "value", [](const Bound& a) { return truth(!a[0].is_undefined()); }},
    Builtin{"undefined", "value", type_test<Type::kUndefined>},
    Builtin{"none", "value", type_test<Type::kNone>},
    Builtin{"boolean", "value", type_test<Type::kBool>},
    Builtin{"true", "value", [](const Bound& a) { return truth(a[0].is(Type::kBool) && a[0].as_bool()); }},
    Builtin{"false", "value", [](const Bound& a) { return truth(a[0].is(Type::kBool) && !a[0].as_bool()); }},
    Builtin{"string", "value", type_test<Type::kString>},
    Builtin{"number", "value", [](const Bound& a) { return truth(a[0].is_number() || a[0].is(Type::kBig)); }},
    Builtin{"integer", "value",
            [](const Bound& a) { return truth(a[0].is(Type::kInt) || a[0].is(Type::kBig)); }},
    Builtin{"float", "value", type_test<Type::kFloat>},
    Builtin{"mapping", "value", type_test<Type::kDict>},
    Builtin{"iterable", "value", [](const Bound& a) { return truth(has_items(a[0])); }},
    Builtin{"sequence", "value", [](const Bound& a) { return truth(has_items(a[0])); }},
    Builtin{"callable", "value",
            [](const Bound& a) { return truth(a[0].is_object() && a[0].as_object().callable()); }},
    Builtin{"sameas", "value other", same_test},
    Builtin{"eq", "value other", equal_test<true>},
    Builtin{"equalto", "value other", equal_test<true>},
    Builtin{"==", "value other", equal_test<true>},
    Builtin{"ne", "value other", equal_test<false>},
    Builtin{"!=", "value other", equal_test<false>},
    Builtin{"lt", "value other", less_test},
    Builtin{"lessthan", "value other", less_test},
    Builtin{"<", "value other", less_test},
    Builtin{"le", "value other", less_or_equal_test},
    Builtin{"<=", "value other", less_or_equal_test},
    Builtin{"gt", "value other", greater_test},
    Builtin{"greaterthan", "value other", greater_test},
    Builtin{">", "value other", greater_test},
    Builtin{"ge", "value other", greater_or_equal_test},
    Builtin{">=", "value other", greater_or_equal_test},
    Builtin{
        "in", "value seq",
        [](const Bound& a) -> Result<Value> { return truth(GANNET_TRY(a.runtime.contains(a[1], a[0]))); }},
    Builtin{"odd", "value", parity_test<1>},
    Builtin{"even", "value", parity_test<0>},
    Builtin{"divisibleby", "value num", divisible_test},
    Builtin{"upper", "value", case_test<true>},
    Builtin{"lower", "value", case_test<false>},
    Builtin{"filter", "value",
            [](const Bound& a) -> Result<Value> {
              return truth(find_filter(GANNET_TRY(a.string(0))->text) != nullptr);
            }},
    Builtin{"test", "value",
            [](const Bound& a) -> Result<Value> {
              return truth(find_test(GANNET_TRY(a.string(0))->text) != nullptr);
            }},
};

}  // namespace

std::span<const Builtin> tests() {
  return kTests;
}

}  // namespace gannet::jinja
