#include "api/fields.h"

#include <fmt/core.h>

#include <cmath>

#include "base/printable.h"

namespace gannet {
namespace {

using Json = Fields::Json;

const Json& no_members() {
  static const Json empty = Json::object();
  return empty;
}
const Json& no_items() {
  static const Json empty = Json::array();
  return empty;
}

}  // namespace

std::string_view json_kind(const Json& json) {
  if (json.is_boolean()) return "a boolean";
  if (json.is_number()) return "a number";
  if (json.is_string()) return "a string";
  if (json.is_array()) return "an array";
  return json.is_object() ? "an object" : "null";
}

std::optional<int64_t> json_integer(const Json& json) {
  if (json.is_number_unsigned()) {
    const auto value = json.get<uint64_t>();
    if (value > static_cast<uint64_t>(Fields::kNoMost)) return std::nullopt;
    return static_cast<int64_t>(value);
  }
  if (json.is_number_integer()) return json.get<int64_t>();
  if (!json.is_number_float()) return std::nullopt;
  const double value = json.get<double>();
  // Beyond 2^53 a double does not say which integer was meant.
  if (value != std::floor(value) || std::fabs(value) > 9007199254740992.0) return std::nullopt;
  return static_cast<int64_t>(value);
}

Fields::Fields(const Json& json, std::string where, std::optional<Error>* problem)
    : json_(json.is_object() ? &json : &no_members()), where_(std::move(where)), problem_(problem) {
  if (!json.is_object() && !*problem_) {
    *problem_ = Error(ErrorCode::kUsage, fmt::format("{}: must be an object, not {}",
                                                     where_.empty() ? "request" : where_, json_kind(json)));
  }
}

const Json* Fields::find(std::string_view key) const {
  const auto found = json_->find(key);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

std::string Fields::path(std::string_view key) const {
  return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
}

void Fields::fail(std::string_view key, std::string_view what) const {
  if (!*problem_) *problem_ = Error(ErrorCode::kUsage, fmt::format("{}: {}", path(key), what));
}

void Fields::fail_kind(std::string_view key, std::string_view wanted, const Json& json) const {
  fail(key, fmt::format("must be {}, not {}", wanted, json_kind(json)));
}

void Fields::refuse(std::string_view key, std::string_view why) const {
  const Json* value = find(key);
  if (!value || *value == false || *value == 0 || *value == "") return;
  if ((value->is_array() || value->is_object()) && value->empty()) return;
  fail(key, why);
}

void Fields::boolean(std::string_view key, bool* out) const {
  const Json* value = find(key);
  if (!value) return;
  if (!value->is_boolean()) return fail_kind(key, "true or false", *value);
  *out = value->get<bool>();
}

void Fields::boolean(std::string_view key, std::optional<bool>* out) const {
  bool value = false;
  if (!has(key)) return;
  boolean(key, &value);
  if (ok()) *out = value;
}

void Fields::integer(std::string_view key, int64_t* out, int64_t least, int64_t most) const {
  const Json* value = find(key);
  if (!value) return;
  if (!value->is_number()) return fail_kind(key, "an integer", *value);
  const auto number = json_integer(*value);
  if (!number || *number < least || *number > most) {
    return fail(key, most == kNoMost ? fmt::format("must be an integer of at least {}", least)
                                     : fmt::format("must be an integer from {} to {}", least, most));
  }
  *out = *number;
}

void Fields::integer(std::string_view key, std::optional<int64_t>* out, int64_t least, int64_t most) const {
  int64_t value = 0;
  if (!has(key)) return;
  integer(key, &value, least, most);
  if (ok()) *out = value;
}

void Fields::integer(std::string_view key, int* out, int least, int most) const {
  int64_t value = *out;
  integer(key, &value, least, most);
  if (ok()) *out = static_cast<int>(value);
}

void Fields::number(std::string_view key, std::optional<double>* out) const {
  const Json* value = find(key);
  if (!value) return;
  if (!value->is_number()) return fail_kind(key, "a number", *value);
  *out = value->get<double>();
}

void Fields::text(std::string_view key, std::string* out) const {
  const Json* value = find(key);
  if (!value) return;
  if (!value->is_string()) return fail_kind(key, "a string", *value);
  *out = value->get_ref<const std::string&>();
}

void Fields::needed_text(std::string_view key, std::string* out) const {
  if (!has(key)) return fail(key, "is missing");
  text(key, out);
}

void Fields::texts(std::string_view key, std::vector<std::string>* out) const {
  const Json* value = find(key);
  if (!value) return;
  if (value->is_string()) {
    if (!value->get_ref<const std::string&>().empty()) out->push_back(value->get<std::string>());
    return;
  }
  if (!value->is_array()) return fail_kind(key, "a string or an array of strings", *value);
  for (size_t i = 0; i < value->size(); ++i) {
    const Json& item = (*value)[i];
    if (!item.is_string()) return fail_kind(fmt::format("{}[{}]", key, i), "a string", item);
    if (!item.get_ref<const std::string&>().empty()) out->push_back(item.get<std::string>());
  }
}

int Fields::one_of(std::string_view key, std::initializer_list<std::string_view> names) const {
  const Json* value = find(key);
  if (!value) return -1;
  std::string list;
  for (const std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  if (!value->is_string()) {
    fail_kind(key, "one of " + list, *value);
    return -1;
  }
  const auto& text = value->get_ref<const std::string&>();
  int index = 0;
  for (const std::string_view name : names) {
    if (name == text) return index;
    ++index;
  }
  fail(key, fmt::format("\"{}\" is not one of {}", printable(text, 64), list));
  return -1;
}

Fields Fields::object(std::string_view key) const {
  const Json* value = find(key);
  return Fields(value ? *value : no_members(), path(key), problem_);
}

const Json& Fields::list(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return no_items();
  if (value->is_array()) return *value;
  fail_kind(key, "an array", *value);
  return no_items();
}

}  // namespace gannet
