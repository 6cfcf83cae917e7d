// map, select, reject and their kin: filters that take the name of a filter or test.
#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "jinja/ast.h"
#include "jinja/builtins.h"

namespace gannet::jinja {
namespace {

// What is false has no items here, even what cannot be gone through (none).
Result<std::vector<Value>> items_of(const Bound& a) {
  if (!a[0].truthy()) return std::vector<Value>();
  return a.runtime.iterate(a[0]);
}

Result<Value> map_filter(const Bound& a) {
  std::vector<Value> made;
  const std::vector<Value> items = GANNET_TRY(items_of(a));
  Arguments rest = a.rest;
  if (rest.positional.empty()) {
    const Value *attribute = nullptr, *otherwise = nullptr;
    for (const auto& [name, value] : rest.named) {
      if (name != "attribute" && name != "default")
        return fault(fmt::format("map has no parameter `{}`", name));
      (name == "attribute" ? attribute : otherwise) = &value;
    }
    if (attribute == nullptr) return fault("map needs the name of a filter, or attribute=");
    for (const Value& item : items) {
      GANNET_TRY(a.runtime.budget().step());
      Value found = GANNET_TRY(a.runtime.attribute_path(item, *attribute));
      made.push_back(found.is_undefined() && otherwise != nullptr ? *otherwise : std::move(found));
    }
    return make_list(a.memory(), std::move(made));
  }
  if (!rest.positional[0].is_string()) return fault("map needs the name of a filter");
  const std::string name = rest.positional[0].text();
  const Builtin* filter = find_filter(name);
  if (filter == nullptr) return fault(fmt::format("there is no filter named `{}`", name));
  rest.positional.erase(rest.positional.begin());
  for (const Value& item : items) made.push_back(GANNET_TRY(invoke(*filter, &a.runtime, &item, rest)));
  return make_list(a.memory(), std::move(made));
}

// Keeps the items (or those with an attribute) for which the test says `wanted`; without a test their truth
// counts.
Result<Value> choose(const Bound& a, bool wanted, bool by_attribute) {
  Arguments rest = a.rest;
  Value attribute;
  if (by_attribute) {
    if (rest.positional.empty())
      return fault(fmt::format("{} needs the name of an attribute", a.builtin->name));
    attribute = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
  }
  const Builtin* test = nullptr;
  if (!rest.positional.empty()) {
    const Value name = rest.positional[0];
    if (!name.is_string()) return fault(fmt::format("{} needs the name of a test", a.builtin->name));
    test = find_test(name.text());
    if (test == nullptr) return fault(fmt::format("there is no test named `{}`", name.text()));
    rest.positional.erase(rest.positional.begin());
  }
  std::vector<Value> made;
  for (Value& item : GANNET_TRY(items_of(a))) {
    GANNET_TRY(a.runtime.budget().step());
    const Value looked_at = by_attribute ? GANNET_TRY(a.runtime.attribute_path(item, attribute)) : item;
    const bool holds = test == nullptr ? looked_at.truthy()
                                       : GANNET_TRY(invoke(*test, &a.runtime, &looked_at, rest)).truthy();
    if (holds == wanted) made.push_back(std::move(item));
  }
  return make_list(a.memory(), std::move(made));
}

constexpr std::array kSelectionFilters = {
    Builtin{"map", "value * **", map_filter},
    Builtin{"select", "value * **", [](const Bound& a) { return choose(a, true, false); }},
    Builtin{"reject", "value * **", [](const Bound& a) { return choose(a, false, false); }},
    Builtin{"selectattr", "value * **", [](const Bound& a) { return choose(a, true, true); }},
    Builtin{"rejectattr", "value * **", [](const Bound& a) { return choose(a, false, true); }},
};

}  // namespace

std::span<const Builtin> selection_filters() {
  return kSelectionFilters;
}

}  // namespace gannet::jinja
