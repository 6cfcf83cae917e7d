#include "jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gannet::jinja {

Result<Program> Parser::parse(std::string_view source) {
  Program program{Source(source), {""}, {}, {}};
  Parser parser(&program);
  parser.tokens_ = GANNET_TRY(tokenize(program.source));
  program.body = GANNET_TRY(parser.body("", ""));
  return program;
}

bool Parser::skip_op(std::string_view op) {
  if (!current().is_op(op)) return false;
  advance();
  return true;
}

bool Parser::skip_name(std::string_view name) {
  if (!current().is_name(name)) return false;
  advance();
  return true;
}

Error Parser::unexpected(const std::string& wanted) const {
  const Token& token = current();
  std::string found = token.is(TokenKind::kEnd)         ? "the end of the template"
                      : token.is(TokenKind::kTagEnd)    ? "the end of the tag"
                      : token.is(TokenKind::kOutputEnd) ? "the end of the tag"
                                                        : fmt::format("`{}`", source_.text(token.span));
  return source_.error(token.span, fmt::format("expected {}, found {}", wanted, found));
}

Result<void> Parser::expect_op(std::string_view op) {
  if (!skip_op(op)) return unexpected(fmt::format("`{}`", op));
  return {};
}

Result<std::string> Parser::expect_name(const char* what) {
  if (!current().is(TokenKind::kName)) return unexpected(what);
  std::string name = current().text;
  advance();
  return name;
}

NameId Parser::intern(const std::string& name) {
  const auto [at, is_new] = program_.ids.try_emplace(name, static_cast<NameId>(program_.names.size()));
  if (is_new) program_.names.push_back(name);
  if (macro_ != nullptr) {
    macro_->uses_varargs |= name == "varargs";
    macro_->uses_kwargs |= name == "kwargs";
    macro_->uses_caller |= name == "caller";
  }
  return at->second;
}

Result<void> Parser::check_depth(int depth) const {
  if (depth <= kMaxDepth) return {};
  return source_.error(current().span, fmt::format("nested more than {} deep", kMaxDepth));
}

Result<void> Parser::end_tag() {
  if (!current().is(TokenKind::kTagEnd)) return unexpected("the end of the tag, `%}`");
  advance();
  return {};
}

Result<void> Parser::closing(std::string_view name) {
  GANNET_CHECK(skip_name(name), "body() ends at the names it was given");
  // `{% endmacro name %}` repeats the name.
  if (name == "endmacro" && current().is(TokenKind::kName)) advance();
  return end_tag();
}

Result<std::vector<Statement>> Parser::body(std::string_view opening, std::string_view ends) {
  const Depth guard(this);
  GANNET_TRY(check_depth(depth_));
  const Span opened = current().span;
  std::vector<Statement> statements;
  for (;;) {
    const Token& token = current();
    if (token.is(TokenKind::kEnd)) {
      if (opening.empty()) return statements;
      return source_.error(opened, fmt::format("this {} block has no end{}", opening, opening));
    }
    Statement made;
    made.span = token.span;
    if (token.is(TokenKind::kText)) {
      made.text = token.text;
      advance();
      statements.push_back(std::move(made));
    } else if (token.is(TokenKind::kOutputBegin)) {
      advance();
      made.kind = StatementKind::kOutput;
      made.expressions.push_back(GANNET_TRY(tuple(true)));
      made.span = made.expressions[0].span;
      if (!current().is(TokenKind::kOutputEnd)) return unexpected("the end of the output, `}}`");
      advance();
      statements.push_back(std::move(made));
    } else {
      advance();
      if (!current().is(TokenKind::kName)) return unexpected("the name of a tag");
      const std::string padded = fmt::format(" {} ", ends);
      if (padded.find(fmt::format(" {} ", current().text)) != std::string::npos) return statements;
      statements.push_back(GANNET_TRY(statement()));
    }
  }
}

