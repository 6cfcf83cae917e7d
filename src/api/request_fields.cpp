#include "api/request_fields.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/printable.h"
#include "chat/reader.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// llama.cpp answers as many as it has slots for; this only bounds what one request may ask at all.
constexpr int kMostAnswers = 128;
constexpr size_t kMostChoices = 1024;
constexpr int kMostLogProbs = 1000;
constexpr size_t kMostStops = 256;

void read_slot(const Fields& fields, GenerationRequest* request) {
  int slot = -1;
  fields.integer("id_slot", &slot, -1, std::numeric_limits<int>::max());
  if (slot >= 0) request->slot = slot;
}

}  // namespace

void warn(GenerationRequest* request, std::string what) {
  constexpr size_t kMostWarnings = 32;
  auto& warnings = request->warnings;
  if (warnings.size() < kMostWarnings) {
    warnings.push_back(std::move(what));
  } else if (warnings.size() == kMostWarnings) {
    warnings.push_back("more is skipped than is told here");
  }
}

void read_max_tokens(const Fields& fields, std::string_view key, GenerationRequest* request) {
  int64_t most = -1;
  fields.integer(key, &most, -1);
  if (most >= 0 && fields.ok()) request->max_tokens = most;
}

void read_stop(const Fields& fields, std::string_view key, GenerationRequest* request) {
  fields.texts(key, &request->stop);
  if (request->stop.size() > kMostStops) {
    fields.fail(key, fmt::format("has {} texts; at most {} are taken", request->stop.size(), kMostStops));
  }
}

const Json& tool_list(const Fields& fields, std::string_view key) {
  static const Json none = Json::array();
  const Json& list = fields.list(key);
  if (list.size() <= kMostTools) return list;
  fields.fail(key, fmt::format("has {} tools; at most {} are taken", list.size(), kMostTools));
  return none;
}

void set_format(const Fields& fields, std::string_view key, OutputFormat::Kind kind, OutputFormat* format) {
  if (format->kind != OutputFormat::Kind::kText) {
    return fields.fail(key, fmt::format("cannot be combined with {}", format->field));
  }
  format->kind = kind;
  format->field = fields.path(key);
}

void read_response_format(const Fields& fields, std::string_view key, bool flat, OutputFormat* format) {
  if (!fields.has(key)) return;
  const Fields said = fields.object(key);
  if (fields.ok() && !said.has("type")) said.fail("type", "is missing");
  const int type = said.one_of("type", {"text", "json_object", "json_schema"});
  if (type <= 0) return;
  if (type == 1 && !said.has("schema"))
    return set_format(fields, key, OutputFormat::Kind::kJsonObject, format);
  const bool nested = type == 2 && !flat && !said.has("schema");
  if (nested && !said.has("json_schema")) return said.fail("json_schema", "is missing");
  const Fields holder = nested ? said.object("json_schema") : said;
  const Json* schema = holder.find("schema");
  if (!schema) return holder.fail("schema", "is missing");
  if (!schema->is_object()) return holder.fail_kind("schema", "an object", *schema);
  set_format(fields, key, OutputFormat::Kind::kJsonSchema, format);
  format->schema = *schema;
  holder.text("name", &format->name);
  holder.boolean("strict", &format->strict);
}

namespace {

void read_grammars(const Fields& fields, OutputFormat* format) {
  for (const char* key : {"json_schema", "guided_json"}) {
    const Json* schema = fields.find(key);
    if (!schema) continue;
    if (!schema->is_object() && !schema->is_boolean()) return fields.fail_kind(key, "an object", *schema);
    set_format(fields, key, OutputFormat::Kind::kJsonSchema, format);
    format->schema = *schema;
  }
  for (const char* key : {"grammar", "guided_grammar", "regex", "guided_regex"}) {
    std::string text;
    fields.text(key, &text);
    if (text.empty()) continue;
    const bool regex = std::string_view(key).ends_with("regex");
    set_format(fields, key, regex ? OutputFormat::Kind::kRegex : OutputFormat::Kind::kGrammar, format);
    format->text = std::move(text);
  }
  for (const char* key : {"guided_choice", "structured_outputs", "grammar_lazy", "grammar_triggers"}) {
    fields.refuse(key, "is not supported; use response_format, json_schema, grammar or regex");
  }
}

}  // namespace

