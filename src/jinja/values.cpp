// Comparing values, going through them, and writing them as Python does.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jinja/builtins.h"
#include "jinja/runtime.h"
#include "jinja/text_ops.h"
#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

Result<void> check_nesting(int depth) {
  if (depth > Value::kMaxNesting)
    return fault(fmt::format("a value is nested more than {} deep", Value::kMaxNesting));
  return {};
}

int sign(int order) {
  return (order > 0) - (order < 0);
}

}  // namespace

Result<bool> Runtime::equal(const Value& a, const Value& b, int depth) {
  GANNET_TRY(check_nesting(depth));
  if (a.is_number() && b.is_number()) {
    if (a.is(Type::kFloat) || b.is(Type::kFloat)) return a.to_double() == b.to_double();
    return a.to_int() == b.to_int();
  }
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case Type::kString:
      if (a.text().size() != b.text().size()) return false;
      GANNET_TRY(budget_.touch(a.text().size()));
      return a.text() == b.text();
    case Type::kList: {
      if (&a.as_list() == &b.as_list()) return true;
      if (a.as_list().is_tuple != b.as_list().is_tuple || a.items().size() != b.items().size()) return false;
      GANNET_TRY(budget_.step(a.items().size()));
      for (size_t i = 0; i < a.items().size(); ++i)
        if (!GANNET_TRY(equal(a.items()[i], b.items()[i], depth + 1))) return false;
      return true;
    }
    case Type::kDict: {
      const auto& entries = a.as_dict().entries();
      if (&a.as_dict() == &b.as_dict()) return true;
      if (entries.size() != b.as_dict().entries().size()) return false;
      GANNET_TRY(budget_.step(entries.size()));
      for (const auto& [key, value] : entries) {
        const Value* other = b.as_dict().find(key);
        if (other == nullptr || !GANNET_TRY(equal(value, *other, depth + 1))) return false;
      }
      return true;
    }
    case Type::kObject:
      return &a.as_object() == &b.as_object();
    case Type::kBig:
      return a.as_big() == b.as_big();
    default:
      return true;  // none, undefined
  }
}

Result<int> Runtime::compare(const Value& a, const Value& b, int depth) {
  GANNET_TRY(check_nesting(depth));
  if (a.is_number() && b.is_number()) {
    if (a.is(Type::kFloat) || b.is(Type::kFloat)) {
      const double x = a.to_double(), y = b.to_double();
      return x < y ? -1 : x > y ? 1 : 0;
    }
    return a.to_int() < b.to_int() ? -1 : a.to_int() > b.to_int() ? 1 : 0;
  }
  if (a.is_string() && b.is_string()) {  // UTF-8 sorts as its code points do
    GANNET_TRY(budget_.touch(std::min(a.text().size(), b.text().size())));
    return sign(a.text().compare(b.text()));
  }
  if (a.is_list() && b.is_list()) {
    const size_t common = std::min(a.items().size(), b.items().size());
    GANNET_TRY(budget_.step(common));
    for (size_t i = 0; i < common; ++i) {
      if (GANNET_TRY(equal(a.items()[i], b.items()[i], depth + 1))) continue;
      return compare(a.items()[i], b.items()[i], depth + 1);
    }
    return a.items().size() < b.items().size() ? -1 : a.items().size() > b.items().size() ? 1 : 0;
  }
  if (a.is_undefined()) return fault(a.undefined_reason());
  if (b.is_undefined()) return fault(b.undefined_reason());
  return fault(fmt::format("{} and {} have no order", a.type_name(), b.type_name()));
}

Result<bool> Runtime::contains(const Value& container, const Value& item) {
  switch (container.type()) {
    case Type::kString:
      if (!item.is_string())
        return fault(fmt::format("only a str can be in a str, this is {}", item.type_name()));
      GANNET_TRY(budget_.touch(container.text().size()));
      return find_text(container.text(), item.text()) != std::string_view::npos;
    case Type::kDict:
      GANNET_TRY(budget_.step());
      return container.as_dict().find(item) != nullptr;
    case Type::kList:
      GANNET_TRY(budget_.step(container.items().size()));
      for (const Value& candidate : container.items())
        if (GANNET_TRY(equal(candidate, item))) return true;
      return false;
    case Type::kUndefined:
      return false;
    default:
      return fault(fmt::format("nothing can be in a value of type {}", container.type_name()));
  }
}

