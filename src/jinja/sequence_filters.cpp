// Filters on what has items: length, order, parts.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "jinja/ast.h"
#include "jinja/builtins.h"
#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

using Values = std::vector<Value>;

Result<Value> length_filter(const Bound& a) {
  const auto count = [](size_t n) { return Value::integer(static_cast<int64_t>(n)); };
  switch (a[0].type()) {
    case Type::kUndefined:
      return count(0);
    case Type::kList:
      return count(a[0].items().size());
    case Type::kDict:
      return count(a[0].as_dict().entries().size());
    case Type::kString:
      GANNET_TRY(a.runtime.budget().touch(a[0].text().size()));
      return count(count_characters(a[0].text()));
    default:
      return fault(fmt::format("a value of type {} has no length", a[0].type_name()));
  }
}

Result<Value> default_filter(const Bound& a) {
  if (!a[0].is_undefined() && (a[0].truthy() || !a.flag(2, false))) return a[0];
  return a.has(1) ? a[1] : Value::own_string("");
}

Result<Value> list_filter(const Bound& a) {
  return make_list(a.memory(), GANNET_TRY(a.runtime.iterate(a[0])));
}

Result<Value> first_filter(const Bound& a) {
  if (a[0].is_string()) return a.runtime.item(a[0], Value::integer(0));
  const Values items = GANNET_TRY(a.runtime.iterate(a[0]));
  return items.empty() ? Value::undefined("there is no first item of nothing") : items.front();
}

Result<Value> last_filter(const Bound& a) {
  const Values items = GANNET_TRY(a.runtime.iterate(a[0]));
  return items.empty() ? Value::undefined("there is no last item of nothing") : items.back();
}

Result<Value> reverse_filter(const Bound& a) {
  Values items = GANNET_TRY(a.runtime.iterate(a[0]));
  std::reverse(items.begin(), items.end());
  if (a[0].is_string()) return join(&a.runtime, {}, items, true);
  return make_list(a.memory(), std::move(items));
}

Result<Value> items_filter(const Bound& a) {
  if (a[0].is_undefined()) return make_list(a.memory(), {});
  if (!a[0].is_dict()) return fault(fmt::format("items needs a dict, this is {}", a[0].type_name()));
  return invoke(*find_method(Type::kDict, "items"), &a.runtime, &a[0], {});
}

Result<Value> join_filter(const Bound& a) {
  Values items = GANNET_TRY(a.runtime.iterate(a[0]));
  if (a.has(2) && !a[2].is_none())
    for (Value& item : items) item = GANNET_TRY(a.runtime.attribute_path(item, a[2]));
  const Value separator = a.has(1) ? GANNET_TRY(a.runtime.to_string(a[1])) : Value::own_string("");
  return join(&a.runtime, separator.marked(), items, false);
}

// What a filter compares of an item: the item or its attribute, letters without case if asked for.
Result<Value> key_of(const Bound& a, const Value& item, const Value* attribute, bool case_sensitive) {
  Value key = item;
  if (attribute != nullptr && !attribute->is_none())
    key = GANNET_TRY(a.runtime.attribute_path(item, *attribute));
  if (!case_sensitive && key.is_string()) return change_case(&a.runtime, key.marked(), Case::kLower);
  return key;
}

struct Keyed {
  std::vector<Value> keys;  // several attributes: "type,name"
  Value item;
};

Result<void> sort_keyed(Runtime* runtime, std::vector<Keyed>* items, bool reverse) {
  // std::stable_sort cannot stop at an error: afterwards everything counts as equal.
  Result<void> failed;
  const auto before = [&](const Keyed& x, const Keyed& y) {
    for (size_t i = 0; i < x.keys.size() && failed.ok(); ++i) {
      Result<void> step = runtime->budget().step();
      Result<int> order = runtime->compare(x.keys[i], y.keys[i]);
      if (!step.ok()) failed = step.take_error();
      if (!order.ok()) failed = order.take_error();
      if (!failed.ok()) return false;
      if (*order != 0) return reverse ? *order > 0 : *order < 0;
    }
    return false;
  };
  std::stable_sort(items->begin(), items->end(), before);
  return failed;
}

