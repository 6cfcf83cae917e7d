// JSON as Python's json.dumps() writes it, and back.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "jinja/builtins.h"
#include "jinja/runtime.h"
#include "jinja/unicode.h"

namespace gannet::jinja {
namespace {

std::string escape_of(char32_t c, bool ascii) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    default:
      break;
  }
  if (c < 32) return fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
  if (!ascii || c < 128 || c == kNoCharacter) return {};
  if (c < 0x10000) return fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
  const uint32_t rest = static_cast<uint32_t>(c) - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
}

void write_json_string(TextBuilder* out, const MarkedText& marked, bool ascii) {
  const std::string_view text = marked.text;
  out->own("\"");
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    if (byte >= 32 && byte != '"' && byte != '\\' && (byte < 128 || !ascii)) {
      ++at;
      continue;
    }
    const Character c = first_character(text.substr(at));
    if (const std::string escaped = escape_of(c.code, ascii); !escaped.empty()) {
      out->append(marked, done, at);
      out->like(escaped, marked, at);
      done = at + c.length;
    }
    at += c.length;
  }
  out->append(marked, done, text.size());
  out->own("\"");
}

Result<Value> key_text(Runtime* runtime, const Value& key) {
  switch (key.type()) {
    case Type::kString:
      return key;
    case Type::kNone:
      return Value::own_string("null");
    case Type::kBool:
      return Value::own_string(key.as_bool() ? "true" : "false");
    case Type::kInt:
    case Type::kBig:
    case Type::kFloat:
      return runtime->to_string(key);
    default:
      return fault(fmt::format("a {} cannot be a key in JSON", key.type_name()));
  }
}

class Writer {
 public:
  Writer(Runtime* runtime, TextBuilder* out, const JsonStyle& style)
      : runtime_(*runtime), out_(*out), style_(style) {}

  Result<void> write(const Value& value, int depth) {
    if (depth > Value::kMaxNesting)
      return fault(fmt::format("a value is nested more than {} deep", Value::kMaxNesting));
    GANNET_TRY(runtime_.budget().step());
    switch (value.type()) {
      case Type::kNone:
        out_.own("null");
        break;
      case Type::kBool:
        out_.own(value.as_bool() ? "true" : "false");
        break;
      case Type::kInt:
        out_.own(std::to_string(value.as_int()));
        break;
      case Type::kBig:
        out_.own(std::to_string(value.as_big()));
        break;
      case Type::kFloat: {
        const double x = value.as_float();
        out_.own(std::isnan(x) ? "NaN" : std::isinf(x) ? (x > 0 ? "Infinity" : "-Infinity") : float_text(x));
        break;
      }
      case Type::kString:
        GANNET_TRY(runtime_.budget().touch(value.text().size()));
        write_json_string(&out_, value.marked(), style_.ascii);
        break;
      case Type::kList:
        return list(value, depth);
      case Type::kDict:
        return dict(value, depth);
      case Type::kUndefined:
        return fault(value.undefined_reason());
      case Type::kObject:
        return fault(fmt::format("a {} cannot be written as JSON", value.type_name()));
    }
    return out_.full() ? Result<void>(out_.finish().take_error()) : Result<void>();
  }

 private:
  void new_line(int depth) {
    if (!style_.indent) return;
    out_.own("\n");
    for (int i = 0; i < depth && !out_.full(); ++i) out_.append(*style_.indent);
  }

  Result<void> list(const Value& value, int depth) {
    out_.own("[");
    bool first = true;
    for (const Value& item : value.items()) {
      if (!std::exchange(first, false)) out_.append(style_.item_separator);
      new_line(depth + 1);
      GANNET_TRY(write(item, depth + 1));
    }
    if (!first) new_line(depth);
    out_.own("]");
    return {};
  }

  Result<void> dict(const Value& value, int depth) {
    std::vector<DictData::Entry> entries;
    for (const auto& [key, item] : value.as_dict().entries())
      entries.emplace_back(GANNET_TRY(key_text(&runtime_, key)), item);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto& a, const auto& b) { return a.first.text() < b.first.text(); });
    out_.own("{");
    bool first = true;
    for (const auto& [key, item] : entries) {
      if (!std::exchange(first, false)) out_.append(style_.item_separator);
      new_line(depth + 1);
      GANNET_TRY(runtime_.budget().touch(key.text().size()));
      write_json_string(&out_, key.marked(), style_.ascii);
      out_.append(style_.key_separator);
      GANNET_TRY(write(item, depth + 1));
    }
    if (!first) new_line(depth);
    out_.own("}");
    return {};
  }

  Runtime& runtime_;
  TextBuilder& out_;
  const JsonStyle& style_;
};

}  // namespace

Result<void> write_json(Runtime* runtime, TextBuilder* out, const Value& value, const JsonStyle& style,
                        int depth) {
  return Writer(runtime, out, style).write(value, depth);
}

}  // namespace gannet::jinja
