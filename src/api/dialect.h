// The languages that clients speak.
#pragma once

namespace gannet {

enum class Dialect {
  kChat,            // OpenAI /v1/chat/completions
  kCompletion,      // OpenAI /v1/completions
  kResponses,       // OpenAI /v1/responses
  kMessages,        // Anthropic /v1/messages
  kNative,          // llama.cpp /completion
  kInfill,          // llama.cpp /infill
  kOllamaChat,      // Ollama /api/chat
  kOllamaGenerate,  // Ollama /api/generate
};
inline constexpr Dialect kDialects[] = {Dialect::kChat,       Dialect::kCompletion,    Dialect::kResponses,
                                        Dialect::kMessages,   Dialect::kNative,        Dialect::kInfill,
                                        Dialect::kOllamaChat, Dialect::kOllamaGenerate};

}  // namespace gannet