Result<Value> sorted(const Bound& a, bool reverse, bool case_sensitive, const Value* attribute) {
  std::vector<Value> attributes(1, Value::none());
  if (attribute != nullptr && attribute->is_string())
    attributes =
        GANNET_TRY(split(&a.runtime, attribute->marked(), &Value::own_string(",").marked(), -1)).items();
  else if (attribute != nullptr)
    attributes[0] = *attribute;
  std::vector<Keyed> keyed;
  for (Value& item : GANNET_TRY(a.runtime.iterate(a[0]))) {
    Keyed made;
    for (const Value& one : attributes)
      made.keys.push_back(GANNET_TRY(key_of(a, item, &one, case_sensitive)));
    made.item = std::move(item);
    keyed.push_back(std::move(made));
  }
  GANNET_TRY(sort_keyed(&a.runtime, &keyed, reverse));
  Values items;
  for (Keyed& one : keyed) items.push_back(std::move(one.item));
  return make_list(a.memory(), std::move(items));
}

Result<Value> sort_filter(const Bound& a) {
  return sorted(a, a.flag(1, false), a.flag(2, false), a.has(3) ? &a[3] : nullptr);
}

Result<Value> dictsort_filter(const Bound& a) {
  if (!a[0].is_dict()) return fault(fmt::format("dictsort needs a dict, this is {}", a[0].type_name()));
  const std::string by = a.has(2) ? GANNET_TRY(a.string(2))->text : "key";
  if (by != "key" && by != "value") return fault("dictsort wants key or value as `by`");
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : a[0].as_dict().entries()) {
    Keyed made;
    made.keys.push_back(GANNET_TRY(key_of(a, by == "key" ? key : value, nullptr, a.flag(1, false))));
    made.item = GANNET_TRY(make_tuple(a.memory(), {key, value}));
    keyed.push_back(std::move(made));
  }
  GANNET_TRY(sort_keyed(&a.runtime, &keyed, a.flag(3, false)));
  Values items;
  for (Keyed& one : keyed) items.push_back(std::move(one.item));
  return make_list(a.memory(), std::move(items));
}

template <bool kMax>
Result<Value> extreme_filter(const Bound& a) {
  const Value* attribute = a.has(2) ? &a[2] : nullptr;
  Value best = Value::undefined("there is nothing to choose from"), best_key;
  for (Value& item : GANNET_TRY(a.runtime.iterate(a[0]))) {
    Value key = GANNET_TRY(key_of(a, item, attribute, a.flag(1, false)));
    if (!best.is_undefined()) {
      const int order = GANNET_TRY(a.runtime.compare(key, best_key));
      if (kMax ? order <= 0 : order >= 0) continue;
    }
    best = std::move(item);
    best_key = std::move(key);
  }
  return best;
}

Result<Value> unique_filter(const Bound& a) {
  const Value* attribute = a.has(2) ? &a[2] : nullptr;
  Values items, keys;
  for (Value& item : GANNET_TRY(a.runtime.iterate(a[0]))) {
    Value key = GANNET_TRY(key_of(a, item, attribute, a.flag(1, false)));
    bool known = false;
    GANNET_TRY(a.runtime.budget().step(1 + keys.size()));
    for (size_t i = 0; i < keys.size() && !known; ++i) known = GANNET_TRY(a.runtime.equal(keys[i], key));
    if (known) continue;
    keys.push_back(std::move(key));
    items.push_back(std::move(item));
  }
  return make_list(a.memory(), std::move(items));
}

Result<Value> sum_filter(const Bound& a) {
  Value total = a.has(2) ? a[2] : Value::integer(0);
  for (const Value& item : GANNET_TRY(a.runtime.iterate(a[0]))) {
    const bool by = a.has(1) && !a[1].is_none();
    const Value summand = by ? GANNET_TRY(a.runtime.attribute_path(item, a[1])) : item;
    total = GANNET_TRY(arithmetic(&a.runtime, Op::kAdd, total, summand));
  }
  return total;
}

