#include "serve/routes.h"

#include <atomic>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/read_request.h"
#include "api/services.h"
#include "chat/reader.h"
#include "page/page.h"
#include "serve/answering.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

HttpResponse json_answer(std::string body, int status = 200) {
  HttpHeaders headers;
  headers.set("Content-Type", "application/json");
  return {status, std::move(headers), std::move(body)};
}

HttpResponse error_answer(Dialect dialect, const ApiError& error) {
  return json_answer(error_body(dialect, error), http_status(error.kind));
}

// Paths tell the dialect in which errors are said.
Dialect dialect_of(std::string_view path) {
  if (path.find("/messages") != path.npos) return Dialect::kMessages;
  if (path.find("/responses") != path.npos) return Dialect::kResponses;
  if (path.find("/api/") != path.npos) return Dialect::kOllamaChat;
  return Dialect::kChat;
}

class Routes {
 public:
  Routes(ModelService& service, std::string version) : service_(service), version_(std::move(version)) {}

  void generate(Dialect dialect, HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
    auto request = read_request(dialect, std::string_view(http.body));
    if (!request.ok()) {
      exchange->respond(error_answer(dialect, api_error(request.error())));
      return;
    }
    const std::string client = http.key_id.empty() ? http.peer : http.key_id;
    Answering::begin(service_, request.take(), unique(http), client, std::move(exchange));
  }

  // Answers of small endpoints: a function from JSON to a body, run on the worker since it may tokenize.
  using Small = std::function<Result<std::string>(const Json& body)>;
  HttpFunction small(Dialect dialect, Small function) {
    return [this, dialect, function = std::move(function)](HttpRequest http,
                                                           std::shared_ptr<HttpExchange> exchange) {
      service_.later([dialect, function, body = std::move(http.body), exchange = std::move(exchange)] {
        auto answer = [&]() -> Result<std::string> {
          const Json json = GANNET_TRY(read_json(body, "the body"));
          return function(json);
        }();
        exchange->respond(answer.ok() ? json_answer(answer.take())
                                      : error_answer(dialect, api_error(answer.error())));
      });
    };
  }
  // Those that need nothing.
  static HttpFunction plain(std::function<std::string()> function, std::string type = "application/json") {
    return [function = std::move(function), type = std::move(type)](HttpRequest,
                                                                    std::shared_ptr<HttpExchange> exchange) {
      HttpHeaders headers;
      headers.set("Content-Type", type);
      exchange->respond({200, std::move(headers), function()});
    };
  }

  Result<std::string> tokenize(const Json& body) {
    const TokenizeRequest r = GANNET_TRY(read_tokenize(body));
    const Tokenizer& tokenizer = service_.tokenizer();
    const auto ids = GANNET_TRY(
        tokenizer.encode(r.content, {.add_special = r.add_special, .parse_special = r.parse_special}));
    std::vector<TokenPiece> pieces;
    for (const TokenId id : ids) pieces.push_back({id, std::string(tokenizer.output_piece(id, true))});
    return write_tokenize(pieces, r.with_pieces);
  }
  Result<std::string> detokenize(const Json& body) {
    const auto ids = GANNET_TRY(read_detokenize(body));
    for (const TokenId id : ids)
      if (id >= service_.tokenizer().vocabulary().size())
        return Error(ErrorCode::kUsage, fmt::format("tokens: {} is outside the vocabulary", id));
    return write_detokenize(GANNET_TRY(service_.tokenizer().decode(ids, {.show_special = true})));
  }
  Result<std::string> apply_template(const Json& body) {
    const ChatInput input = GANNET_TRY(read_apply_template(body));
    return write_apply_template(GANNET_TRY(service_.maker().prompt_text(input)).text.text);
  }
  Result<std::string> count(Dialect dialect, const Json& body) {
    const GenerationRequest request = GANNET_TRY(read_request_json(dialect, body));
    const auto tokens = GANNET_TRY(service_.maker().prompt_tokens(request));
    return write_token_count(dialect, std::ssize(tokens));
  }
  std::string props() {
    GenerationRequest none;
    none.dialect = Dialect::kNative;
    Json settings = Json::object();
    if (const auto params = service_.maker().sampling(none); params.ok())
      settings = write_settings(none, *params);
    Json all = {{"default_generation_settings", {{"params", settings}, {"n_ctx", service_.n_ctx()}}},
                {"total_slots", 1},
                {"model_alias", service_.name()},
                {"build_info", "gannet " + version_}};
    return all.dump();
  }
  // In the names of llama.cpp's server.
  std::string metrics() {
    const SchedulerCounters c = service_.scheduler().counters();
    std::string out;
    const auto add = [&](const char* kind, const char* name, const char* help, double value) {
      out += fmt::format("# HELP llamacpp:{0} {1}\n# TYPE llamacpp:{0} {2}\nllamacpp:{0} {3:.17g}\n", name,
                         help, kind, value);
    };
    add("counter", "prompt_tokens_total", "Tokens of prompts read", static_cast<double>(c.prompt_tokens));
    add("counter", "prompt_tokens_cached_total", "Tokens of prompts that did not have to be read",
        static_cast<double>(c.cached_tokens));
    add("counter", "tokens_predicted_total", "Tokens generated", static_cast<double>(c.generated_tokens));
    add("counter", "n_decode_total", "Steps of the model", static_cast<double>(c.steps));
    add("gauge", "requests_processing", "Requests being answered",
        static_cast<double>(c.running + c.reading));
    add("gauge", "requests_deferred", "Requests that wait", static_cast<double>(c.waiting));
    return out;
  }

