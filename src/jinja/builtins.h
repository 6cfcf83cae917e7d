// Filters, tests, methods and global functions: tables of names, parameters and functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace gannet::jinja {

// Arguments after they were given to parameters by position and by name.
class Bound {
 public:
  Bound(Runtime* owner, size_t parameters) : runtime(*owner), values_(parameters, nullptr) {}

  bool has(size_t parameter) const { return values_[parameter] != nullptr; }
  const Value& operator[](size_t parameter) const { return *values_[parameter]; }
  // Of a parameter that may be left out.
  bool flag(size_t parameter, bool otherwise) const;
  Result<int64_t> integer(size_t parameter, int64_t otherwise) const;
  // The argument as a string; not one: an error that says which parameter wants one.
  Result<const MarkedText*> string(size_t parameter) const;

  MemoryMeter* memory() const { return runtime.memory(); }

  Runtime& runtime;
  const struct Builtin* builtin = nullptr;
  Arguments rest;  // for parameters named * and **

 private:
  friend Result<Value> invoke(const Builtin& builtin, Runtime* runtime, const Value* self,
                              const Arguments& arguments);
  std::vector<const Value*> values_;
};

struct Builtin {
  std::string_view name;
  // Names with spaces between; `?` behind one that may be left out; `*` and `**` at the end take what is
  // left.
  std::string_view parameters;
  Result<Value> (*function)(const Bound& arguments);
};

// `self`, if any, is the first argument.
Result<Value> invoke(const Builtin& builtin, Runtime* runtime, const Value* self, const Arguments& arguments);

// A builtin as a value: a function, or a method bound to its object.
Value function_value(const Builtin* builtin);
Result<Value> method_value(Runtime* runtime, const Builtin* builtin, const Value& self);

std::span<const Builtin> text_filters();
std::span<const Builtin> sequence_filters();
std::span<const Builtin> selection_filters();
std::span<const Builtin> tests();
std::span<const Builtin> global_functions();
const Builtin* find_method(Type type, std::string_view name);  // of str, list, dict
std::span<const Builtin> string_methods();
std::span<const Builtin> container_methods(Type type);
const Builtin* find_in(std::span<const Builtin> table, std::string_view name);

// What namespace() makes.
Result<Value> make_namespace(Runtime* runtime, std::vector<std::pair<std::string, Value>> attributes);

}  // namespace gannet::jinja