Result<Statement> Parser::statement() {
  const Token token = current();
  Statement made;
  made.span = token.span;
  advance();
  if (token.text == "if") return if_statement(std::move(made));
  if (token.text == "for") return for_statement(std::move(made));
  if (token.text == "set") return set_statement(std::move(made));
  if (token.text == "macro") return macro_statement(std::move(made));
  if (token.text == "call") return call_statement(std::move(made));
  if (token.text == "filter") return filter_statement(std::move(made));
  if (token.text == "with") return with_statement(std::move(made));
  if (token.text == "generation") {  // marks what a model wrote, for training; the text is the same
    made.kind = StatementKind::kScope;
    GANNET_TRY(end_tag());
    made.bodies.push_back(GANNET_TRY(body("generation", "endgeneration")));
    GANNET_TRY(closing("endgeneration"));
    return made;
  }
  if (token.text == "do") {
    made.kind = StatementKind::kEvaluate;
    made.expressions.push_back(GANNET_TRY(tuple(true)));
    GANNET_TRY(end_tag());
    return made;
  }
  if (token.text == "break" || token.text == "continue") {
    if (loops_ == 0) return source_.error(token.span, fmt::format("`{}` outside of a loop", token.text));
    made.kind = token.text == "break" ? StatementKind::kBreak : StatementKind::kContinue;
    GANNET_TRY(end_tag());
    return made;
  }
  constexpr std::array kLeftOut = {"block", "extends", "include", "import", "from", "autoescape", "trans"};
  if (std::find(kLeftOut.begin(), kLeftOut.end(), token.text) != kLeftOut.end())
    return source_.error(token.span, fmt::format("the tag `{}` is not part of chat templates", token.text));
  return source_.error(token.span, fmt::format("there is no tag `{}` here", token.text));
}

Result<Statement> Parser::if_statement(Statement made) {
  made.kind = StatementKind::kIf;
  for (;;) {
    made.expressions.push_back(GANNET_TRY(tuple(false)));
    GANNET_TRY(end_tag());
    made.bodies.push_back(GANNET_TRY(body("if", "elif else endif")));
    if (!skip_name("elif")) break;
  }
  if (skip_name("else")) {
    GANNET_TRY(end_tag());
    made.bodies.push_back(GANNET_TRY(body("if", "endif")));
  }
  GANNET_TRY(closing("endif"));
  return made;
}

Result<Statement> Parser::for_statement(Statement made) {
  made.kind = StatementKind::kFor;
  made.targets.push_back(GANNET_TRY(targets(false)));
  if (!skip_name("in")) return unexpected("`in`");
  made.expressions.push_back(GANNET_TRY(tuple(false)));
  if (skip_name("if")) made.expressions.push_back(GANNET_TRY(expression()));
  if (current().is_name("recursive"))
    return source_.error(current().span, "recursive loops are not supported");
  GANNET_TRY(end_tag());
  ++loops_;
  made.bodies.push_back(GANNET_TRY(body("for", "else endfor")));
  --loops_;
  if (skip_name("else")) {
    GANNET_TRY(end_tag());
    made.bodies.push_back(GANNET_TRY(body("for", "endfor")));
  }
  GANNET_TRY(closing("endfor"));
  return made;
}

Expr Parser::block_text(uint32_t at) {
  Expr text;
  text.kind = ExprKind::kName;
  text.name = kBlockText;
  text.span = {at, at};
  return text;
}

Result<Statement> Parser::set_statement(Statement made) {
  made.targets.push_back(GANNET_TRY(targets(true)));
  if (skip_op("=")) {
    made.kind = StatementKind::kSet;
    made.expressions.push_back(GANNET_TRY(tuple(true)));
    GANNET_TRY(end_tag());
    return made;
  }
  made.kind = StatementKind::kSetBlock;
  if (made.targets[0].kind == Target::Kind::kSeveral) return unexpected("`=`");
  if (current().is_op("|"))
    made.expressions.push_back(GANNET_TRY(filters_and_tests(block_text(current().span.begin))));
  GANNET_TRY(end_tag());
  made.bodies.push_back(GANNET_TRY(body("set", "endset")));
  GANNET_TRY(closing("endset"));
  return made;
}

Result<void> Parser::parameters(Macro* macro) {
  GANNET_TRY(expect_op("("));
  while (!skip_op(")")) {
    if (!macro->parameters.empty()) GANNET_TRY(expect_op(","));
    Macro::Parameter parameter;
    parameter.name = GANNET_TRY(expect_name("the name of a parameter"));
    parameter.id = intern(parameter.name);
    if (skip_op("="))
      parameter.otherwise.push_back(GANNET_TRY(expression()));
    else if (!macro->parameters.empty() && !macro->parameters.back().otherwise.empty())
      return source_.error(current().span, "a parameter without a default follows one that has one");
    macro->parameters.push_back(std::move(parameter));
  }
  return {};
}

