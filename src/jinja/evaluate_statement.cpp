#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jinja/builtins.h"
#include "jinja/evaluator.h"
#include "jinja/loop.h"

namespace gannet::jinja {
namespace {

// A macro and the scope it was defined in.
class MacroObject : public Object {
 public:
  MacroObject(Evaluator* evaluator, std::shared_ptr<const Macro> macro, std::shared_ptr<Scope> closure)
      : evaluator_(*evaluator), macro_(std::move(macro)), closure_(std::move(closure)) {}
  std::string_view kind() const override { return "macro"; }
  bool callable() const override { return true; }
  Value attribute(Runtime&, std::string_view name) const override {
    return name == "name" ? Value::own_string(macro_->name) : Value();
  }
  Result<Value> call(Runtime&, const Arguments& arguments) override {
    return evaluator_.call_macro(*macro_, closure_, arguments);
  }

 private:
  Evaluator& evaluator_;
  std::shared_ptr<const Macro> macro_;
  std::shared_ptr<Scope> closure_;
};

}  // namespace

class Evaluator::Inner {
 public:
  Inner(Evaluator* evaluator, std::shared_ptr<Scope> scope, TextBuilder* out)
      : evaluator_(*evaluator),
        scope_(std::exchange(evaluator->scope_, std::move(scope))),
        out_(std::exchange(evaluator->out_, out)) {}
  ~Inner() {
    evaluator_.scope_ = std::move(scope_);
    evaluator_.out_ = out_;
  }
  Inner(const Inner&) = delete;
  Inner& operator=(const Inner&) = delete;

