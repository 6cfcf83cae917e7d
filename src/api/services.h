// The small endpoints: requests to structs and answers to JSON, as read_request.h does for those that
// generate.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation.h"
#include "base/result.h"

namespace gannet {

// ---- /tokenize, /detokenize, /apply-template, counting ------------------------------------------------

struct TokenizeRequest {
  std::string content;
  bool add_special = false;   // what the model puts in front of texts
  bool parse_special = true;  // control tokens written in the text are control tokens
  bool with_pieces = false;
};
Result<TokenizeRequest> read_tokenize(const nlohmann::ordered_json& body);
struct TokenPiece {
  TokenId token = -1;
  std::string text = {};  // bytes
};
// Pieces that are not UTF-8 are lists of bytes.
std::string write_tokenize(std::span<const TokenPiece> tokens, bool with_pieces);

Result<std::vector<TokenId>> read_detokenize(const nlohmann::ordered_json& body);
std::string write_detokenize(std::string_view text);

// `messages` and all that changes the prompt in a chat request.
Result<ChatInput> read_apply_template(const nlohmann::ordered_json& body);
std::string write_apply_template(std::string_view prompt);

// count_tokens and input_tokens: the request is read as that of the dialect.
std::string write_token_count(Dialect dialect, int64_t n_tokens);

// /v1/chat/completions/control: ends the thoughts of a running answer.
struct ControlRequest {
  std::string id;  // of the answer
};
Result<ControlRequest> read_control(const nlohmann::ordered_json& body);

// ---- models -------------------------------------------------------------------------------------------

struct ModelCard {
  std::string id;
  std::vector<std::string> aliases = {}, tags = {};
  int64_t created = 0;  // seconds since 1970
  int64_t n_vocab = 0, n_ctx = 0, n_ctx_train = 0, n_embd = 0, n_params = 0;
  int64_t bytes = 0;              // of the file
  std::string ftype = {};         // "Q4_K - Medium"
  std::string architecture = {};  // "qwen35moe"
  std::string digest = {};        // of the file; may be empty
  std::string path = {};          // of the file
  bool loaded = false;
  bool tools = false, thoughts = false, infill = false;  // what it can do
  std::string chat_template = {};
};
std::string write_models(std::span<const ModelCard> models);  // /v1/models
std::string write_model(const ModelCard& model);              // /v1/models/NAME
std::string write_ollama_tags(std::span<const ModelCard> models);
std::string write_ollama_ps(std::span<const ModelCard> models);            // those of them that are loaded
Result<std::string> read_ollama_show(const nlohmann::ordered_json& body);  // the name
std::string write_ollama_show(const ModelCard& model);
std::string write_ollama_version(std::string_view version);

// ---- settings -----------------------------------------------------------------------------------------

// `generation_settings` of native answers and `default_generation_settings.params` of /props: what is in
// force, in llama.cpp's names.
nlohmann::ordered_json write_settings(const GenerationRequest& request, const SamplingParams& params);

}  // namespace gannet
