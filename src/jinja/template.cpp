#include "jinja/template.h"

#include <fmt/format.h>

#include <utility>

#include "jinja/ast.h"
#include "jinja/builtins.h"
#include "jinja/evaluator.h"
#include "jinja/parser.h"
#include "jinja/runtime.h"

namespace gannet {

struct JinjaTemplate::Parsed {
  jinja::Program program;
};

JinjaTemplate::JinjaTemplate(std::unique_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
JinjaTemplate::JinjaTemplate(JinjaTemplate&&) noexcept = default;
JinjaTemplate& JinjaTemplate::operator=(JinjaTemplate&&) noexcept = default;
JinjaTemplate::~JinjaTemplate() = default;

Result<JinjaTemplate> JinjaTemplate::parse(std::string_view source) {
  if (source.size() > kMaxSourceBytes)
    return Error(ErrorCode::kModelFile, fmt::format("the template has {} bytes, the most we read is {}",
                                                    source.size(), kMaxSourceBytes));
  return JinjaTemplate(std::make_unique<const Parsed>(Parsed{GANNET_TRY(jinja::Parser::parse(source))}));
}

Result<MarkedText> JinjaTemplate::render(const JinjaVariables& variables, const JinjaOptions& options) const {
  const jinja::Program& program = parsed_->program;
  jinja::MemoryMeter output("the rendered text", options.limits.output_bytes);
  jinja::Runtime runtime(options.limits.steps, options.limits.memory_bytes, options.now);
  jinja::TextBuilder text(&output);
  jinja::Evaluator evaluator(program, &runtime, options.limits.macro_depth, &text);
  for (const jinja::Builtin& function : jinja::global_functions()) {
    const auto id = program.ids.find(std::string(function.name));
    if (id != program.ids.end()) evaluator.set(id->second, jinja::function_value(&function));
  }
  for (const auto& [name, value] : variables) {
    const auto id = program.ids.find(name);
    if (id != program.ids.end()) evaluator.set(id->second, value);
  }
  GANNET_TRY(evaluator.run());
  return text.take();
}

bool JinjaTemplate::mentions(std::string_view name) const {
  return parsed_->program.ids.contains(std::string(name));
}

}  // namespace gannet
