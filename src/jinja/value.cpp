#include "jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace gannet::jinja {

using Json = nlohmann::ordered_json;

Value Value::undefined(std::string why) {
  return Value(State(std::in_place_index<0>, std::make_shared<const std::string>(std::move(why))));
}

Value Value::string(MarkedText text) {
  return Value(State(std::make_shared<const StringData>(StringData{std::move(text), {}})));
}

Value Value::own_string(std::string text) {
  return string({std::move(text), {}});
}

Value Value::foreign_string(std::string text) {
  MarkedText marked;
  if (!text.empty()) marked.foreign.push_back({0, text.size()});
  marked.text = std::move(text);
  return string(std::move(marked));
}

Value Value::list(std::vector<Value> items) {
  return of(std::make_shared<ListData>(std::move(items), false, true));
}

Value Value::tuple(std::vector<Value> items) {
  return of(std::make_shared<ListData>(std::move(items), true, true));
}

Value Value::dict(std::vector<std::pair<Value, Value>> entries) {
  return of(std::make_shared<const DictData>(std::move(entries)));
}

const std::vector<Value>& Value::items() const {
  return as_list().items;
}

bool Value::truthy() const {
  switch (type()) {
    case Type::kUndefined:
    case Type::kNone:
      return false;
    case Type::kBool:
      return as_bool();
    case Type::kInt:
      return as_int() != 0;
    case Type::kFloat:
      return as_float() != 0;
    case Type::kString:
      return !text().empty();
    case Type::kList:
      return !items().empty();
    case Type::kDict:
      return !as_dict().entries().empty();
    case Type::kObject:
    case Type::kBig:
      return true;
  }
  return false;
}

double Value::to_double() const {
  return is(Type::kFloat) ? as_float() : static_cast<double>(to_int());
}

int64_t Value::to_int() const {
  return is(Type::kBool) ? static_cast<int64_t>(as_bool()) : as_int();
}

std::string_view Value::type_name() const {
  switch (type()) {
    case Type::kUndefined:
      return "undefined";
    case Type::kNone:
      return "NoneType";
    case Type::kBool:
      return "bool";
    case Type::kInt:
    case Type::kBig:
      return "int";
    case Type::kFloat:
      return "float";
    case Type::kString:
      return "str";
    case Type::kList:
      return as_list().is_tuple ? "tuple" : "list";
    case Type::kDict:
      return "dict";
    case Type::kObject:
      return as_object().kind();
  }
  return "";
}

const std::string& Value::undefined_reason() const {
  static const std::string kUnknown = "the value is undefined";
  const auto& why = std::get<0>(state_);
  return why == nullptr ? kUnknown : *why;
}

namespace {

Result<Value> convert(const Json& json, bool foreign, int depth) {
  if (depth > Value::kMaxNesting)
    return fault(fmt::format("a value is nested more than {} deep", Value::kMaxNesting));
  const auto string = [&](const std::string& text) {
    return foreign ? Value::foreign_string(text) : Value::own_string(text);
  };
  switch (json.type()) {
    case Json::value_t::null:
      return Value::none();
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const auto value = json.get<uint64_t>();
      if (value > static_cast<uint64_t>(INT64_MAX)) return Value::big(value);
      return Value::integer(static_cast<int64_t>(value));
    }
    case Json::value_t::number_float:
      return Value::real(json.get<double>());
    case Json::value_t::string:
      return string(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(GANNET_TRY(convert(item, foreign, depth + 1)));
      return Value::list(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> entries;
      entries.reserve(json.size());
      for (const auto& [key, item] : json.items())
        entries.emplace_back(string(key), GANNET_TRY(convert(item, foreign, depth + 1)));
      return Value::dict(std::move(entries));
    }
    default:
      return fault("a value that JSON text cannot hold");
  }
}

// Keys of different types are equal as in Python: 1, 1.0 and true are one key.
bool same_key(const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) return a.text() == b.text();
  if (a.is_number() && b.is_number()) {
    if (a.is(Type::kFloat) || b.is(Type::kFloat)) return a.to_double() == b.to_double();
    return a.to_int() == b.to_int();
  }
  if (a.is_list() && b.is_list()) return &a.as_list() == &b.as_list();
  if (a.is(Type::kBig) && b.is(Type::kBig)) return a.as_big() == b.as_big();
  return a.is_none() && b.is_none();
}

constexpr size_t kIndexed = 8;  // smaller dicts are faster to look through

}  // namespace

Result<Value> Value::from_json(const Json& json, bool foreign) {
  return convert(json, foreign, 0);
}

DictData::DictData(std::vector<Entry> entries) {
  // One pass: later values take the place of earlier ones.
  entries_.reserve(entries.size());
  const bool indexed = entries.size() > kIndexed;
  for (Entry& entry : entries) {
    const size_t at = position(entry.first);
    if (at < entries_.size()) {
      entries_[at].second = std::move(entry.second);
      continue;
    }
    entries_.push_back(std::move(entry));
    if (indexed && entries_.back().first.is_string()) index_.emplace(entries_.back().first.text(), at);
  }
}

size_t DictData::position(const Value& key) const {
  if (!index_.empty() && key.is_string()) {
    const auto found = index_.find(key.text());
    return found == index_.end() ? entries_.size() : found->second;
  }
  size_t at = 0;
  while (at < entries_.size() && !same_key(entries_[at].first, key)) ++at;
  return at;
}

const Value* DictData::find(const Value& key) const {
  const size_t at = position(key);
  return at < entries_.size() ? &entries_[at].second : nullptr;
}

const Value* DictData::find(std::string_view key) const {
  if (!index_.empty()) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &entries_[found->second].second;
  }
  for (const Entry& entry : entries_)
    if (entry.first.is_string() && entry.first.text() == key) return &entry.second;
  return nullptr;
}

// The values that wait to be destroyed on this thread, while some are being destroyed.
static thread_local std::vector<Value>* waiting = nullptr;

void destroy_flat(std::vector<Value>* values) noexcept {
  if (waiting != nullptr) {
    for (Value& value : *values)
      if (value.is_list() || value.is_dict() || value.is_object()) waiting->push_back(std::move(value));
    return;
  }
  std::vector<Value> queue = std::move(*values);
  waiting = &queue;
  while (!queue.empty()) {
    const Value last = std::move(queue.back());
    queue.pop_back();
  }
  waiting = nullptr;
}

ListData::~ListData() {
  destroy_flat(&items);
}

DictData::~DictData() {
  std::vector<Value> values;
  values.reserve(entries_.size());
  for (Entry& entry : entries_) {
    if (entry.first.is_list()) values.push_back(std::move(entry.first));
    values.push_back(std::move(entry.second));
  }
  destroy_flat(&values);
}

Result<Value> Object::call(Runtime&, const Arguments&) {
  return fault(fmt::format("a {} cannot be called", kind()));
}

}  // namespace gannet::jinja