Result<Value> batch_filter(const Bound& a) {
  const int64_t size = GANNET_TRY(a.integer(1, 1));
  if (size < 1) return fault("batch wants a size of at least 1");
  Values batches, current;
  for (Value& item : GANNET_TRY(a.runtime.iterate(a[0]))) {
    if (static_cast<int64_t>(current.size()) == size)
      batches.push_back(GANNET_TRY(make_list(a.memory(), std::exchange(current, {}))));
    current.push_back(std::move(item));
  }
  if (current.empty()) return make_list(a.memory(), std::move(batches));
  if (a.has(2) && !a[2].is_none()) {
    if (static_cast<uint64_t>(size) > a.memory()->left() / sizeof(Value)) return a.memory()->refusal();
    current.resize(static_cast<size_t>(size), a[2]);
  }
  batches.push_back(GANNET_TRY(make_list(a.memory(), std::move(current))));
  return make_list(a.memory(), std::move(batches));
}

Result<Value> groupby_filter(const Bound& a) {
  const bool case_sensitive = a.flag(3, false);
  std::vector<Keyed> keyed;  // the item together with its key as it is written
  for (Value& item : GANNET_TRY(a.runtime.iterate(a[0]))) {
    Value key = GANNET_TRY(a.runtime.attribute_path(item, a[1]));
    if (key.is_undefined() && a.has(2)) key = a[2];
    Keyed made;
    made.keys.push_back(GANNET_TRY(key_of(a, key, nullptr, case_sensitive)));
    made.item = GANNET_TRY(make_tuple(a.memory(), {std::move(item), std::move(key)}));
    keyed.push_back(std::move(made));
  }
  GANNET_TRY(sort_keyed(&a.runtime, &keyed, false));
  Values groups;
  for (size_t i = 0; i < keyed.size();) {
    const Value name = keyed[i].item.items()[1];
    const Value key = keyed[i].keys[0];
    Values members;
    for (; i < keyed.size() && GANNET_TRY(a.runtime.equal(keyed[i].keys[0], key)); ++i)
      members.push_back(keyed[i].item.items()[0]);
    const Value list = GANNET_TRY(make_list(a.memory(), std::move(members)));
    groups.push_back(GANNET_TRY(make_tuple(a.memory(), {name, list})));
    groups.back().as_list().is_group = true;
  }
  return make_list(a.memory(), std::move(groups));
}

Result<Value> attr_filter(const Bound& a) {
  return a.runtime.attribute(a[0], GANNET_TRY(a.string(1))->text);
}

constexpr std::array kSequenceFilters = {
    Builtin{"length", "value", length_filter},
    Builtin{"count", "value", length_filter},
    Builtin{"default", "value default_value? boolean?", default_filter},
    Builtin{"d", "value default_value? boolean?", default_filter},
    Builtin{"list", "value", list_filter},
    Builtin{"first", "value", first_filter},
    Builtin{"last", "value", last_filter},
    Builtin{"reverse", "value", reverse_filter},
    Builtin{"items", "value", items_filter},
    Builtin{"join", "value d? attribute?", join_filter},
    Builtin{"sort", "value reverse? case_sensitive? attribute?", sort_filter},
    Builtin{"dictsort", "value case_sensitive? by? reverse?", dictsort_filter},
    Builtin{"min", "value case_sensitive? attribute?", extreme_filter<false>},
    Builtin{"max", "value case_sensitive? attribute?", extreme_filter<true>},
    Builtin{"unique", "value case_sensitive? attribute?", unique_filter},
    Builtin{"sum", "value attribute? start?", sum_filter},
    Builtin{"batch", "value linecount fill_with?", batch_filter},
    Builtin{"groupby", "value attribute default? case_sensitive?", groupby_filter},
    Builtin{"attr", "value name", attr_filter},
};

}  // namespace

std::span<const Builtin> sequence_filters() {
  return kSequenceFilters;
}

}  // namespace gannet::jinja
