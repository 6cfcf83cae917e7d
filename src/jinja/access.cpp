// Attributes, items, slices and calls.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "jinja/builtins.h"
#include "jinja/runtime.h"
#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

Value no_attribute(const Value& value, std::string_view name) {
  return Value::undefined(fmt::format("a {} has no attribute '{}'", value.type_name(), name));
}

// Negative indexes count from the end; size if there is no such item.
size_t absolute_index(int64_t index, size_t size) {
  const auto length = static_cast<int64_t>(size);
  if (index < 0) index += length;
  return index < 0 || index >= length ? size : static_cast<size_t>(index);
}

// The positions that a slice picks, as Python's slice.indices().
struct Positions {
  int64_t start, stop, step;
  uint64_t count() const {
    if (step > 0)
      return start >= stop ? 0 : (static_cast<uint64_t>(stop - start) - 1) / static_cast<uint64_t>(step) + 1;
    return start <= stop ? 0
                         : (static_cast<uint64_t>(start - stop) - 1) / (0 - static_cast<uint64_t>(step)) + 1;
  }
};

Result<Positions> positions(const Value& start, const Value& stop, const Value& step, size_t size) {
  for (const Value* part : {&start, &stop, &step}) {
    if (part->is_undefined()) return fault(part->undefined_reason());
    if (!part->is_none() && !part->is(Type::kInt) && !part->is(Type::kBool))
      return fault(fmt::format("a slice needs integers, this is {}", part->type_name()));
  }
  const auto length = static_cast<int64_t>(size);
  Positions made{};
  made.step = step.is_none() ? 1 : step.to_int();
  if (made.step == 0) return fault("the step of a slice cannot be 0");
  const int64_t low = made.step > 0 ? 0 : -1, high = made.step > 0 ? length : length - 1;
  const auto bound = [&](const Value& part, int64_t otherwise) {
    if (part.is_none()) return otherwise;
    int64_t at = part.to_int();
    if (at < 0) at = at < -length ? -1 : at + length;
    return std::clamp(at, low, high);
  };
  made.start = bound(start, made.step > 0 ? low : high);
  made.stop = bound(stop, made.step > 0 ? high : low);
  return made;
}

}  // namespace

Result<Value> Runtime::attribute(const Value& value, std::string_view name) {
  if (value.is_undefined()) return fault(value.undefined_reason());
  if (const Builtin* method = find_method(value.type(), name)) return method_value(this, method, value);
  if (value.is_dict()) {
    const Value* found = value.as_dict().find(name);
    return found != nullptr ? *found : no_attribute(value, name);
  }
  if (value.is_object()) {
    Value found = value.as_object().attribute(*this, name);
    return found.is_undefined() ? no_attribute(value, name) : found;
  }
  if (value.is_list() && value.as_list().is_group && (name == "grouper" || name == "list"))
    return value.items()[name == "list" ? 1 : 0];
  return no_attribute(value, name);
}

Result<Value> Runtime::item(const Value& value, const Value& key) {
  if (value.is_undefined()) return fault(value.undefined_reason());
  if (value.is_dict()) {
    if (const Value* found = value.as_dict().find(key)) return *found;
  } else if ((value.is_list() || value.is_string()) && (key.is(Type::kInt) || key.is(Type::kBool))) {
    if (value.is_list()) {
      const size_t at = absolute_index(key.to_int(), value.items().size());
      if (at < value.items().size()) return value.items()[at];
    } else {
      const std::string_view text = value.text();
      GANNET_TRY(budget_.touch(text.size()));
      const size_t count = count_characters(text), at = absolute_index(key.to_int(), count);
      if (at < count) {
        const size_t begin = character_offset(text, at);
        return make_slice(memory(), value.marked(), begin,
                          begin + first_character(text.substr(begin)).length);
      }
    }
    return Value::undefined(fmt::format("a {} has no item {}", value.type_name(), key.to_int()));
  }
  if (key.is_string()) return attribute(value, key.text());
  return Value::undefined(fmt::format("a {} has no item of this name", value.type_name()));
}

Result<Value> Runtime::attribute_path(const Value& value, const Value& path) {
  if (!path.is_string()) return item(value, path);
  std::string_view rest = path.text();
  Value at = value;
  for (;;) {
    const std::string_view part = rest.substr(0, rest.find('.'));
    int64_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = error == std::errc() && end == part.data() + part.size() && index >= 0;
    at = GANNET_TRY(item(at, number ? Value::integer(index) : Value::own_string(std::string(part))));
    if (part.size() == rest.size()) return at;
    rest.remove_prefix(part.size() + 1);
  }
}

Result<Value> Runtime::slice(const Value& value, const Value& start, const Value& stop, const Value& step) {
  if (value.is_list()) {
    const auto& items = value.items();
    const Positions at = GANNET_TRY(positions(start, stop, step, items.size()));
    const uint64_t count = at.count();
    GANNET_TRY(budget_.step(1 + count));
    std::vector<Value> picked;
    picked.reserve(count);
    for (uint64_t i = 0; i < count; ++i)
      picked.push_back(items[static_cast<size_t>(at.start + static_cast<int64_t>(i) * at.step)]);
    return value.as_list().is_tuple ? make_tuple(memory(), std::move(picked))
                                    : make_list(memory(), std::move(picked));
  }
  if (value.is_string()) {
    const MarkedText& marked = value.marked();
    const std::string_view text = marked.text;
    GANNET_TRY(budget_.touch(2 * text.size()));
    const size_t characters = count_characters(text);
    const Positions at = GANNET_TRY(positions(start, stop, step, characters));
    const uint64_t count = at.count();
    if (count == 0) return make_string(memory(), {});
    if (at.step == 1) {
      const size_t begin = character_offset(text, static_cast<size_t>(at.start));
      return make_slice(memory(), marked, begin, begin + character_offset(text.substr(begin), count));
    }
    if (text.size() * sizeof(size_t) > memory()->left()) return memory()->refusal();
    std::vector<size_t> offsets;
    for (size_t o = 0; o < text.size(); o += first_character(text.substr(o)).length) offsets.push_back(o);
    offsets.push_back(text.size());
    TextBuilder made(memory());
    for (uint64_t i = 0; i < count; ++i) {
      const auto c = static_cast<size_t>(at.start + static_cast<int64_t>(i) * at.step);
      made.append(marked, offsets[c], offsets[c + 1]);
    }
    return made.finish();
  }
  if (value.is_undefined()) return fault(value.undefined_reason());
  return fault(fmt::format("a value of type {} cannot be sliced", value.type_name()));
}

Result<Value> Runtime::call(const Value& callee, const Arguments& arguments) {
  if (callee.is_undefined()) return fault(callee.undefined_reason());
  if (!callee.is_object())
    return fault(fmt::format("a value of type {} cannot be called", callee.type_name()));
  const std::shared_ptr<Object> alive = callee.object_pointer();
  return alive->call(*this, arguments);
}

}  // namespace gannet::jinja