Result<std::vector<Value>> Runtime::iterate(const Value& value) {
  std::vector<Value> items;
  switch (value.type()) {
    case Type::kUndefined:
      return items;
    case Type::kList:
      GANNET_TRY(budget_.step(value.items().size()));
      return value.items();
    case Type::kDict:
      GANNET_TRY(budget_.step(value.as_dict().entries().size()));
      for (const auto& [key, item] : value.as_dict().entries()) items.push_back(key);
      return items;
    case Type::kString: {
      const MarkedText& text = value.marked();
      GANNET_TRY(budget_.step(text.text.size()));
      for (size_t at = 0; at < text.text.size();) {
        const size_t length = first_character(std::string_view(text.text).substr(at)).length;
        items.push_back(GANNET_TRY(make_slice(memory(), text, at, at + length)));
        at += length;
      }
      return items;
    }
    default:
      return fault(fmt::format("a value of type {} cannot be gone through", value.type_name()));
  }
}

Result<void> Runtime::write(TextBuilder* out, const Value& value, int depth) {
  if (!value.is_string()) return value.is_undefined() ? Result<void>() : write_quoted(out, value, depth);
  GANNET_TRY(budget_.touch(value.text().size()));
  out->append(value.marked());
  return out->full() ? Result<void>(out->finish().take_error()) : Result<void>();
}

Result<Value> Runtime::to_string(const Value& value) {
  if (value.is_string()) return value;
  TextBuilder made(memory());
  GANNET_TRY(write(&made, value));
  return made.finish();
}

// As repr() writes a character between such quotes; empty: as it is.
static std::string escape_in_quotes(char32_t code, char quote) {
  const auto number = static_cast<uint32_t>(code);
  if (code == '\\' || code == static_cast<char32_t>(quote))
    return fmt::format("\\{}", static_cast<char>(code));
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  if (code == kNoCharacter || is_printable(code)) return "";
  if (number < 0x100) return fmt::format("\\x{:02x}", number);
  if (number < 0x10000) return fmt::format("\\u{:04x}", number);
  return fmt::format("\\U{:08x}", number);
}

static void write_quoted_string(TextBuilder* out, const MarkedText& marked) {
  const std::string_view text = marked.text;
  const bool doubled = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = doubled ? '"' : '\'';
  out->own({&quote, 1});
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    const Character c = first_character(text.substr(at));
    const std::string escaped = escape_in_quotes(c.code, quote);
    if (!escaped.empty()) {
      out->append(marked, done, at);
      out->like(escaped, marked, at);
      done = at + c.length;
    }
    at += c.length;
  }
  out->append(marked, done, text.size());
  out->own({&quote, 1});
}

Result<void> Runtime::write_quoted(TextBuilder* out, const Value& value, int depth) {
  GANNET_TRY(check_nesting(depth));
  GANNET_TRY(budget_.step());
  switch (value.type()) {
    case Type::kUndefined:
      out->own("Undefined");
      break;
    case Type::kNone:
      out->own("None");
      break;
    case Type::kBool:
      out->own(value.as_bool() ? "True" : "False");
      break;
    case Type::kInt:
      out->own(std::to_string(value.as_int()));
      break;
    case Type::kFloat:
      out->own(float_text(value.as_float()));
      break;
    case Type::kBig:
      out->own(std::to_string(value.as_big()));
      break;
    case Type::kString:
      GANNET_TRY(budget_.touch(value.text().size()));
      write_quoted_string(out, value.marked());
      break;
    case Type::kList: {
      const bool tuple = value.as_list().is_tuple;
      out->own(tuple ? "(" : "[");
      for (size_t i = 0; i < value.items().size(); ++i) {
        if (i > 0) out->own(", ");
        GANNET_TRY(write_quoted(out, value.items()[i], depth + 1));
      }
      out->own(!tuple ? "]" : value.items().size() == 1 ? ",)" : ")");
      break;
    }
    case Type::kDict: {
      out->own("{");
      bool first = true;
      for (const auto& [key, item] : value.as_dict().entries()) {
        if (!std::exchange(first, false)) out->own(", ");
        GANNET_TRY(write_quoted(out, key, depth + 1));
        out->own(": ");
        GANNET_TRY(write_quoted(out, item, depth + 1));
      }
      out->own("}");
      break;
    }
    case Type::kObject:
      out->own(fmt::format("<{}>", value.as_object().kind()));
      break;
  }
  return out->full() ? Result<void>(out->finish().take_error()) : Result<void>();
}

}  // namespace gannet::jinja
