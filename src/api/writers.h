// The writers of the dialects, for make_answer_writer().
#pragma once

#include <memory>

#include "api/answer_writer.h"
#include "api/generation.h"

namespace gannet {

std::unique_ptr<AnswerWriter> make_chat_writer(const GenerationRequest& request, AnswerIdentity identity);
std::unique_ptr<AnswerWriter> make_completion_writer(const GenerationRequest& request,
                                                     AnswerIdentity identity);
std::unique_ptr<AnswerWriter> make_responses_writer(const GenerationRequest& request,
                                                    AnswerIdentity identity);
std::unique_ptr<AnswerWriter> make_messages_writer(const GenerationRequest& request, AnswerIdentity identity);
std::unique_ptr<AnswerWriter> make_native_writer(const GenerationRequest& request, AnswerIdentity identity);
std::unique_ptr<AnswerWriter> make_ollama_writer(const GenerationRequest& request, AnswerIdentity identity);

inline constexpr const char* kEventStream = "text/event-stream";
inline constexpr const char* kJsonType = "application/json";

}  // namespace gannet