void read_extras(const Fields& fields, GenerationRequest* request) {
  fields.text("model", &request->model);
  fields.boolean("stream", &request->stream);
  read_sampling(fields, &request->sampling);
  read_stop(fields, "stop", request);
  fields.boolean("ignore_eos", &request->ignore_eos);
  for (const char* key : {"n_cmpl", "n"}) fields.integer(key, &request->n, 1, kMostAnswers);

  int64_t predict_ms = 0;
  fields.integer("t_max_predict_ms", &predict_ms, -1);
  if (predict_ms > 0) request->max_predict_ms = predict_ms;
  fields.integer("n_probs", &request->top_log_probs, 0, kMostLogProbs);
  if (request->top_log_probs > 0) request->log_probs = true;
  if (request->n_choices() > kMostChoices) {
    fields.fail("n", fmt::format("asks for {} answers; at most {} are given to one request",
                                 request->n_choices(), kMostChoices));
  }
  fields.boolean("post_sampling_probs", &request->post_sampling);
  fields.boolean("timings_per_token", &request->timings_per_token);
  fields.boolean("return_progress", &request->return_progress);
  fields.boolean("return_tokens", &request->return_tokens);
  fields.texts("response_fields", &request->response_fields);

  fields.boolean("cache_prompt", &request->cache_prompt);
  read_slot(fields, request);
  fields.text("prompt_cache_key", &request->session);
  fields.text("user", &request->user);
  fields.integer("sse_ping_interval", &request->ping_seconds, -1, 86400);
  read_grammars(fields, &request->format);
  fields.refuse("lora", "adapters are not supported");
  fields.refuse("n_indent", "is not supported");
}

void read_effort(const Fields& fields, std::string_view key, RenderOptions* render) {
  std::string effort;
  fields.text(key, &effort);
  if (effort.empty()) return;
  if (effort == "none") {
    render->thinking = false;
  } else {
    render->variables["reasoning_effort"] = effort;
  }
}

void read_thinking(const Fields& fields, GenerationRequest* request, RenderOptions* render) {
  read_effort(fields, "reasoning_effort", render);
  fields.boolean("enable_thinking", &render->thinking);
  fields.boolean("preserve_thinking", &render->preserve_thinking);
  fields.boolean("add_generation_prompt", &render->add_generation_prompt);
  if (fields.has("continue_final_message")) {
    fields.boolean("continue_final_message", &render->continue_last);
    // vLLM wants the other switched off for this one; the answer begins within the last message either way.
    if (render->continue_last) render->add_generation_prompt = true;
  }
  for (const char* key : {"reasoning_budget", "reasoning_budget_tokens", "thinking_budget_tokens"}) {
    int64_t budget = -1;
    fields.integer(key, &budget, -1);
    if (budget >= 0) request->thinking_budget = budget;
  }
  if (fields.has("reasoning_budget_message")) {
    request->thinking_message.emplace();
    fields.text("reasoning_budget_message", &*request->thinking_message);
  }
  // Old clients ask for "deepseek"; "auto" is the same. "deepseek-legacy" would say the thoughts twice.
  const int format = fields.one_of("reasoning_format", {"auto", "deepseek", "none"});
  if (format >= 0) request->thoughts = format == 2 ? ThoughtPlace::kInContent : ThoughtPlace::kSeparate;
  if (const Json* variables = fields.find("chat_template_kwargs")) {
    if (!variables->is_object()) return fields.fail_kind("chat_template_kwargs", "an object", *variables);
    for (const auto& [name, value] : variables->items()) render->variables[name] = value;
  }
}

void check_tool_names(const Fields& fields, std::string_view key, const std::vector<Tool>& tools,
                      const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto is_it = [&](const Tool& tool) { return tool.name == name; };
    if (std::none_of(tools.begin(), tools.end(), is_it)) {
      return fields.fail(key, fmt::format("\"{}\" is not among the tools", printable(name, 64)));
    }
  }
}

