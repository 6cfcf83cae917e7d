#include <fmt/format.h>

#include <utility>

#include "jinja/builtins.h"
#include "jinja/evaluator.h"

namespace gannet::jinja {

Error Evaluator::locate(Span span, Error error) {
  if (located_ || runtime_.raised()) return error;
  located_ = true;
  return std::move(error).with_context(program_.source.quote(span));
}

Result<Value> Evaluator::evaluate(const Expr& expression) {
  if (expression.kind == ExprKind::kLiteral) return expression.value;
  Result<void> allowed = runtime_.enter();
  if (!allowed.ok()) return locate(expression.span, allowed.take_error());
  Result<Value> value = evaluate_kind(expression);
  if (!value.ok()) return locate(expression.span, value.take_error());
  return value;
}

Result<Value> Evaluator::evaluate_kind(const Expr& expression) {
  const auto operand = [&](size_t i) { return evaluate(expression.children[i]); };
  switch (expression.kind) {
    case ExprKind::kLiteral:
      return expression.value;
    case ExprKind::kName:
      return evaluate_name(expression);
    case ExprKind::kList:
      return make_list(runtime_.memory(), GANNET_TRY(evaluate_all(expression.children)));
    case ExprKind::kTuple:
      return make_tuple(runtime_.memory(), GANNET_TRY(evaluate_all(expression.children)));
    case ExprKind::kDict:
      return evaluate_dict(expression);
    case ExprKind::kAttribute:
      return runtime_.attribute(GANNET_TRY(operand(0)), expression.text);
    case ExprKind::kItem: {
      const Value container = GANNET_TRY(operand(0));
      return runtime_.item(container, GANNET_TRY(operand(1)));
    }
    case ExprKind::kSlice: {
      const std::vector<Value> parts = GANNET_TRY(evaluate_all(expression.children));
      return runtime_.slice(parts[0], parts[1], parts[2], parts[3]);
    }
    case ExprKind::kCall:
      return evaluate_call(expression, nullptr);
    case ExprKind::kFilter:
      return evaluate_builtin(expression, "filter");
    case ExprKind::kTest:
      return evaluate_builtin(expression, "test");
    case ExprKind::kNot:
      return Value::boolean(!GANNET_TRY(operand(0)).truthy());
    case ExprKind::kNegate:
      return negate(GANNET_TRY(operand(0)));
    case ExprKind::kPlus: {
      Value value = GANNET_TRY(operand(0));
      if (!value.is_number()) return fault(fmt::format("`+` needs a number, this is {}", value.type_name()));
      return value.is(Type::kBool) ? Value::integer(value.to_int()) : value;
    }
    case ExprKind::kAnd:
    case ExprKind::kOr: {
      Value left = GANNET_TRY(operand(0));
      if (left.truthy() == (expression.kind == ExprKind::kOr)) return left;
      return operand(1);
    }
    case ExprKind::kArithmetic: {
      const Value left = GANNET_TRY(operand(0));
      return arithmetic(&runtime_, expression.op, left, GANNET_TRY(operand(1)));
    }
    case ExprKind::kConcat:
      return evaluate_concat(expression);
    case ExprKind::kCompare:
      return evaluate_compare(expression);
    case ExprKind::kConditional:
      return operand(GANNET_TRY(operand(0)).truthy() ? 1 : 2);
  }
  return Value();
}

Result<Value> Evaluator::evaluate_name(const Expr& expression) {
  for (Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get())
    if (const Value* value = scope->find(expression.name)) return *value;
  return Value::undefined(fmt::format("'{}' is undefined", program_.names[expression.name]));
}

Result<std::vector<Value>> Evaluator::evaluate_all(const std::vector<Expr>& expressions) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const Expr& expression : expressions) values.push_back(GANNET_TRY(evaluate(expression)));
  return values;
}

