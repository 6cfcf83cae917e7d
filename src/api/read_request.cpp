#include "api/read_request.h"

#include "chat/reader.h"

namespace gannet {

Result<GenerationRequest> read_request(Dialect dialect, std::string_view body) {
  return read_request_json(dialect, GANNET_TRY(read_json(body, "request")));
}

Result<GenerationRequest> read_request_json(Dialect dialect, const nlohmann::ordered_json& body) {
  switch (dialect) {
    case Dialect::kChat:
      return read_chat_request(body);
    case Dialect::kCompletion:
      return read_completion_request(body);
    case Dialect::kResponses:
      return read_responses_request(body);
    case Dialect::kMessages:
      return read_messages_request(body);
    case Dialect::kNative:
      return read_native_request(body);
    case Dialect::kInfill:
      return read_infill_request(body);
    case Dialect::kOllamaChat:
      return read_ollama_chat_request(body);
    case Dialect::kOllamaGenerate:
      return read_ollama_generate_request(body);
  }
  GANNET_CHECK(false, "no such dialect");
}

}  // namespace gannet