void read_tool_choice(const Fields& fields, bool flat, const std::vector<Tool>& tools, ToolChoice* choice) {
  constexpr std::string_view kKey = "tool_choice";
  const Json* said = fields.find(kKey);
  if (!said) return;
  const auto mode_of = [](int index) {
    return index == 1   ? ToolChoice::Mode::kNone
           : index == 2 ? ToolChoice::Mode::kRequired
                        : ToolChoice::Mode::kAuto;
  };
  if (said->is_string()) {
    choice->mode = mode_of(fields.one_of(kKey, {"auto", "none", "required"}));
  } else if (!said->is_object()) {
    return fields.fail_kind(kKey, "auto, none, required or an object", *said);
  } else {
    const Fields object = fields.object(kKey);
    if (!object.has("type")) return object.fail("type", "is missing");
    const int type = object.one_of("type", {"function", "allowed_tools"});
    const auto name_of = [&](const Fields& one) {
      const Fields holder = flat ? one : one.object("function");
      std::string name;
      holder.needed_text("name", &name);
      return name;
    };
    if (type == 0) {
      choice->mode = ToolChoice::Mode::kRequired;
      choice->names = {name_of(object)};
    } else if (type == 1) {
      const Fields allowed = flat ? object : object.object("allowed_tools");
      choice->mode = mode_of(2 * allowed.one_of("mode", {"auto", "required"}));
      const Json& list = tool_list(allowed, "tools");
      for (size_t i = 0; i < list.size() && fields.ok(); ++i) {
        std::string name =
            name_of(Fields(list[i], fmt::format("{}[{}]", allowed.path("tools"), i), fields.problem()));
        if (std::find(choice->names.begin(), choice->names.end(), name) == choice->names.end()) {
          choice->names.push_back(std::move(name));
        }
      }
      if (choice->names.empty()) return allowed.fail("tools", "is empty or missing");
    }
  }
  if (!fields.ok()) return;
  if (choice->mode == ToolChoice::Mode::kRequired && tools.empty()) {
    return fields.fail(kKey, "a call is required, but there are no tools");
  }
  check_tool_names(fields, kKey, tools, choice->names);
}

void read_flat_tool(const Fields& tool, std::string_view parameters_key, std::vector<Tool>* tools) {
  std::string name, description;
  tool.needed_text("name", &name);
  tool.text("description", &description);
  const Json* parameters = tool.find(parameters_key);
  if (parameters && !parameters->is_object()) return tool.fail_kind(parameters_key, "an object", *parameters);
  if (!tool.ok()) return;
  const auto same = [&](const Tool& other) { return other.name == name; };
  if (std::any_of(tools->begin(), tools->end(), same)) {
    return tool.fail("name", fmt::format("\"{}\" is declared twice", printable(name, 64)));
  }
  Json function{{"name", name}};
  if (!description.empty()) function["description"] = std::move(description);
  if (parameters) function["parameters"] = *parameters;
  if (const Json* strict = tool.find("strict")) function["strict"] = *strict;
  auto read = read_tools(Json::array({Json{{"type", "function"}, {"function", std::move(function)}}}));
  if (!read.ok()) {
    // "tools[0].function.name: ..." of the declaration just made.
    std::string_view what = read.error().message();
    what.remove_prefix(std::min(what.size(), what.find(": ") + 2));
    return tool.fail("name", what);
  }
  tools->push_back(std::move(read->front()));
}

std::string read_arguments(const Fields& fields, std::string_view key) {
  const Json* said = fields.find(key);
  if (!said) return "{}";
  if (said->is_object()) return said->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (!said->is_string()) {
    fields.fail_kind(key, "a JSON object or a string that holds one", *said);
    return "{}";
  }
  const auto& text = said->get_ref<const std::string&>();
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "{}";
  const auto parsed = read_json(text, fields.path(key));
  if (!parsed.ok()) {
    if (fields.ok()) *fields.problem() = parsed.error();
  } else if (!parsed->is_object()) {
    fields.fail(key, fmt::format("the string must hold a JSON object, not {}", json_kind(*parsed)));
  }
  return text;
}

std::string read_parts(const Fields& fields, std::string_view key,
                       std::initializer_list<std::string_view> types, std::string_view between) {
  std::string text;
  const Json* said = fields.find(key);
  if (!said) return text;
  if (said->is_string()) return said->get<std::string>();
  if (!said->is_array()) {
    fields.fail_kind(key, "a string or an array of parts", *said);
    return text;
  }
  for (size_t i = 0; i < said->size() && fields.ok(); ++i) {
    if ((*said)[i].is_string()) {
      text += (i ? std::string(between) : "") + (*said)[i].get<std::string>();
      continue;
    }
    const Fields part((*said)[i], fmt::format("{}[{}]", fields.path(key), i), fields.problem());
    std::string type, piece;
    part.needed_text("type", &type);
    if (fields.ok() && std::find(types.begin(), types.end(), type) == types.end()) {
      part.fail("type", fmt::format("\"{}\" is not supported, only text", printable(type, 64)));
    }
    part.needed_text("text", &piece);
    text += (i ? std::string(between) : "") + piece;
  }
  return text;
}

}  // namespace gannet