Result<Value> Evaluator::evaluate_dict(const Expr& expression) {
  std::vector<DictData::Entry> entries;
  entries.reserve(expression.children.size() / 2);
  for (size_t i = 0; i + 1 < expression.children.size(); i += 2) {
    Value key = GANNET_TRY(evaluate(expression.children[i]));
    if (key.is_list() || key.is_dict()) return fault(fmt::format("a {} cannot be a key", key.type_name()));
    entries.emplace_back(std::move(key), GANNET_TRY(evaluate(expression.children[i + 1])));
  }
  return make_dict(runtime_.memory(), std::move(entries));
}

Result<Value> Evaluator::evaluate_concat(const Expr& expression) {
  TextBuilder made(runtime_.memory());
  for (const Expr& part : expression.children) {
    const Value value = GANNET_TRY(evaluate(part));
    GANNET_TRY(runtime_.write(&made, value));
  }
  return made.finish();
}

Result<Value> Evaluator::evaluate_compare(const Expr& expression) {
  Value left = GANNET_TRY(evaluate(expression.children[0]));
  for (size_t i = 0; i < expression.ops.size(); ++i) {
    Value right = GANNET_TRY(evaluate(expression.children[i + 1]));
    bool holds = false;
    switch (const Op op = expression.ops[i]) {
      case Op::kEq:
        holds = GANNET_TRY(runtime_.equal(left, right));
        break;
      case Op::kNe:
        holds = !GANNET_TRY(runtime_.equal(left, right));
        break;
      case Op::kIn:
        holds = GANNET_TRY(runtime_.contains(right, left));
        break;
      case Op::kNotIn:
        holds = !GANNET_TRY(runtime_.contains(right, left));
        break;
      default: {
        const int order = GANNET_TRY(runtime_.compare(left, right));
        holds = op == Op::kLt   ? order < 0
                : op == Op::kLe ? order <= 0
                : op == Op::kGt ? order > 0
                                : order >= 0;
      }
    }
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Result<Arguments> Evaluator::evaluate_arguments(const std::vector<Argument>& written) {
  Arguments given;
  for (const Argument& argument : written) {
    Value value = GANNET_TRY(evaluate(argument.value[0]));
    switch (argument.kind) {
      case Argument::Kind::kPositional:
        given.positional.push_back(std::move(value));
        break;
      case Argument::Kind::kNamed:
        given.named.emplace_back(argument.name, std::move(value));
        break;
      case Argument::Kind::kSpread:
        for (Value& item : GANNET_TRY(runtime_.iterate(value))) given.positional.push_back(std::move(item));
        break;
      case Argument::Kind::kSpreadNamed:
        if (!value.is_dict()) return fault(fmt::format("** needs a dict, this is {}", value.type_name()));
        for (const auto& [key, item] : value.as_dict().entries()) {
          if (!key.is_string()) return fault("** needs a dict whose keys are strings");
          given.named.emplace_back(key.text(), item);
        }
    }
  }
  return given;
}

Result<Value> Evaluator::evaluate_call(const Expr& expression, const Value* caller) {
  const Expr& callee = expression.children[0];
  const auto given = [&]() -> Result<Arguments> {
    Arguments arguments = GANNET_TRY(evaluate_arguments(expression.arguments));
    if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
    return arguments;
  };
  if (callee.kind == ExprKind::kAttribute) {  // a method, without making a value of it
    const Value self = GANNET_TRY(evaluate(callee.children[0]));
    if (const Builtin* method = find_method(self.type(), callee.text))
      return invoke(*method, &runtime_, &self, GANNET_TRY(given()));
    Result<Value> function = runtime_.attribute(self, callee.text);
    if (!function.ok()) return locate(callee.span, function.take_error());
    return runtime_.call(*function, GANNET_TRY(given()));
  }
  const Value function = GANNET_TRY(evaluate(callee));
  return runtime_.call(function, GANNET_TRY(given()));
}

Result<Value> Evaluator::evaluate_builtin(const Expr& expression, const char* what) {
  const Value operand = GANNET_TRY(evaluate(expression.children[0]));
  const Arguments given = GANNET_TRY(evaluate_arguments(expression.arguments));
  if (expression.builtin == nullptr)
    return fault(fmt::format("there is no {} named `{}`", what, expression.text));
  return invoke(*expression.builtin, &runtime_, &operand, given);
}

}  // namespace gannet::jinja
