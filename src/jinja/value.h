// The values of a template: Python's, as far as templates use them. A Value is a handle: copying one copies a
// pointer. Strings, dicts and tuples never change; lists made by a template can be appended to and are then
// shared, as in Python; lists made here cannot.
//
// A string knows which of its bytes somebody else wrote (MarkedText), and every operation of the language
// keeps that. Comparing and looking up go by the bytes alone.
//
// Threads: values made by from_json() and by a parsed template may be read by several threads. Those made
// while rendering belong to that rendering and end with it.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "jinja/budget.h"
#include "text/marked_text.h"

namespace gannet::jinja {

class Value;
class Object;
struct ListData;
class DictData;

struct StringData {
  MarkedText text;
  MemoryCharge charge;
};

// kBig: an integer that needs 64 bits without a sign. It can be written and compared for equality, nothing
// else.
enum class Type : uint8_t { kUndefined, kNone, kBool, kInt, kFloat, kString, kList, kDict, kObject, kBig };

class Value {
 public:
  Value() = default;  // undefined
  // `why` is the sentence of the error that using it gives ("'tools' is undefined").
  static Value undefined(std::string why);
  static Value none() { return Value(State(std::in_place_index<1>)); }
  static Value boolean(bool value) { return Value(State(value)); }
  static Value integer(int64_t value) { return Value(State(value)); }
  static Value big(uint64_t value) { return Value(State(value)); }
  static Value real(double value) { return Value(State(value)); }
  static Value own_string(std::string text);
  static Value foreign_string(std::string text);
  static Value string(MarkedText text);
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  static Value dict(std::vector<std::pair<Value, Value>> entries);  // of equal keys the last value wins
  static Value of(std::shared_ptr<const StringData> data) { return Value(State(std::move(data))); }
  static Value of(std::shared_ptr<ListData> data) { return Value(State(std::move(data))); }
  static Value of(std::shared_ptr<const DictData> data) { return Value(State(std::move(data))); }
  static Value of(std::shared_ptr<Object> object) { return Value(State(std::move(object))); }

  // Everything in `json`, keys included, written by somebody else if `foreign`. Fails if it is nested more
  // than kMaxNesting deep.
  static Result<Value> from_json(const nlohmann::ordered_json& json, bool foreign);

  Type type() const { return static_cast<Type>(state_.index()); }
  bool is(Type type) const { return this->type() == type; }
  bool is_undefined() const { return is(Type::kUndefined); }
  bool is_none() const { return is(Type::kNone); }
  bool is_string() const { return is(Type::kString); }
  bool is_list() const { return is(Type::kList); }  // or a tuple
  bool is_dict() const { return is(Type::kDict); }
  bool is_object() const { return is(Type::kObject); }
  // What can be calculated with.
  bool is_number() const { return is(Type::kInt) || is(Type::kFloat) || is(Type::kBool); }

  // Each needs the type it names; anything else aborts.
  bool as_bool() const { return std::get<2>(state_); }
  int64_t as_int() const { return std::get<3>(state_); }
  double as_float() const { return std::get<4>(state_); }
  uint64_t as_big() const { return std::get<9>(state_); }
  const MarkedText& marked() const { return std::get<5>(state_)->text; }
  const std::string& text() const { return marked().text; }
  ListData& as_list() const { return *std::get<6>(state_); }
  const std::shared_ptr<ListData>& list_pointer() const { return std::get<6>(state_); }
  const std::vector<Value>& items() const;
  const DictData& as_dict() const { return *std::get<7>(state_); }
  Object& as_object() const { return *std::get<8>(state_); }
  const std::shared_ptr<Object>& object_pointer() const { return std::get<8>(state_); }

  bool truthy() const;
  double to_double() const;                     // of a number
  int64_t to_int() const;                       // of a bool or an int
  std::string_view type_name() const;           // Python's: "str", "NoneType", ...
  const std::string& undefined_reason() const;  // of an undefined value

  static constexpr int kMaxNesting = 200;

 private:
  using State = std::variant<std::shared_ptr<const std::string>, std::monostate, bool, int64_t, double,
                             std::shared_ptr<const StringData>, std::shared_ptr<ListData>,
                             std::shared_ptr<const DictData>, std::shared_ptr<Object>, uint64_t>;
  explicit Value(State state) : state_(std::move(state)) {}

  State state_;
};

struct ListData {
  std::vector<Value> items;
  bool is_tuple = false;
  bool is_group = false;  // a tuple of groupby: its parts have the names grouper and list
  bool frozen = false;    // came from outside, where other threads may read it
  bool kept = false;      // by Runtime::keep()
  MemoryCharge charge;

  ListData() = default;
  ListData(std::vector<Value> list, bool tuple, bool no_change)
      : items(std::move(list)), is_tuple(tuple), frozen(no_change) {}
  ~ListData();
};

class DictData {
 public:
  using Entry = std::pair<Value, Value>;
  explicit DictData(std::vector<Entry> entries);
  DictData(const DictData&) = delete;
  DictData& operator=(const DictData&) = delete;
  ~DictData();

  const std::vector<Entry>& entries() const { return entries_; }  // in the order they were written
  const Value* find(std::string_view key) const;                  // nullptr: no such key
  const Value* find(const Value& key) const;
  MemoryCharge charge;

 private:
  size_t position(const Value& key) const;  // entries_.size(): no such key

  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, size_t> index_;  // of the string keys, if there are many
};

class Runtime;

// Arguments of a call as they were written.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// What has behaviour: macros, functions, bound methods, namespaces, loop.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view kind() const = 0;  // for messages: "macro", "namespace", ...
  virtual Value attribute(Runtime&, std::string_view) const { return {}; }
  virtual bool callable() const { return false; }
  virtual Result<Value> call(Runtime& runtime, const Arguments& arguments);
  // Only namespaces can be assigned to.
  virtual bool assign(std::string_view, Value) { return false; }
  // Lets go of what it holds, when the rendering ends.
  virtual void clear() {}
};

// Destroys what `values` hold without recursion, however deep they nest.
void destroy_flat(std::vector<Value>* values) noexcept;

}  // namespace gannet::jinja
