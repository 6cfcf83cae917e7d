// Fields that several dialects have in common. Must not know: which endpoint they came from.
#pragma once

#include <string>
#include <string_view>

#include "api/fields.h"
#include "api/generation.h"

namespace gannet {

// Something was skipped: "FIELD: WHAT are skipped". Only the first ones are told.
void warn(GenerationRequest* request, std::string what);

// temperature, top_p, ... in OpenAI's and llama.cpp's names, and logit_bias. All of Fields are those of the
// object they stand in.
void read_sampling(const Fields& fields, SamplingRequest* sampling);

// `max`: values of -1 and missing ones are no limit.
void read_max_tokens(const Fields& fields, std::string_view key, GenerationRequest* request);
void read_stop(const Fields& fields, std::string_view key, GenerationRequest* request);

// What llama.cpp and vLLM added to OpenAI's requests and their own: model, stream, sampling, stop, slots,
// cache, timings, grammars.
void read_extras(const Fields& fields, GenerationRequest* request);

// response_format, or the `text.format` of Responses when `flat`: name, strict and schema then stand beside
// the type.
void read_response_format(const Fields& fields, std::string_view key, bool flat, OutputFormat* format);
// Several ways to say a format in one request contradict each other.
void set_format(const Fields& fields, std::string_view key, OutputFormat::Kind kind, OutputFormat* format);

// enable_thinking, reasoning_effort, budgets, reasoning_format, chat_template_kwargs and the like.
void read_thinking(const Fields& fields, GenerationRequest* request, RenderOptions* render);
// "none" switches thoughts off; other efforts are told to the template.
void read_effort(const Fields& fields, std::string_view key, RenderOptions* render);

// OpenAI's tool_choice; `flat`: as Responses writes it.
void read_tool_choice(const Fields& fields, bool flat, const std::vector<Tool>& tools, ToolChoice* choice);
// `names` must be declared: otherwise a problem at `key`.
void check_tool_names(const Fields& fields, std::string_view key, const std::vector<Tool>& tools,
                      const std::vector<std::string>& names);

inline constexpr size_t kMostTools = 4096;
// The list at `key`; none and a problem if it is longer than kMostTools.
const nlohmann::ordered_json& tool_list(const Fields& fields, std::string_view key);

// A tool whose name, description and parameters (under `parameters_key`) stand beside each other. Appends it.
void read_flat_tool(const Fields& tool, std::string_view parameters_key, std::vector<Tool>* tools);

// The arguments of a call: an object, or a text that holds one.
std::string read_arguments(const Fields& fields, std::string_view key);

// The texts of a list of parts, with `between` between them; of a string, itself. `types`: which parts are
// texts. Others are refused by name.
std::string read_parts(const Fields& fields, std::string_view key,
                       std::initializer_list<std::string_view> types, std::string_view between);

}  // namespace gannet