 private:
  // Of this request alone; the client's id cannot be trusted to be so.
  std::string unique(const HttpRequest&) { return fmt::format("{:x}n{:x}", began_, ++n_requests_); }

  ModelService& service_;
  const std::string version_;
  const int64_t began_ = std::chrono::system_clock::now().time_since_epoch().count();
  std::atomic<uint64_t> n_requests_ = 0;
};

}  // namespace

std::shared_ptr<Router> make_routes(ModelService& service, RouterOptions options, std::string version) {
  options.error = [](const HttpError& error, const HttpRequest& request) {
    ApiError api;
    api.message = error.message;
    switch (error.status) {
      case 401:
        api.kind = ApiError::Kind::kAuthentication;
        break;
      case 403:
      case 421:
        api.kind = ApiError::Kind::kPermission;
        break;
      case 404:
        api.kind = ApiError::Kind::kNotFound;
        break;
      case 405:
        api.kind = ApiError::Kind::kMethod;
        break;
      case 408:
        api.kind = ApiError::Kind::kTimeout;
        break;
      case 413:
        api.kind = ApiError::Kind::kTooLarge;
        break;
      case 503:
        api.kind = ApiError::Kind::kUnavailable;
        break;
      default:
        api.kind = error.status < 500 ? ApiError::Kind::kInvalid : ApiError::Kind::kServer;
    }
    HttpResponse response = json_answer(error_body(dialect_of(request.path), api), error.status);
    response.headers.append(error.headers);
    return response;
  };
  auto router = std::make_shared<Router>(std::move(options));
  auto routes = std::make_shared<Routes>(service, std::move(version));

  struct Generating {
    const char* path;
    Dialect dialect;
  };
  for (const auto& [path, dialect] :
       {Generating{"/v1/chat/completions", Dialect::kChat}, Generating{"/chat/completions", Dialect::kChat},
        Generating{"/v1/completions", Dialect::kCompletion}, Generating{"/v1/responses", Dialect::kResponses},
        Generating{"/responses", Dialect::kResponses}, Generating{"/v1/messages", Dialect::kMessages},
        Generating{"/completion", Dialect::kNative}, Generating{"/completions", Dialect::kNative},
        Generating{"/infill", Dialect::kInfill}, Generating{"/api/chat", Dialect::kOllamaChat},
        Generating{"/api/generate", Dialect::kOllamaGenerate}})
    router->add("POST", path,
                [routes, d = dialect](HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
                  routes->generate(d, std::move(http), std::move(exchange));
                });

  for (const char* path : {"/v1/embeddings", "/embeddings", "/embedding", "/v1/rerank", "/rerank",
                           "/api/embed", "/api/embeddings"})
    router->add("POST", path, [](HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
      exchange->respond(error_answer(dialect_of(http.path),
                                     {ApiError::Kind::kNotSupported,
                                      "this server has no embeddings and ranks nothing: it generates text"}));
    });

  router->add("POST", "/tokenize",
              routes->small(Dialect::kNative, [routes](const Json& b) { return routes->tokenize(b); }));
  router->add("POST", "/detokenize",
              routes->small(Dialect::kNative, [routes](const Json& b) { return routes->detokenize(b); }));
  router->add("POST", "/apply-template",
              routes->small(Dialect::kChat, [routes](const Json& b) { return routes->apply_template(b); }));
  router->add("POST", "/v1/messages/count_tokens", routes->small(Dialect::kMessages, [routes](const Json& b) {
    return routes->count(Dialect::kMessages, b);
  }));
  router->add("POST", "/v1/responses/input_tokens",
              routes->small(Dialect::kResponses,
                            [routes](const Json& b) { return routes->count(Dialect::kResponses, b); }));
  router->add("POST", "/api/show",
              routes->small(Dialect::kOllamaChat, [&service](const Json& b) -> Result<std::string> {
                GANNET_TRY(read_ollama_show(b));
                return write_ollama_show(service.card());
              }));
  const auto models = [&service] { return write_models({&service.card(), 1}); };
  router->add("GET", "/v1/models", Routes::plain(models));
  router->add("GET", "/models", Routes::plain(models));
  router->add(
      "GET", "/v1/models/{name*}", [&service](HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
        const std::string& name = http.path_values["name"];
        exchange->respond(
            name == service.name()
                ? json_answer(write_model(service.card()))
                : error_answer(Dialect::kChat, {ApiError::Kind::kNotFound,
                                                fmt::format("there is no model {}; this server has {}", name,
                                                            service.name())}));
      });
  router->add("GET", "/api/tags", Routes::plain([&service] {
                return write_ollama_tags({&service.card(), 1});
              }));
  router->add("GET", "/api/ps", Routes::plain([&service] { return write_ollama_ps({&service.card(), 1}); }));
  router->add("GET", "/api/version", Routes::plain([] { return write_ollama_version("0.12.0"); }));
  router->add("GET", "/props", Routes::plain([routes] { return routes->props(); }));
  router->add("GET", "/metrics",
              Routes::plain([routes] { return routes->metrics(); }, "text/plain; version=0.0.4"));
  for (const char* path : {"/health", "/v1/health", "/ready"})
    router->add("GET", path, Routes::plain([] { return std::string(R"({"status":"ok"})"); }),
                {.is_public = true});
  add_page(*router);
  return router;
}

}  // namespace gannet
