// + - * / // % ** on values.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "jinja/ast.h"
#include "jinja/builtins.h"
#include "jinja/runtime.h"

namespace gannet::jinja {
namespace {

const char* sign_of(Op op) {
  switch (op) {
    case Op::kAdd:
      return "+";
    case Op::kSub:
      return "-";
    case Op::kMul:
      return "*";
    case Op::kDiv:
      return "/";
    case Op::kFloorDiv:
      return "//";
    case Op::kMod:
      return "%";
    default:
      return "**";
  }
}

Error too_large() {
  return fault("the result does not fit 64 bits");
}

Result<Value> integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return fault("0 cannot be raised to a negative power");
    return Value::real(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return too_large();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return too_large();
  }
  return Value::integer(result);
}

Result<Value> integers(Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Op::kAdd:
      return __builtin_add_overflow(a, b, &result) ? Result<Value>(too_large()) : Value::integer(result);
    case Op::kSub:
      return __builtin_sub_overflow(a, b, &result) ? Result<Value>(too_large()) : Value::integer(result);
    case Op::kMul:
      return __builtin_mul_overflow(a, b, &result) ? Result<Value>(too_large()) : Value::integer(result);
    case Op::kPow:
      return integer_power(a, b);
    default:
      break;
  }
  if (b == 0) return fault("division by zero");
  if (op == Op::kDiv) return Value::real(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) {  // the one case in which division overflows
    if (op == Op::kMod) return Value::integer(0);
    return __builtin_sub_overflow(int64_t{0}, a, &result) ? Result<Value>(too_large())
                                                          : Value::integer(result);
  }
  const bool down =
      (a % b != 0) && ((a < 0) != (b < 0));  // Python rounds down, and the rest has the sign of b
  return Value::integer(op == Op::kFloorDiv ? a / b - (down ? 1 : 0) : a % b + (down ? b : 0));
}

Result<Value> reals(Op op, double a, double b) {
  switch (op) {
    case Op::kAdd:
      return Value::real(a + b);
    case Op::kSub:
      return Value::real(a - b);
    case Op::kMul:
      return Value::real(a * b);
    case Op::kPow: {
      const double result = std::pow(a, b);
      if (std::isnan(result) && !std::isnan(a) && !std::isnan(b))
        return fault("this power is not a real number");
      return Value::real(result);
    }
    default:
      break;
  }
  if (b == 0) return fault("division by zero");
  if (op == Op::kDiv) return Value::real(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == Op::kMod) return Value::real(rest);
  return Value::real(std::floor((a - rest) / b + 0.5));
}

Result<Value> repeat(Runtime* runtime, const Value& value, int64_t times) {
  const uint64_t n = times < 0 ? 0 : static_cast<uint64_t>(times);
  MemoryMeter* memory = runtime->memory();
  if (value.is_string()) {
    const size_t size = value.text().size();
    if (size != 0 && n > memory->left() / size) return memory->refusal();
    GANNET_TRY(runtime->budget().touch(size * n));
    TextBuilder made(memory);
    if (size != 0)
      for (uint64_t i = 0; i < n; ++i) made.append(value.marked());
    return made.finish();
  }
  const auto& items = value.items();
  if (!items.empty() && n > memory->left() / (items.size() * sizeof(Value))) return memory->refusal();
  GANNET_TRY(runtime->budget().step(1 + items.size() * n));
  std::vector<Value> made;
  made.reserve(items.size() * n);
  if (!items.empty())
    for (uint64_t i = 0; i < n; ++i) made.insert(made.end(), items.begin(), items.end());
  return value.as_list().is_tuple ? make_tuple(memory, std::move(made)) : make_list(memory, std::move(made));
}

Result<Value> join(Runtime* runtime, const Value& a, const Value& b) {
  MemoryMeter* memory = runtime->memory();
  if (a.is_string()) {
    GANNET_TRY(runtime->budget().touch(a.text().size() + b.text().size()));
    TextBuilder made(memory);
    made.append(a.marked());
    made.append(b.marked());
    return made.finish();
  }
  GANNET_TRY(runtime->budget().step(a.items().size() + b.items().size()));
  if (a.items().size() + b.items().size() > memory->left() / sizeof(Value)) return memory->refusal();
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return a.as_list().is_tuple ? make_tuple(memory, std::move(items)) : make_list(memory, std::move(items));
}

}  // namespace

Result<Value> arithmetic(Runtime* runtime, Op op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is(Type::kFloat) || b.is(Type::kFloat)) return reals(op, a.to_double(), b.to_double());
    return integers(op, a.to_int(), b.to_int());
  }
  if (a.is_undefined()) return fault(a.undefined_reason());
  if (op == Op::kMod && a.is_string()) return format_percent(runtime, a.marked(), b);
  if (b.is_undefined()) return fault(b.undefined_reason());
  if (op == Op::kAdd && a.type() == b.type() &&
      (a.is_string() || (a.is_list() && a.as_list().is_tuple == b.as_list().is_tuple)))
    return join(runtime, a, b);
  const auto sequence = [](const Value& v) { return v.is_string() || v.is_list(); };
  const auto whole = [](const Value& v) { return v.is(Type::kInt) || v.is(Type::kBool); };
  if (op == Op::kMul && sequence(a) && whole(b)) return repeat(runtime, a, b.to_int());
  if (op == Op::kMul && whole(a) && sequence(b)) return repeat(runtime, b, a.to_int());
  return fault(
      fmt::format("`{}` does not work between {} and {}", sign_of(op), a.type_name(), b.type_name()));
}

Result<Value> negate(const Value& a) {
  if (a.is(Type::kFloat)) return Value::real(-a.as_float());
  if (a.is_undefined()) return fault(a.undefined_reason());
  if (!a.is_number()) return fault(fmt::format("`-` needs a number, this is {}", a.type_name()));
  return integers(Op::kSub, 0, a.to_int());
}

}  // namespace gannet::jinja
