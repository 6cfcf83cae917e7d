// Chat templates: the language is Jinja2's as the transformers library sets it up (trim_blocks,
// lstrip_blocks, loop controls, generation blocks, raise_exception, strftime_now, a tojson that keeps key
// order and escapes nothing for HTML). Reference: https://jinja.palletsprojects.com/en/stable/templates/ and
// the behaviour of Jinja2 3.1.
//
// What is left out, by name: extends/block/include/import, recursive loops, autoescape, and the filters for
// web pages. `safe` and `escape` give plain strings: nothing is ever escaped behind the template's back.
//
//   auto chat = JinjaTemplate::parse(source);
//   auto text = chat->render({{"messages", *jinja::Value::from_json(messages, true)},
//                             {"add_generation_prompt", jinja::Value::boolean(true)}});
//
// In the text, what came out of a foreign string is foreign, wherever the template moved it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/value.h"
#include "text/marked_text.h"

namespace gannet {

// Far above what any published template with a million tokens of text needs, far below what hurts a server.
struct JinjaLimits {
  uint64_t steps = 50'000'000;         // evaluated nodes, and one for every 32 bytes gone over
  size_t output_bytes = 256ull << 20;  // text of the whole rendering
  size_t memory_bytes = 512ull << 20;  // held by values at any one time
  int macro_depth = 100;               // macros that call each other
};

struct JinjaOptions {
  JinjaLimits limits;
  // What strftime_now() tells, as local time; the system's clock if there is none.
  std::optional<std::chrono::local_seconds> now;
};

using JinjaVariables = std::vector<std::pair<std::string, jinja::Value>>;

class JinjaTemplate {
 public:
  static constexpr size_t kMaxSourceBytes = 1 << 20;

  // Errors (ErrorCode::kModelFile) name line, column and what was expected.
  static Result<JinjaTemplate> parse(std::string_view source);

  // May be called by several threads at once; uses up to 4 MiB of the stack of each. Errors:
  //   ErrorCode::kUsage    the template called raise_exception(): the message is the template's own, and
  //                        tells what is wrong with the conversation
  //   ErrorCode::kRuntime  anything else: "line 12, column 4: messages[0].foo | upper: ..."
  Result<MarkedText> render(const JinjaVariables& variables, const JinjaOptions& options = {}) const;

  // Whether the name of this variable occurs in the template (as `enable_thinking`, or as the attribute of
  // some value): what it does not mention cannot change what it renders.
  bool mentions(std::string_view name) const;

  JinjaTemplate(JinjaTemplate&&) noexcept;
  JinjaTemplate& operator=(JinjaTemplate&&) noexcept;
  ~JinjaTemplate();

 private:
  struct Parsed;
  explicit JinjaTemplate(std::unique_ptr<const Parsed> parsed);
  std::unique_ptr<const Parsed> parsed_;
};

}  // namespace gannet
