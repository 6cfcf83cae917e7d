// Lists of models and what one is, as OpenAI, llama.cpp and Ollama say it.
#include <fmt/core.h>

#include "api/answer_state.h"
#include "api/fields.h"
#include "api/services.h"
#include "api/sse.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// "35.1B"
std::string size_text(int64_t n_params) {
  const double n = static_cast<double>(n_params);
  return n >= 1e9 ? fmt::format("{:.1f}B", n / 1e9) : fmt::format("{:.0f}M", n / 1e6);
}

Json model_json(const ModelCard& model) {
  return {{"id", model.id},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "gannet"},
          {"aliases", model.aliases},
          {"tags", model.tags},
          {"max_model_len", model.n_ctx},
          {"context_length", model.n_ctx},
          {"meta",
           {{"n_vocab", model.n_vocab},
            {"n_ctx", model.n_ctx},
            {"n_ctx_train", model.n_ctx_train},
            {"n_embd", model.n_embd},
            {"n_params", model.n_params},
            {"size", model.bytes},
            {"ftype", model.ftype}}},
          {"status", {{"value", model.loaded ? "loaded" : "unloaded"}}}};
}

Json details_json(const ModelCard& model) {
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", model.architecture},
          {"families", Json::array({model.architecture})},
          {"parameter_size", size_text(model.n_params)},
          {"quantization_level", model.ftype}};
}

Json capabilities_json(const ModelCard& model) {
  Json list{"completion"};
  if (model.tools) list.push_back("tools");
  if (model.thoughts) list.push_back("thinking");
  if (model.infill) list.push_back("insert");
  return list;
}

Json tag_json(const ModelCard& model) {
  return {{"name", model.id},
          {"model", model.id},
          {"modified_at", utc_text(model.created)},
          {"size", model.bytes},
          {"digest", model.digest},
          {"details", details_json(model)},
          {"capabilities", capabilities_json(model)}};
}

// What Codex reads of a model beside the fields of Ollama. Not base_instructions: they would take the place
// of Codex's own prompt; without them it keeps that and takes the window from its settings.
void add_codex_fields(const ModelCard& model, Json* json) {
  const Json fields = {{"slug", model.id},
                       {"display_name", model.id},
                       {"description", nullptr},
                       {"context_window", model.n_ctx > 0 ? Json(model.n_ctx) : Json()},
                       {"max_context_window", model.n_ctx > 0 ? Json(model.n_ctx) : Json()},
                       {"effective_context_window_percent", 95},
                       {"supported_reasoning_levels", Json::array()},
                       {"supports_reasoning_summaries", false},
                       {"supports_parallel_tool_calls", model.tools},
                       {"support_verbosity", false},
                       {"default_verbosity", nullptr},
                       {"apply_patch_tool_type", model.tools ? Json("function") : Json()},
                       {"shell_type", "shell_command"},
                       {"truncation_policy", {{"mode", "bytes"}, {"limit", 10000}}},
                       {"experimental_supported_tools", Json::array()},
                       {"input_modalities", {"text"}},
                       {"visibility", "list"},
                       {"supported_in_api", true},
                       {"priority", 0},
                       {"upgrade", nullptr}};
  json->update(fields);
}

}  // namespace

std::string write_models(std::span<const ModelCard> models) {
  Json data = Json::array(), tags = Json::array();
  for (const ModelCard& model : models) {
    data.push_back(model_json(model));
    add_codex_fields(model, &tags.emplace_back(tag_json(model)));
  }
  // Anthropic's clients look for the last three, Ollama's and Codex for `models`.
  return json_line(Json{{"object", "list"},
                        {"data", std::move(data)},
                        {"models", std::move(tags)},
                        {"has_more", false},
                        {"first_id", models.empty() ? Json() : Json(models.front().id)},
                        {"last_id", models.empty() ? Json() : Json(models.back().id)}});
}

std::string write_model(const ModelCard& model) {
  return json_line(model_json(model));
}

std::string write_ollama_tags(std::span<const ModelCard> models) {
  Json tags = Json::array();
  for (const ModelCard& model : models) tags.push_back(tag_json(model));
  return json_line(Json{{"models", std::move(tags)}});
}

std::string write_ollama_ps(std::span<const ModelCard> models) {
  Json running = Json::array();
  for (const ModelCard& model : models) {
    if (!model.loaded) continue;
    running.push_back({{"name", model.id},
                       {"model", model.id},
                       {"size", model.bytes},
                       {"digest", model.digest},
                       {"details", details_json(model)},
                       {"expires_at", "9999-12-31T23:59:59Z"},
                       {"size_vram", 0},
                       {"context_length", model.n_ctx}});
  }
  return json_line(Json{{"models", std::move(running)}});
}

Result<std::string> read_ollama_show(const Json& body) {
  std::optional<Error> problem;
  const Fields fields(body, "", &problem);
  std::string name;
  if (!fields.has("model")) fields.text("name", &name);  // as it was called once
  if (name.empty()) fields.needed_text("model", &name);
  if (problem) return *std::move(problem);
  return name;
}

std::string write_ollama_show(const ModelCard& model) {
  const std::string& family = model.architecture;
  return json_line(Json{{"modelfile", ""},
                        {"parameters", ""},
                        {"template", model.chat_template},
                        {"details", details_json(model)},
                        {"model_info",
                         {{"general.architecture", family},
                          {"general.parameter_count", model.n_params},
                          {family + ".context_length", model.n_ctx},
                          {family + ".embedding_length", model.n_embd}}},
                        {"capabilities", capabilities_json(model)},
                        {"modified_at", utc_text(model.created)}});
}

std::string write_ollama_version(std::string_view version) {
  return json_line(Json{{"version", version}});
}

}  // namespace gannet
