// Requests of all dialects to one struct. Unknown fields are ignored; known ones of a wrong type or out of
// range, and what Gannet cannot do, are Errors (kUsage) that begin with the field:
// "messages[3].content[0].type:
// ...". What is skipped on purpose stands in GenerationRequest::warnings. Pure functions, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation.h"
#include "base/result.h"

namespace gannet {

// The text of a body: JSON nested at most 200 deep.
Result<GenerationRequest> read_request(Dialect dialect, std::string_view body);
Result<GenerationRequest> read_request_json(Dialect dialect, const nlohmann::ordered_json& body);

// One for each dialect.
Result<GenerationRequest> read_chat_request(const nlohmann::ordered_json& body);
Result<GenerationRequest> read_completion_request(const nlohmann::ordered_json& body);
Result<GenerationRequest> read_responses_request(const nlohmann::ordered_json& body);
// `max_tokens` may be missing, as it is for count_tokens.
Result<GenerationRequest> read_messages_request(const nlohmann::ordered_json& body);
Result<GenerationRequest> read_native_request(const nlohmann::ordered_json& body);
Result<GenerationRequest> read_infill_request(const nlohmann::ordered_json& body);
Result<GenerationRequest> read_ollama_chat_request(const nlohmann::ordered_json& body);
Result<GenerationRequest> read_ollama_generate_request(const nlohmann::ordered_json& body);

}  // namespace gannet