Result<void> Parser::macro_body(Macro* macro, std::string_view opening, std::string_view end) {
  GANNET_TRY(end_tag());
  Macro* const outer = std::exchange(macro_, macro);
  const int loops = std::exchange(loops_, 0);
  macro->body = GANNET_TRY(body(opening, end));
  loops_ = loops;
  macro_ = outer;
  return closing(end);
}

Result<Statement> Parser::macro_statement(Statement made) {
  made.kind = StatementKind::kMacro;
  auto macro = std::make_shared<Macro>();
  macro->span = made.span;
  macro->name = GANNET_TRY(expect_name("the name of the macro"));
  macro->name_id = intern(macro->name);
  GANNET_TRY(parameters(macro.get()));
  GANNET_TRY(macro_body(macro.get(), "macro", "endmacro"));
  made.macro = std::move(macro);
  return made;
}

Result<Statement> Parser::call_statement(Statement made) {
  made.kind = StatementKind::kCallBlock;
  auto macro = std::make_shared<Macro>();
  macro->span = made.span;
  macro->name = "caller";
  if (current().is_op("(")) GANNET_TRY(parameters(macro.get()));
  made.expressions.push_back(GANNET_TRY(expression()));
  if (made.expressions[0].kind != ExprKind::kCall)
    return source_.error(made.expressions[0].span, "a call block needs a call");
  GANNET_TRY(macro_body(macro.get(), "call", "endcall"));
  made.macro = std::move(macro);
  return made;
}

Result<Statement> Parser::filter_statement(Statement made) {
  made.kind = StatementKind::kFilterBlock;
  made.expressions.push_back(GANNET_TRY(filter(block_text(current().span.begin))));
  made.expressions[0] = GANNET_TRY(filters_and_tests(std::move(made.expressions[0])));
  GANNET_TRY(end_tag());
  made.bodies.push_back(GANNET_TRY(body("filter", "endfilter")));
  GANNET_TRY(closing("endfilter"));
  return made;
}

Result<Statement> Parser::with_statement(Statement made) {
  made.kind = StatementKind::kWith;
  while (!current().is(TokenKind::kTagEnd)) {
    if (!made.targets.empty()) GANNET_TRY(expect_op(","));
    made.targets.push_back(GANNET_TRY(target(false)));
    GANNET_TRY(expect_op("="));
    made.expressions.push_back(GANNET_TRY(expression()));
  }
  GANNET_TRY(end_tag());
  made.bodies.push_back(GANNET_TRY(body("with", "endwith")));
  GANNET_TRY(closing("endwith"));
  return made;
}

Result<Target> Parser::target(bool attributes) {
  const Depth guard(this);
  GANNET_TRY(check_depth(depth_));
  Target made;
  made.span = current().span;
  if (skip_op("(")) {
    made = GANNET_TRY(targets(false));
    GANNET_TRY(expect_op(")"));
    return made;
  }
  const std::string name = GANNET_TRY(expect_name("a name to assign to"));
  constexpr std::array kReserved = {"true", "false", "none", "True", "False", "None", "loop"};
  if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end())
    return source_.error(made.span, fmt::format("`{}` cannot be assigned to", name));
  made.name = intern(name);
  if (attributes && skip_op(".")) {
    made.kind = Target::Kind::kAttribute;
    made.attribute = GANNET_TRY(expect_name("the name of an attribute"));
    intern(made.attribute);
  }
  made.span = since(made.span.begin);
  return made;
}

Result<Target> Parser::targets(bool attributes) {
  Target first = GANNET_TRY(target(attributes));
  if (!current().is_op(",")) return first;
  Target several;
  several.kind = Target::Kind::kSeveral;
  several.span = first.span;
  several.parts.push_back(std::move(first));
  while (skip_op(",")) {
    if (current().is_name("in") || current().is_op("=") || current().is_op(")")) break;
    several.parts.push_back(GANNET_TRY(target(attributes)));
  }
  several.span = since(several.span.begin);
  return several;
}

}  // namespace gannet::jinja
