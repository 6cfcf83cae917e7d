// Methods of list, tuple and dict. As in the sandbox of transformers dicts cannot be changed; lists can grow
// and shrink, because some published templates need it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "jinja/builtins.h"

namespace gannet::jinja {
namespace {

const std::vector<DictData::Entry>& entries(const Bound& a) {
  return a[0].as_dict().entries();
}

Result<Value> items_method(const Bound& a) {
  GANNET_TRY(a.runtime.budget().step(entries(a).size()));
  std::vector<Value> made;
  for (const auto& [key, value] : entries(a))
    made.push_back(GANNET_TRY(make_tuple(a.memory(), {key, value})));
  return make_list(a.memory(), std::move(made));
}

Result<Value> keys_method(const Bound& a) {
  return make_list(a.memory(), GANNET_TRY(a.runtime.iterate(a[0])));
}

Result<Value> values_method(const Bound& a) {
  GANNET_TRY(a.runtime.budget().step(entries(a).size()));
  std::vector<Value> made;
  for (const auto& [key, value] : entries(a)) made.push_back(value);
  return make_list(a.memory(), std::move(made));
}

Result<Value> get_method(const Bound& a) {
  const Value* found = a[0].as_dict().find(a[1]);
  return found != nullptr ? *found : a.has(2) ? a[2] : Value::none();
}

Result<Value> same_method(const Bound& a) {
  return a[0];
}

Result<ListData*> changeable(const Bound& a) {
  ListData& list = a[0].as_list();
  if (list.is_tuple) return fault("a tuple cannot be changed");
  if (list.frozen) return fault("this list belongs to the conversation and cannot be changed");
  return &list;
}

Result<void> add(const Bound& a, size_t at, const Value& value) {
  ListData* list = GANNET_TRY(changeable(a));
  if (value.is_list() || value.is_dict() || value.is_object()) a.runtime.keep(a[0].list_pointer());
  if (!list->charge.grow(a.memory(), 2 * sizeof(Value))) return a.memory()->refusal();
  list->items.insert(list->items.begin() + static_cast<ptrdiff_t>(at), value);
  return {};
}

Result<Value> append_method(const Bound& a) {
  GANNET_TRY(add(a, a[0].items().size(), a[1]));
  return Value::none();
}

Result<Value> extend_method(const Bound& a) {
  for (const Value& value : GANNET_TRY(a.runtime.iterate(a[1])))
    GANNET_TRY(add(a, a[0].items().size(), value));
  return Value::none();
}

Result<Value> insert_method(const Bound& a) {
  const auto size = static_cast<int64_t>(a[0].items().size());
  int64_t at = GANNET_TRY(a.integer(1, 0));
  if (at < 0) at = at < -size ? 0 : at + size;
  GANNET_TRY(a.runtime.budget().step(a[0].items().size()));
  GANNET_TRY(add(a, static_cast<size_t>(std::min(at, size)), a[2]));
  return Value::none();
}

Result<Value> pop_method(const Bound& a) {
  ListData* list = GANNET_TRY(changeable(a));
  const auto size = static_cast<int64_t>(list->items.size());
  int64_t at = GANNET_TRY(a.integer(1, -1));
  if (at < 0) at += size;
  if (at < 0 || at >= size) return fault(size == 0 ? "the list is empty" : "the list has no such item");
  GANNET_TRY(a.runtime.budget().step(list->items.size()));
  Value taken = list->items[static_cast<size_t>(at)];
  list->items.erase(list->items.begin() + at);
  return taken;
}

Result<Value> index_method(const Bound& a) {
  GANNET_TRY(a.runtime.budget().step(a[0].items().size()));
  for (size_t i = 0; i < a[0].items().size(); ++i)
    if (GANNET_TRY(a.runtime.equal(a[0].items()[i], a[1]))) return Value::integer(static_cast<int64_t>(i));
  return fault("the value to find is not in the list");
}

Result<Value> count_method(const Bound& a) {
  GANNET_TRY(a.runtime.budget().step(a[0].items().size()));
  int64_t n = 0;
  for (const Value& item : a[0].items()) n += GANNET_TRY(a.runtime.equal(item, a[1])) ? 1 : 0;
  return Value::integer(n);
}

constexpr std::array kDictMethods = {
    Builtin{"items", "self", items_method},   Builtin{"keys", "self", keys_method},
    Builtin{"values", "self", values_method}, Builtin{"get", "self key default?", get_method},
    Builtin{"copy", "self", same_method},
};

constexpr std::array kListMethods = {
    Builtin{"append", "self object", append_method},       Builtin{"extend", "self iterable", extend_method},
    Builtin{"insert", "self index object", insert_method}, Builtin{"pop", "self index?", pop_method},
    Builtin{"index", "self value", index_method},          Builtin{"count", "self value", count_method},
};

}  // namespace

std::span<const Builtin> container_methods(Type type) {
  if (type == Type::kDict) return kDictMethods;
  if (type == Type::kList) return kListMethods;
  return {};
}

}  // namespace gannet::jinja
