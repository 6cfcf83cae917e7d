// From tokens to a Program: a recursive descent that follows the grammar of Jinja2, precedence by precedence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/ast.h"
#include "jinja/lexer.h"

namespace gannet::jinja {

class Parser {
 public:
  // Nothing in a parsed template is nested deeper, so whatever walks it needs a bounded stack.
  static constexpr int kMaxDepth = 200;

  static Result<Program> parse(std::string_view source);

 private:
  explicit Parser(Program* program) : program_(*program), source_(program->source) {}

  // --- tokens (parser.cpp)
  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  void advance() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);
  Result<void> expect_op(std::string_view op);
  Result<std::string> expect_name(const char* what);
  Error unexpected(const std::string& wanted) const;
  NameId intern(const std::string& name);
  Span since(uint32_t begin) const { return {begin, tokens_[at_ == 0 ? 0 : at_ - 1].span.end}; }

  // Counts the nesting of what is being parsed.
  class Depth {
   public:
    explicit Depth(Parser* parser) : parser_(parser) { ++parser->depth_; }
    ~Depth() { --parser_->depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    Parser* parser_;
  };
  Result<void> check_depth(int depth) const;

  // --- statements (parser.cpp)
  // Up to a tag whose name is in `ends` (separated by spaces), which is left as the current token.
  Result<std::vector<Statement>> body(std::string_view opening, std::string_view ends);
  Result<void> end_tag();
  // `name` and the end of its tag.
  Result<void> closing(std::string_view name);
  Result<Statement> statement();
  Result<Statement> if_statement(Statement made);
  Result<Statement> for_statement(Statement made);
  Result<Statement> set_statement(Statement made);
  Result<Statement> macro_statement(Statement made);
  Result<Statement> call_statement(Statement made);
  Result<Statement> filter_statement(Statement made);
  Result<Statement> with_statement(Statement made);
  Result<void> parameters(Macro* macro);
  Result<void> macro_body(Macro* macro, std::string_view opening, std::string_view end);
  Result<Target> target(bool attributes);
  Result<Target> targets(bool attributes);
  Expr block_text(uint32_t at);

  // --- expressions (parse_expression.cpp)
  Result<Expr> expression() { return conditional(true); }
  // One expression, or several with commas between them. `with_if`: whether `a if b` belongs to them.
  Result<Expr> tuple(bool with_if, bool in_parentheses = false);
  Result<Expr> conditional(bool with_if);
  Result<Expr> disjunction();
  Result<Expr> conjunction();
  Result<Expr> negation();
  Result<Expr> comparison();
  Result<Expr> sum();
  Result<Expr> concatenation();
  Result<Expr> product();
  Result<Expr> power();
  Result<Expr> unary(bool with_filters);
  Result<Expr> primary();
  Result<Expr> number_literal();
  Result<Expr> list_literal();
  Result<Expr> dict_literal();
  Result<Expr> postfix(Expr operand);
  Result<Expr> subscript(Expr operand);
  Result<Expr> filters_and_tests(Expr operand);
  Result<Expr> filter(Expr operand);
  Result<Expr> test(Expr operand);
  Result<std::vector<Argument>> arguments();
  bool ends_tuple(bool in_parentheses) const;
  // Puts `children` under a new node and refuses what is too deep.
  Result<Expr> node(ExprKind kind, uint32_t begin, std::vector<Expr> children);

  Program& program_;
  const Source& source_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;           // around the current statement, within its macro
  Macro* macro_ = nullptr;  // the innermost around the current statement
};

}  // namespace gannet::jinja
