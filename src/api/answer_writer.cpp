#include "api/answer_writer.h"

#include <fmt/core.h>

#include "api/writers.h"

namespace gannet {

std::string call_id_prefix(Dialect dialect, std::string_view unique, size_t choice) {
  const char* kind = dialect == Dialect::kMessages ? "toolu" : "call";
  return choice == 0 ? fmt::format("{}_{}_", kind, unique) : fmt::format("{}_{}_{}_", kind, unique, choice);
}

std::unique_ptr<AnswerWriter> make_answer_writer(const GenerationRequest& request, AnswerIdentity identity) {
  switch (request.dialect) {
    case Dialect::kChat:
      return make_chat_writer(request, std::move(identity));
    case Dialect::kCompletion:
      return make_completion_writer(request, std::move(identity));
    case Dialect::kResponses:
      return make_responses_writer(request, std::move(identity));
    case Dialect::kMessages:
      return make_messages_writer(request, std::move(identity));
    case Dialect::kNative:
    case Dialect::kInfill:
      return make_native_writer(request, std::move(identity));
    case Dialect::kOllamaChat:
    case Dialect::kOllamaGenerate:
      return make_ollama_writer(request, std::move(identity));
  }
  GANNET_CHECK(false, "no such dialect");
}

}  // namespace gannet
