// One rendering: its limits and clock, and what values do. Everything that can fail returns a sentence
// without a place; the evaluator puts the place in front.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jinja/budget.h"
#include "jinja/text_builder.h"
#include "jinja/value.h"

namespace gannet::jinja {

class Runtime {
 public:
  Runtime(uint64_t steps, size_t memory, std::optional<std::chrono::local_seconds> now)
      : budget_(steps, memory), now_(now), stack_(static_cast<const char*>(__builtin_frame_address(0))) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Budget& budget() { return budget_; }
  MemoryMeter* memory() { return &budget_.memory(); }
  std::chrono::local_seconds now() const;
  // One step, and whether the stack still has room: templates nest, and macros call each other.
  Result<void> enter();

  // Values that may hold themselves: what they hold is let go when the rendering ends.
  void keep(std::shared_ptr<Object> object) { kept_.push_back(std::move(object)); }
  void keep(const std::shared_ptr<ListData>& list);

  // raise_exception(): the error is the template's own message.
  Error raise(std::string message);
  bool raised() const { return raised_; }

  // --- values.cpp
  // Python's == and ordering (negative, 0, positive).
  Result<bool> equal(const Value& a, const Value& b, int depth = 0);
  Result<int> compare(const Value& a, const Value& b, int depth = 0);
  Result<bool> contains(const Value& container, const Value& item);
  Result<std::vector<Value>> iterate(const Value& value);  // what `for` goes through
  // str(): strings as they are, everything else as Python writes it.
  Result<void> write(TextBuilder* out, const Value& value, int depth = 0);
  Result<Value> to_string(const Value& value);
  // repr()
  Result<void> write_quoted(TextBuilder* out, const Value& value, int depth);

  // --- access.cpp
  Result<Value> attribute(const Value& value, std::string_view name);   // value.name
  Result<Value> item(const Value& value, const Value& key);             // value[key]
  Result<Value> attribute_path(const Value& value, const Value& path);  // of filters: "function.name", 0
  Result<Value> slice(const Value& value, const Value& start, const Value& stop, const Value& step);
  Result<Value> call(const Value& callee, const Arguments& arguments);

 private:
  Budget budget_;
  std::optional<std::chrono::local_seconds> now_;
  const char* stack_;  // where the rendering began
  bool raised_ = false;
  std::vector<std::shared_ptr<Object>> kept_;
  std::vector<std::shared_ptr<ListData>> kept_lists_;
};

// operators.cpp
enum class Op : uint8_t;
Result<Value> arithmetic(Runtime* runtime, Op op, const Value& a, const Value& b);
Result<Value> negate(const Value& a);

// numbers.cpp: as Python's repr() writes it.
std::string float_text(double value);

// json.cpp
struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  std::optional<MarkedText> indent;  // one level; all on one line if there is none
  MarkedText item_separator, key_separator;
};
Result<void> write_json(Runtime* runtime, TextBuilder* out, const Value& value, const JsonStyle& style,
                        int depth);

// format.cpp: "%s" % values, and "{}".format(values)
Result<Value> format_percent(Runtime* runtime, const MarkedText& format, const Value& values);
Result<Value> format_braces(Runtime* runtime, const MarkedText& format, const Arguments& arguments);
Result<std::string> format_time(const std::string& format, std::chrono::local_seconds time);

}  // namespace gannet::jinja
