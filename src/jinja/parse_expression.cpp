// Expressions, from the loosest binding (`a if b else c`) to the tightest (names, literals, what follows
// them).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "jinja/parser.h"

namespace gannet::jinja {
namespace {

Expr literal(Value value, Span span) {
  Expr made;
  made.value = std::move(value);
  made.span = span;
  return made;
}

template <class... Exprs>
std::vector<Expr> children(Exprs... parts) {
  std::vector<Expr> list;
  list.reserve(sizeof...(parts));
  (list.push_back(std::move(parts)), ...);
  return list;
}

}  // namespace

Result<Expr> Parser::node(ExprKind kind, uint32_t begin, std::vector<Expr> operands) {
  Expr made;
  made.kind = kind;
  made.span = since(begin);
  made.children = std::move(operands);
  for (const Expr& child : made.children) made.depth = std::max(made.depth, child.depth + 1);
  GANNET_TRY(check_depth(made.depth));
  return made;
}

bool Parser::ends_tuple(bool in_parentheses) const {
  const Token& token = current();
  if (in_parentheses) return token.is_op(")");
  return token.is(TokenKind::kOutputEnd) || token.is(TokenKind::kTagEnd) || token.is_op("=") ||
         token.is_name("in");
}

Result<Expr> Parser::tuple(bool with_if, bool in_parentheses) {
  const uint32_t begin = current().span.begin;
  std::vector<Expr> items;
  bool comma = false;
  while (!ends_tuple(in_parentheses)) {
    items.push_back(GANNET_TRY(conditional(with_if)));
    comma = skip_op(",");
    if (!comma) break;
  }
  if (items.size() == 1 && !comma) return std::move(items[0]);
  if (items.empty() && !in_parentheses) return unexpected("an expression");
  return node(ExprKind::kTuple, begin, std::move(items));
}

Result<Expr> Parser::conditional(bool with_if) {
  const Depth guard(this);
  GANNET_TRY(check_depth(depth_));
  const uint32_t begin = current().span.begin;
  Expr value = GANNET_TRY(disjunction());
  while (with_if && skip_name("if")) {
    Expr condition = GANNET_TRY(disjunction());
    Expr otherwise = literal(Value::undefined("the condition is false and there is no `else`"), since(begin));
    if (skip_name("else")) otherwise = GANNET_TRY(conditional(true));
    value = GANNET_TRY(node(ExprKind::kConditional, begin,
                            children(std::move(condition), std::move(value), std::move(otherwise))));
  }
  return value;
}

Result<Expr> Parser::disjunction() {
  const uint32_t begin = current().span.begin;
  Expr left = GANNET_TRY(conjunction());
  while (skip_name("or")) {
    Expr right = GANNET_TRY(conjunction());
    left = GANNET_TRY(node(ExprKind::kOr, begin, children(std::move(left), std::move(right))));
  }
  return left;
}

Result<Expr> Parser::conjunction() {
  const uint32_t begin = current().span.begin;
  Expr left = GANNET_TRY(negation());
  while (skip_name("and")) {
    Expr right = GANNET_TRY(negation());
    left = GANNET_TRY(node(ExprKind::kAnd, begin, children(std::move(left), std::move(right))));
  }
  return left;
}

Result<Expr> Parser::negation() {
  const Depth guard(this);
  GANNET_TRY(check_depth(depth_));
  const uint32_t begin = current().span.begin;
  if (!skip_name("not")) return comparison();
  Expr operand = GANNET_TRY(negation());
  return node(ExprKind::kNot, begin, children(std::move(operand)));
}

Result<Expr> Parser::comparison() {
  static constexpr std::array<std::pair<std::string_view, Op>, 6> kOps = {
      {{"==", Op::kEq}, {"!=", Op::kNe}, {"<", Op::kLt}, {"<=", Op::kLe}, {">", Op::kGt}, {">=", Op::kGe}}};
  const uint32_t begin = current().span.begin;
  std::vector<Expr> operands = children(GANNET_TRY(sum()));
  std::vector<Op> ops;
  for (;;) {
    const auto* const known =
        std::find_if(kOps.begin(), kOps.end(), [&](const auto& op) { return current().is_op(op.first); });
    if (known != kOps.end()) {
      ops.push_back(known->second);
    } else if (current().is_name("in")) {
      ops.push_back(Op::kIn);
    } else if (current().is_name("not") && next().is_name("in")) {
      ops.push_back(Op::kNotIn);
      advance();
    } else {
      break;
    }
    advance();
    operands.push_back(GANNET_TRY(sum()));
  }
  if (ops.empty()) return std::move(operands[0]);
  Expr made = GANNET_TRY(node(ExprKind::kCompare, begin, std::move(operands)));
  made.ops = std::move(ops);
  return made;
}

Result<Expr> Parser::sum() {
  const uint32_t begin = current().span.begin;
  Expr left = GANNET_TRY(concatenation());
  while (current().is_op("+") || current().is_op("-")) {
    const Op op = current().is_op("+") ? Op::kAdd : Op::kSub;
    advance();
    Expr right = GANNET_TRY(concatenation());
    left = GANNET_TRY(node(ExprKind::kArithmetic, begin, children(std::move(left), std::move(right))));
    left.op = op;
  }
  return left;
}

Result<Expr> Parser::concatenation() {
  const uint32_t begin = current().span.begin;
  std::vector<Expr> parts = children(GANNET_TRY(product()));
  while (skip_op("~")) parts.push_back(GANNET_TRY(product()));
  if (parts.size() == 1) return std::move(parts[0]);
  return node(ExprKind::kConcat, begin, std::move(parts));
}

Result<Expr> Parser::product() {
  static constexpr std::array<std::pair<std::string_view, Op>, 4> kOps = {
      {{"*", Op::kMul}, {"/", Op::kDiv}, {"//", Op::kFloorDiv}, {"%", Op::kMod}}};
  const uint32_t begin = current().span.begin;
  Expr left = GANNET_TRY(power());
  for (;;) {
    const auto* const op = std::find_if(kOps.begin(), kOps.end(),
                                        [&](const auto& known) { return current().is_op(known.first); });
    if (op == kOps.end()) return left;
    advance();
    Expr right = GANNET_TRY(power());
    left = GANNET_TRY(node(ExprKind::kArithmetic, begin, children(std::move(left), std::move(right))));
    left.op = op->second;
  }
}

Result<Expr> Parser::power() {
  const uint32_t begin = current().span.begin;
  Expr left = GANNET_TRY(unary(true));
  while (skip_op("**")) {
    Expr right = GANNET_TRY(unary(true));
    left = GANNET_TRY(node(ExprKind::kArithmetic, begin, children(std::move(left), std::move(right))));
    left.op = Op::kPow;
  }
  return left;
}

Result<Expr> Parser::unary(bool with_filters) {
  const Depth guard(this);
  GANNET_TRY(check_depth(depth_));
  const uint32_t begin = current().span.begin;
  Expr made;
  if (current().is_op("-") || current().is_op("+")) {
    const ExprKind kind = current().is_op("-") ? ExprKind::kNegate : ExprKind::kPlus;
    advance();
    Expr operand = GANNET_TRY(unary(false));
    made = GANNET_TRY(node(kind, begin, children(std::move(operand))));
  } else {
    made = GANNET_TRY(primary());
    made = GANNET_TRY(postfix(std::move(made)));
  }
  return with_filters ? filters_and_tests(std::move(made)) : std::move(made);
}

Result<Expr> Parser::primary() {
  const Token token = current();
  const uint32_t begin = token.span.begin;
  if (token.is(TokenKind::kName)) {
    advance();
    if (token.text == "true" || token.text == "True") return literal(Value::boolean(true), token.span);
    if (token.text == "false" || token.text == "False") return literal(Value::boolean(false), token.span);
    if (token.text == "none" || token.text == "None") return literal(Value::none(), token.span);
    Expr made;
    made.kind = ExprKind::kName;
    made.name = intern(token.text);
    made.span = token.span;
    return made;
  }
  if (token.is(TokenKind::kString)) {
    std::string text;
    for (; current().is(TokenKind::kString); advance()) text += current().text;
    return literal(Value::own_string(std::move(text)), since(begin));
  }
  if (token.is(TokenKind::kInteger) || token.is(TokenKind::kFloat)) return number_literal();
  if (skip_op("(")) {
    Expr made = GANNET_TRY(tuple(true, true));
    GANNET_TRY(expect_op(")"));
    made.span = since(begin);
    return made;
  }
  if (token.is_op("[")) return list_literal();
  if (token.is_op("{")) return dict_literal();
  return unexpected("an expression");
}

Result<Expr> Parser::number_literal() {
  const Token token = current();
  advance();
  const char* const end = token.text.data() + token.text.size();
  if (token.is(TokenKind::kFloat)) {
    double value = 0;
    const auto [stop, error] = std::from_chars(token.text.data(), end, value);
    if (error != std::errc() || stop != end)
      return source_.error(token.span, "this number is not one we can hold");
    return literal(Value::real(value), token.span);
  }
  int base = 10;
  const char* begin = token.text.data();
  if (token.text.size() > 2 && token.text[0] == '0') {
    const char letter = static_cast<char>(token.text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    if (base != 10) begin += 2;
  }
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value, base);
  if (error != std::errc() || stop != end)
    return source_.error(token.span, "this number is not one we can hold");
  return literal(Value::integer(value), token.span);
}

Result<Expr> Parser::list_literal() {
  const uint32_t begin = current().span.begin;
  advance();
  std::vector<Expr> items;
  while (!skip_op("]")) {
    if (!items.empty()) {
      GANNET_TRY(expect_op(","));
      if (skip_op("]")) break;
    }
    items.push_back(GANNET_TRY(expression()));
  }
  return node(ExprKind::kList, begin, std::move(items));
}

Result<Expr> Parser::dict_literal() {
  const uint32_t begin = current().span.begin;
  advance();
  std::vector<Expr> items;
  while (!skip_op("}")) {
    if (!items.empty()) {
      GANNET_TRY(expect_op(","));
      if (skip_op("}")) break;
    }
    items.push_back(GANNET_TRY(expression()));
    GANNET_TRY(expect_op(":"));
    items.push_back(GANNET_TRY(expression()));
  }
  return node(ExprKind::kDict, begin, std::move(items));
}

Result<Expr> Parser::postfix(Expr operand) {
  for (;;) {
    const uint32_t begin = operand.span.begin;
    if (current().is_op(".") || current().is_op("[")) {
      operand = GANNET_TRY(subscript(std::move(operand)));
    } else if (current().is_op("(")) {
      std::vector<Argument> given = GANNET_TRY(arguments());
      int deepest = 0;
      for (const Argument& argument : given) deepest = std::max(deepest, argument.value[0].depth);
      operand = GANNET_TRY(node(ExprKind::kCall, begin, children(std::move(operand))));
      operand.arguments = std::move(given);
      operand.depth = std::max(operand.depth, deepest + 1);
      GANNET_TRY(check_depth(operand.depth));
    } else {
      return operand;
    }
  }
}

Result<Expr> Parser::subscript(Expr operand) {
  const uint32_t begin = operand.span.begin;
  if (skip_op(".")) {
    if (current().is(TokenKind::kInteger)) {
      Expr index = GANNET_TRY(number_literal());
      return node(ExprKind::kItem, begin, children(std::move(operand), std::move(index)));
    }
    std::string name = GANNET_TRY(expect_name("the name of an attribute"));
    intern(name);  // mentions() is about attributes too
    Expr made = GANNET_TRY(node(ExprKind::kAttribute, begin, children(std::move(operand))));
    made.text = std::move(name);
    return made;
  }
  advance();
  std::array<std::optional<Expr>, 3> parts;
  size_t colons = 0;
  while (!current().is_op("]")) {
    if (skip_op(":")) {
      if (++colons > 2) return source_.error(current().span, "a slice has at most three parts");
    } else if (parts[colons].has_value()) {
      return unexpected("`]`");
    } else {
      parts[colons] = GANNET_TRY(expression());
    }
  }
  advance();
  if (colons == 0) {
    if (!parts[0]) return source_.error(since(begin), "expected an index between `[` and `]`");
    return node(ExprKind::kItem, begin, children(std::move(operand), *std::move(parts[0])));
  }
  std::vector<Expr> operands = children(std::move(operand));
  for (auto& part : parts) operands.push_back(part ? *std::move(part) : literal(Value::none(), since(begin)));
  return node(ExprKind::kSlice, begin, std::move(operands));
}

Result<Expr> Parser::filters_and_tests(Expr operand) {
  for (;;) {
    if (skip_op("|"))
      operand = GANNET_TRY(filter(std::move(operand)));
    else if (current().is_name("is"))
      operand = GANNET_TRY(test(std::move(operand)));
    else if (current().is_op("("))
      operand = GANNET_TRY(postfix(std::move(operand)));
    else
      return operand;
  }
}

Result<Expr> Parser::filter(Expr operand) {
  const uint32_t begin = operand.span.begin;
  std::string name = GANNET_TRY(expect_name("the name of a filter"));
  std::vector<Argument> given;
  if (current().is_op("(")) given = GANNET_TRY(arguments());
  Expr made = GANNET_TRY(node(ExprKind::kFilter, begin, children(std::move(operand))));
  for (const Argument& argument : given) made.depth = std::max(made.depth, argument.value[0].depth + 1);
  GANNET_TRY(check_depth(made.depth));
  made.builtin = find_filter(name);
  made.text = std::move(name);
  made.arguments = std::move(given);
  return made;
}

Result<Expr> Parser::test(Expr operand) {
  const uint32_t begin = operand.span.begin;
  advance();
  const bool negated = skip_name("not");
  std::string name = GANNET_TRY(expect_name("the name of a test"));
  std::vector<Argument> given;
  const Token& token = current();
  const bool starts_value = token.is(TokenKind::kString) || token.is(TokenKind::kInteger) ||
                            token.is(TokenKind::kFloat) || token.is_op("[") || token.is_op("{") ||
                            (token.is(TokenKind::kName) && !token.is_name("else") && !token.is_name("or") &&
                             !token.is_name("and") && !token.is_name("if") && !token.is_name("in"));
  if (token.is_op("(")) {
    given = GANNET_TRY(arguments());
  } else if (token.is_name("is")) {
    return source_.error(token.span, "tests cannot follow each other; use `and`");
  } else if (starts_value) {
    Expr value = GANNET_TRY(primary());
    value = GANNET_TRY(postfix(std::move(value)));
    given.push_back({Argument::Kind::kPositional, {}, children(std::move(value))});
  }
  Expr made = GANNET_TRY(node(ExprKind::kTest, begin, children(std::move(operand))));
  for (const Argument& argument : given) made.depth = std::max(made.depth, argument.value[0].depth + 1);
  GANNET_TRY(check_depth(made.depth));
  made.builtin = find_test(name);
  made.text = std::move(name);
  made.arguments = std::move(given);
  if (!negated) return made;
  return node(ExprKind::kNot, begin, children(std::move(made)));
}

Result<std::vector<Argument>> Parser::arguments() {
  GANNET_TRY(expect_op("("));
  std::vector<Argument> given;
  while (!skip_op(")")) {
    if (!given.empty()) {
      GANNET_TRY(expect_op(","));
      if (skip_op(")")) break;
    }
    Argument argument{Argument::Kind::kPositional, {}, {}};
    if (skip_op("**")) {
      argument.kind = Argument::Kind::kSpreadNamed;
    } else if (skip_op("*")) {
      argument.kind = Argument::Kind::kSpread;
    } else if (current().is(TokenKind::kName) && next().is_op("=")) {
      argument.kind = Argument::Kind::kNamed;
      argument.name = current().text;
      advance();
      advance();
    } else if (!given.empty() && given.back().kind != Argument::Kind::kPositional &&
               given.back().kind != Argument::Kind::kSpread) {
      return source_.error(current().span, "an argument without a name follows one with a name");
    }
    argument.value.push_back(GANNET_TRY(expression()));
    given.push_back(std::move(argument));
  }
  return given;
}

}  // namespace gannet::jinja