 private:
  Evaluator& evaluator_;
  std::shared_ptr<Scope> scope_;
  TextBuilder* out_;
};

Evaluator::Evaluator(const Program& program, Runtime* runtime, int macro_depth, TextBuilder* out)
    : program_(program),
      runtime_(*runtime),
      scope_(std::make_shared<Scope>()),
      out_(out),
      macro_depth_limit_(macro_depth) {}

Evaluator::~Evaluator() {
  for (const auto& scope : kept_scopes_) {
    std::vector<Value> values;
    for (auto& [name, value] : scope->variables) values.push_back(std::move(value));
    scope->variables.clear();
    destroy_flat(&values);
  }
}

Result<void> Evaluator::run() {
  GANNET_TRY(execute(program_.body));
  return {};
}

Result<Evaluator::Flow> Evaluator::execute(const std::vector<Statement>& body) {
  for (const Statement& statement : body) {
    Result<void> allowed = runtime_.enter();
    if (!allowed.ok()) return locate(statement.span, allowed.take_error());
    const Flow flow = GANNET_TRY(execute(statement));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::execute(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kText:
      GANNET_TRY(runtime_.budget().touch(statement.text.size()));
      out_->own(statement.text);
      break;
    case StatementKind::kOutput:
      GANNET_TRY(write(statement.expressions[0]));
      break;
    case StatementKind::kIf:
      return execute_if(statement);
    case StatementKind::kFor:
      return execute_for(statement);
    case StatementKind::kSet: {
      Value value = GANNET_TRY(evaluate(statement.expressions[0]));
      GANNET_TRY(assign(statement.targets[0], std::move(value)));
      break;
    }
    case StatementKind::kSetBlock:
      return execute_set_block(statement);
    case StatementKind::kMacro:
      GANNET_TRY(define_macro(statement));
      break;
    case StatementKind::kCallBlock:
      GANNET_TRY(execute_call(statement));
      break;
    case StatementKind::kFilterBlock:
      return execute_filter(statement);
    case StatementKind::kWith:
      return execute_with(statement);
    case StatementKind::kScope: {
      const Inner inner(this, GANNET_TRY(new_scope(scope_)), out_);
      return execute(statement.bodies[0]);
    }
    case StatementKind::kEvaluate:
      GANNET_TRY(evaluate(statement.expressions[0]));
      break;
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  if (out_->full()) return locate(statement.span, out_->finish().take_error());
  return Flow::kNext;
}

Result<void> Evaluator::write(const Expr& expression) {
  Result<void> written = runtime_.write(out_, GANNET_TRY(evaluate(expression)));
  if (!written.ok()) return locate(expression.span, written.take_error());
  return {};
}

Result<Evaluator::Flow> Evaluator::execute_if(const Statement& statement) {
  for (size_t i = 0; i < statement.bodies.size(); ++i) {
    const bool otherwise = i >= statement.expressions.size();
    if (otherwise || GANNET_TRY(evaluate(statement.expressions[i])).truthy())
      return execute(statement.bodies[i]);
  }
  return Flow::kNext;
}

Result<std::shared_ptr<Scope>> Evaluator::new_scope(std::shared_ptr<Scope> parent) {
  auto scope = std::make_shared<Scope>();
  constexpr size_t kBytes = sizeof(Scope) + 8 * sizeof(std::pair<NameId, Value>);
  if (!scope->charge.grow(runtime_.memory(), kBytes)) return runtime_.memory()->refusal();
  scope->parent = std::move(parent);
  return scope;
}

Result<Evaluator::Flow> Evaluator::execute_for(const Statement& statement) {
  const Expr& source = statement.expressions[0];
  const Value container = GANNET_TRY(evaluate(source));
  Result<std::vector<Value>> all = runtime_.iterate(container);
  if (!all.ok()) return locate(source.span, all.take_error());
  std::vector<Value> items = all.take();
  if (statement.expressions.size() > 1) {
    std::vector<Value> chosen;
    for (Value& item : items) {
      const Inner inner(this, GANNET_TRY(new_scope(scope_)), out_);
      GANNET_TRY(assign(statement.targets[0], item));
      if (GANNET_TRY(evaluate(statement.expressions[1])).truthy()) chosen.push_back(std::move(item));
    }
    items = std::move(chosen);
  }
  const Value all_items = GANNET_TRY(make_list(runtime_.memory(), std::move(items)));
  if (all_items.items().empty() && statement.bodies.size() > 1) {
    const Inner inner(this, GANNET_TRY(new_scope(scope_)), out_);
    return execute(statement.bodies[1]);
  }
  const auto loop = std::make_shared<Loop>(all_items);
  const auto found = program_.ids.find("loop");
  for (const Value& item : all_items.items()) {
    GANNET_TRY(runtime_.budget().step());
    const Inner inner(this, GANNET_TRY(new_scope(scope_)), out_);
    if (found != program_.ids.end()) scope_->set(found->second, Value::of(std::shared_ptr<Object>(loop)));
    GANNET_TRY(assign(statement.targets[0], item));
    if (GANNET_TRY(execute(statement.bodies[0])) == Flow::kBreak) break;
    loop->next();
  }
  return Flow::kNext;
}

Result<void> Evaluator::assign(const Target& target, Value value) {
  switch (target.kind) {
    case Target::Kind::kName:
      scope_->set(target.name, std::move(value));
      return {};
    case Target::Kind::kAttribute: {
      for (Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
        Value* object = scope->find(target.name);
        if (object == nullptr) continue;
        if (object->is_object() && object->as_object().assign(target.attribute, std::move(value))) return {};
        break;
      }
      return locate(target.span, fault("only attributes of a namespace can be set"));
    }
    case Target::Kind::kSeveral: {
      if (value.is_undefined() || !(value.is_list() || value.is_string() || value.is_dict()))
        return locate(target.span,
                      fault(fmt::format("a value of type {} has no parts to assign", value.type_name())));
      std::vector<Value> parts = GANNET_TRY(runtime_.iterate(value));
      if (parts.size() != target.parts.size())
        return locate(target.span,
                      fault(fmt::format("{} values for {} names", parts.size(), target.parts.size())));
      for (size_t i = 0; i < parts.size(); ++i) GANNET_TRY(assign(target.parts[i], std::move(parts[i])));
    }
  }
  return {};
}

Result<Value> Evaluator::capture(const std::vector<Statement>& body, Flow* flow) {
  TextBuilder made(runtime_.memory());
  {
    const Inner inner(this, GANNET_TRY(new_scope(scope_)), &made);
    *flow = GANNET_TRY(execute(body));
  }
  return made.finish();
}

Result<Evaluator::Flow> Evaluator::execute_set_block(const Statement& statement) {
  Flow flow = Flow::kNext;
  Value text = GANNET_TRY(capture(statement.bodies[0], &flow));
  if (!statement.expressions.empty()) {
    const Inner inner(this, GANNET_TRY(new_scope(scope_)), out_);
    scope_->set(kBlockText, std::move(text));
    text = GANNET_TRY(evaluate(statement.expressions[0]));
  }
  GANNET_TRY(assign(statement.targets[0], std::move(text)));
  return flow;
}

Result<Evaluator::Flow> Evaluator::execute_filter(const Statement& statement) {
  Flow flow = Flow::kNext;
  Value text = GANNET_TRY(capture(statement.bodies[0], &flow));
  const Inner inner(this, GANNET_TRY(new_scope(scope_)), out_);
  scope_->set(kBlockText, std::move(text));
  GANNET_TRY(write(statement.expressions[0]));
  return flow;
}

Result<Evaluator::Flow> Evaluator::execute_with(const Statement& statement) {
  const std::vector<Value> values = GANNET_TRY(evaluate_all(statement.expressions));
  const Inner inner(this, GANNET_TRY(new_scope(scope_)), out_);
  for (size_t i = 0; i < values.size(); ++i) GANNET_TRY(assign(statement.targets[i], values[i]));
  return execute(statement.bodies[0]);
}

void Evaluator::keep_scope() {
  if (std::exchange(scope_->kept, true)) return;
  kept_scopes_.push_back(scope_);
}

Result<void> Evaluator::define_macro(const Statement& statement) {
  keep_scope();
  scope_->set(
      statement.macro->name_id,
      Value::of(std::shared_ptr<Object>(std::make_shared<MacroObject>(this, statement.macro, scope_))));
  return {};
}

Result<void> Evaluator::execute_call(const Statement& statement) {
  keep_scope();
  const Value caller =
      Value::of(std::shared_ptr<Object>(std::make_shared<MacroObject>(this, statement.macro, scope_)));
  const Expr& call = statement.expressions[0];
  Result<Value> text = evaluate_call(call, &caller);
  if (!text.ok()) return locate(call.span, text.take_error());
  return runtime_.write(out_, *text);
}

Result<void> Evaluator::bind(const Macro& macro, const Arguments& arguments) {
  Arguments rest;
  std::vector<const Value*> given(macro.parameters.size(), nullptr);
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < given.size())
      given[i] = &arguments.positional[i];
    else
      rest.positional.push_back(arguments.positional[i]);
  }
  Value caller = Value::undefined("No caller defined");
  bool has_caller = false;
  for (const auto& [name, value] : arguments.named) {
    const auto parameter =
        std::find_if(macro.parameters.begin(), macro.parameters.end(),
                     [&, wanted = std::string_view(name)](const auto& p) { return p.name == wanted; });
    if (parameter == macro.parameters.end()) {
      has_caller |= name == "caller";
      if (name == "caller")
        caller = value;
      else
        rest.named.emplace_back(name, value);
      continue;
    }
    auto& slot = given[static_cast<size_t>(parameter - macro.parameters.begin())];
    if (slot != nullptr) return fault(fmt::format("macro {} got `{}` twice", macro.name, name));
    slot = &value;
  }
  if (!rest.positional.empty() && !macro.uses_varargs)
    return fault(fmt::format("macro {} takes {} arguments, not {}", macro.name, given.size(),
                             arguments.positional.size()));
  if (!rest.named.empty() && !macro.uses_kwargs)
    return fault(fmt::format("macro {} has no parameter `{}`", macro.name, rest.named[0].first));
  if (has_caller && !macro.uses_caller)
    return fault(fmt::format("macro {} is called with a block but does not use caller()", macro.name));
  for (size_t i = 0; i < given.size(); ++i) {
    const Macro::Parameter& parameter = macro.parameters[i];
    if (given[i] != nullptr)
      scope_->set(parameter.id, *given[i]);
    else if (!parameter.otherwise.empty())
      scope_->set(parameter.id, GANNET_TRY(evaluate(parameter.otherwise[0])));
    else
      scope_->set(parameter.id,
                  Value::undefined(fmt::format("parameter '{}' was not provided", parameter.name)));
  }
  if (macro.uses_caller && (has_caller || macro.name != "caller"))
    scope_->set(program_.ids.at("caller"), caller);
  if (macro.uses_varargs)
    scope_->set(program_.ids.at("varargs"),
                GANNET_TRY(make_tuple(runtime_.memory(), std::move(rest.positional))));
  if (macro.uses_kwargs) {
    std::vector<DictData::Entry> entries;
    for (auto& [name, value] : rest.named) entries.emplace_back(Value::own_string(name), std::move(value));
    scope_->set(program_.ids.at("kwargs"), GANNET_TRY(make_dict(runtime_.memory(), std::move(entries))));
  }
  return {};
}

Result<Value> Evaluator::call_macro(const Macro& macro, const std::shared_ptr<Scope>& closure,
                                    const Arguments& arguments) {
  if (macro_depth_ >= macro_depth_limit_)
    return fault(fmt::format("macros call each other more than {} deep", macro_depth_limit_));
  TextBuilder made(runtime_.memory());
  ++macro_depth_;
  const auto run = [&]() -> Result<void> {
    const Inner inner(this, GANNET_TRY(new_scope(closure)), &made);
    GANNET_TRY(bind(macro, arguments));
    GANNET_TRY(execute(macro.body));
    return {};
  };
  Result<void> done = run();
  --macro_depth_;
  if (!done.ok()) return done.take_error();
  return made.finish();
}

}  // namespace gannet::jinja
