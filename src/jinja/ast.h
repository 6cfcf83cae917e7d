// A parsed template. Immutable, and read by several threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jinja/source.h"
#include "jinja/value.h"

namespace gannet::jinja {

struct Builtin;

using NameId = uint32_t;  // index into Program::names

enum class ExprKind : uint8_t {
  kLiteral,    // value
  kName,       // name
  kList,       // children
  kTuple,      // children
  kDict,       // children: key, value, key, value, ...
  kAttribute,  // children[0].text
  kItem,       // children[0][children[1]]
  kSlice,      // children[0][children[1] : children[2] : children[3]]; what is not written is a literal none
  kCall,       // children[0](arguments)
  kFilter,     // children[0] | text(arguments)
  kTest,       // children[0] is text(arguments)
  kNot,        // children[0]
  kNegate,     // children[0]
  kPlus,       // children[0]
  kAnd,        // both operands; as in Python the value of one of them
  kOr,
  kArithmetic,   // children[0] op children[1]
  kConcat,       // children, as strings
  kCompare,      // children[0] ops[0] children[1] ops[1] children[2] ...
  kConditional,  // children: condition, then, else
};

enum class Op : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kMod,
  kPow,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kIn,
  kNotIn
};

struct Expr;

struct Argument {
  enum class Kind : uint8_t { kPositional, kNamed, kSpread, kSpreadNamed } kind;
  std::string name;
  std::vector<Expr> value;  // exactly one
};

struct Expr {
  ExprKind kind = ExprKind::kLiteral;
  Op op = Op::kAdd;
  NameId name = 0;
  int depth = 1;  // of the tree below, itself included
  Span span;
  Value value;
  std::string text;
  const Builtin* builtin = nullptr;  // of a filter or test; nullptr if there is none of that name
  std::vector<Expr> children;
  std::vector<Op> ops;
  std::vector<Argument> arguments;
};

// What is assigned to: a name, an attribute of a namespace, or several of these.
struct Target {
  enum class Kind : uint8_t { kName, kAttribute, kSeveral } kind = Kind::kName;
  NameId name = 0;
  std::string attribute;
  Span span;
  std::vector<Target> parts;
};

enum class StatementKind : uint8_t {
  kText,         // text
  kOutput,       // expressions[0]
  kIf,           // expressions: conditions; bodies: one each, and one more if there is an else
  kFor,          // expressions: what is gone through[, filter]; target; bodies: body, else
  kSet,          // target, expressions[0]
  kSetBlock,     // target, bodies[0], expressions: [a chain of filters]
  kMacro,        // macro
  kCallBlock,    // expressions[0] is the call, macro is what caller() does
  kFilterBlock,  // expressions[0] is a chain of filters, bodies[0]
  kWith,         // targets, expressions: one each, bodies[0]
  kScope,        // bodies[0]
  kEvaluate,     // expressions[0], for its effects
  kBreak,
  kContinue,
};

struct Statement;

struct Macro {
  std::string name;
  NameId name_id = 0;
  Span span;
  struct Parameter {
    std::string name;
    NameId id = 0;
    std::vector<Expr> otherwise;  // one or none
  };
  std::vector<Parameter> parameters;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
  std::vector<Statement> body;
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  Span span;
  std::string text;
  std::vector<Expr> expressions;
  std::vector<Target> targets;
  std::vector<std::vector<Statement>> bodies;
  std::shared_ptr<const Macro> macro;
};

// In a chain of filters that applies to a block, the innermost operand is this name.
inline constexpr NameId kBlockText = 0;

struct Program {
  Source source;
  std::vector<std::string>
      names;  // of variables and attributes; [kBlockText] cannot be written in a template
  std::unordered_map<std::string, NameId> ids;
  std::vector<Statement> body;
};

// Filters, tests and global functions by name; nullptr if there is none (tables in filters.cpp and its
// neighbours).
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);

}  // namespace gannet::jinja
