// Walks a Program. One per rendering.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/ast.h"
#include "jinja/runtime.h"

namespace gannet::jinja {

// Variables of a loop's round, a macro's call or a block. Names that are not here are looked for further out.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<NameId, Value>> variables;
  bool kept = false;
  MemoryCharge charge;

  Value* find(NameId name) {
    for (auto& [id, value] : variables)
      if (id == name) return &value;
    return nullptr;
  }
  void set(NameId name, Value value) {
    if (Value* known = find(name))
      *known = std::move(value);
    else
      variables.emplace_back(name, std::move(value));
  }
};

class Evaluator {
 public:
  Evaluator(const Program& program, Runtime* runtime, int macro_depth, TextBuilder* out);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  void set(NameId name, Value value) { scope_->set(name, std::move(value)); }
  Result<void> run();

  Result<Value> call_macro(const Macro& macro, const std::shared_ptr<Scope>& closure,
                           const Arguments& arguments);

 private:
  enum class Flow : uint8_t { kNext, kBreak, kContinue };
  class Inner;  // a scope and, if wanted, a place for the text, while it lives

  // statements: evaluate_statement.cpp
  Result<Flow> execute(const std::vector<Statement>& body);
  Result<Flow> execute(const Statement& statement);
  Result<Flow> execute_if(const Statement& statement);
  Result<Flow> execute_for(const Statement& statement);
  Result<Flow> execute_with(const Statement& statement);
  Result<Flow> execute_filter(const Statement& statement);
  Result<Flow> execute_set_block(const Statement& statement);
  Result<void> execute_call(const Statement& statement);
  Result<void> define_macro(const Statement& statement);
  Result<void> assign(const Target& target, Value value);
  Result<void> write(const Expr& expression);
  Result<std::shared_ptr<Scope>> new_scope(std::shared_ptr<Scope> parent);
  Result<void> bind(const Macro& macro, const Arguments& arguments);
  void keep_scope();
  // What the statements write, as a string.
  Result<Value> capture(const std::vector<Statement>& body, Flow* flow);

  // expressions: evaluate_expression.cpp
  Result<Value> evaluate(const Expr& expression);
  Result<Value> evaluate_kind(const Expr& expression);
  Result<Value> evaluate_name(const Expr& expression);
  Result<Value> evaluate_dict(const Expr& expression);
  Result<Value> evaluate_concat(const Expr& expression);
  Result<Value> evaluate_compare(const Expr& expression);
  Result<Value> evaluate_call(const Expr& expression, const Value* caller);
  Result<Value> evaluate_builtin(const Expr& expression, const char* what);
  Result<std::vector<Value>> evaluate_all(const std::vector<Expr>& expressions);
  Result<Arguments> evaluate_arguments(const std::vector<Argument>& written);

  // Puts the place and the expression in front of an error that has none yet.
  Error locate(Span span, Error error);

  const Program& program_;
  Runtime& runtime_;
  std::shared_ptr<Scope> scope_;
  TextBuilder* out_;
  int macro_depth_ = 0, macro_depth_limit_;
  bool located_ = false;
  std::vector<std::shared_ptr<Scope>> kept_scopes_;  // macros and their scopes hold each other
};

}  // namespace gannet::jinja
