#include "serve/routes.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/read_request.h"
#include "api/services.h"
#include "base/printable.h"
#include "chat/reader.h"
#include "page/page.h"
#include "serve/answering.h"
#include "serve/replies.h"
#include "serve/slot_files.h"
#include "serve/status.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// The name of a model in a body or in the query of a path; empty: none.
std::string model_in(const Json& body) {
  if (!body.is_object()) return "";
  for (const char* key : {"model", "name"})
    if (const auto at = body.find(key); at != body.end() && at->is_string()) return at->get<std::string>();
  return "";
}

std::string query(const HttpRequest& http, std::string_view name) {
  const std::string* value = http.query_value(name);
  return value == nullptr ? "" : *value;
}

class Routes {
 public:
  Routes(ModelPool& pool, RoutesOptions options) : pool_(pool), options_(std::move(options)) {}

  // Calls `then` with the model of this name; what is wrong is answered here.
  void with_model(const std::string& name, Dialect dialect, const std::shared_ptr<HttpExchange>& exchange,
                  std::function<void(ModelLease)> then) {
    const std::optional<size_t> model = pool_.find(name);
    if (!model) {
      exchange->respond(error_answer(dialect, no_model(name)));
      return;
    }
    const bool taken =
        pool_.use(*model, [dialect, exchange, then = std::move(then)](Result<ModelLease> lease) {
          if (!lease.ok())
            exchange->respond(error_answer(dialect, {ApiError::Kind::kUnavailable, lease.error().message()}));
          else if (!exchange->closed())
            then(lease.take());
        });
    if (taken) return;
    HttpResponse response = error_answer(
        dialect,
        {ApiError::Kind::kUnavailable, "too many requests wait for models; try again in 10 seconds"});
    response.headers.set("Retry-After", "10");
    exchange->respond(std::move(response));
  }
  ApiError no_model(const std::string& name) const {
    std::string have;
    for (const ModelCard& card : pool_.cards()) have += (have.empty() ? "" : ", ") + card.id;
    return {ApiError::Kind::kNotFound,
            fmt::format("there is no model {}; this server has {}", printable(name), have)};
  }

  // Bodies of some size are read beside the event loop, which everybody needs.
  void read_body(HttpRequest http, std::function<void(HttpRequest)> then) {
    constexpr size_t kSmall = 32 << 10;
    if (http.body.size() <= kSmall) return then(std::move(http));
    readers_.later([http = std::make_shared<HttpRequest>(std::move(http)), then = std::move(then)] {
      then(std::move(*http));
    });
  }

  void generate(Dialect dialect, HttpRequest head, std::shared_ptr<HttpExchange> exchange) {
    auto note = std::make_shared<RequestNote>();
    exchange->set_note(note);
    read_body(std::move(head), [this, dialect, note = std::move(note),
                                exchange = std::move(exchange)](const HttpRequest& http) {
      auto request = read_request(dialect, std::string_view(http.body));
      if (!request.ok()) {
        exchange->respond(error_answer(dialect, api_error(request.error())));
        return;
      }
      if (!request->ping_seconds) request->ping_seconds = options_.ping_seconds;
      const std::string client = http.key_id.empty() ? http.peer : http.key_id;
      const std::string name = request->model;
      with_model(name, dialect, exchange,
                 [request = std::make_shared<GenerationRequest>(request.take()), unique = unique(), client,
                  note, exchange](ModelLease model) {
                   Answering::begin(std::move(model), std::move(*request), unique, client, exchange, note);
                 });
    });
  }

  // Answers of small endpoints: a function from JSON to a body, run on the worker since it may tokenize.
  using Small = std::function<Result<std::string>(ModelService& service, const Json& body)>;
  HttpFunction small(Dialect dialect, Small function) {
    return [this, dialect, function = std::move(function)](HttpRequest head,
                                                           std::shared_ptr<HttpExchange> exchange) {
      read_body(std::move(head), [this, dialect, function,
                                  exchange = std::move(exchange)](const HttpRequest& http) {
        auto json = read_json(http.body, "the body");
        if (!json.ok()) {
          exchange->respond(error_answer(dialect, api_error(json.error())));
          return;
        }
        const std::string name = model_in(*json);
        with_model(
            name, dialect, exchange,
            [dialect, function, exchange, json = std::make_shared<Json>(json.take())](ModelLease model) {
              ModelService& service = *model;
              service.later([dialect, function, exchange, json, model = std::move(model)] {
                auto answer = function(*model, *json);
                exchange->respond(answer.ok() ? json_answer(answer.take())
                                              : error_answer(dialect, api_error(answer.error())));
              });
            });
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
  // What a loaded model says of itself; the query may name it. It is not loaded for that: `asleep` is said
  // then.
  HttpFunction about(std::function<std::string(ModelService& service, const ModelCard& card)> function,
                     std::string asleep) {
    return [this, function = std::move(function), asleep = std::move(asleep)](
               HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
      const std::string name = query(http, "model");
      const std::optional<size_t> model = pool_.find(name);
      if (!model) return (void)exchange->respond(error_answer(Dialect::kChat, no_model(name)));
      const ModelLease lease = peek(*model, name);
      if (lease == nullptr) return (void)exchange->respond(pool_.ready() ? json_answer(asleep) : loading());
      exchange->respond(json_answer(function(*lease, lease->card())));
    };
  }
  // With no name, any that is loaded.
  ModelLease peek(size_t model, const std::string& name) const {
    ModelLease lease = pool_.peek(model);
    for (size_t i = 0; lease == nullptr && name.empty() && i < pool_.size(); ++i) lease = pool_.peek(i);
    return lease;
  }
  static HttpResponse loading() {
    HttpResponse response = error_answer(Dialect::kChat, {ApiError::Kind::kUnavailable, "Loading model"});
    response.headers.set("Retry-After", "2");
    return response;
  }
  HttpFunction health(bool must_have_room) {
    return [this, must_have_room](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
      if (!pool_.ready()) return (void)exchange->respond(loading());
      if (const ModelLease model = must_have_room ? pool_.peek(0) : nullptr;
          model && model->scheduler().full())
        return (void)exchange->respond(
            error_answer(Dialect::kChat, {ApiError::Kind::kUnavailable, "the queue is full"}));
      exchange->respond(json_answer(R"({"status":"ok"})"));
    };
  }

  void slot(HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
    const std::string action = query(http, "action");
    if (options_.slot_save_path.empty() && action != "erase") {
      exchange->respond(error_answer(Dialect::kChat, {ApiError::Kind::kNotSupported,
                                                      "the server was started without --slot-save-path"}));
      return;
    }
    const std::string name = query(http, "model"), id = http.path_values["id"];
    const bool number = !id.empty() && id.size() < 6 && id.find_first_not_of("0123456789") == id.npos;
    const size_t slot = number ? std::stoul(id) : SIZE_MAX;
    with_model(
        name, Dialect::kChat, exchange,
        [this, slot, action, body = http.body, exchange](const ModelLease& model) {
          slot_action(
              model, options_.slot_save_path, slot, action, body, [exchange](Result<std::string> answer) {
                exchange->respond(answer.ok() ? json_answer(answer.take())
                                              : error_answer(Dialect::kChat, api_error(answer.error())));
              });
        });
  }

  void show(HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
    auto name = [&]() -> Result<std::string> {
      const Json json = GANNET_TRY(read_json(http.body, "the body"));
      return read_ollama_show(json);
    }();
    if (!name.ok())
      return (void)exchange->respond(error_answer(Dialect::kOllamaChat, api_error(name.error())));
    const std::optional<size_t> model = pool_.find(*name);
    exchange->respond(model ? json_answer(write_ollama_show(pool_.card(*model)))
                            : error_answer(Dialect::kOllamaChat, no_model(*name)));
  }
  void model(HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
    const std::string& name = http.path_values["name"];
    const std::optional<size_t> model = pool_.find(name);
    const ModelCard card = pool_.card(model.value_or(0));
    const bool there =
        model && (name == card.id || std::ranges::find(card.aliases, name) != card.aliases.end());
    exchange->respond(there ? json_answer(write_model(card)) : error_answer(Dialect::kChat, no_model(name)));
  }
  // POST /models/load and /models/unload, as llama.cpp's router has them.
  void set_loaded(bool wanted, HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
    auto json = read_json(http.body, "the body");
    if (!json.ok()) return (void)exchange->respond(error_answer(Dialect::kChat, api_error(json.error())));
    const auto done = [exchange](const ModelLease&) {
      exchange->respond(json_answer(R"({"success":true})"));
    };
    if (wanted) return with_model(model_in(*json), Dialect::kChat, exchange, done);
    const std::optional<size_t> model = pool_.find(model_in(*json));
    if (!model) return (void)exchange->respond(error_answer(Dialect::kChat, no_model(model_in(*json))));
    pool_.unload(*model);
    done(nullptr);
  }

  static Result<std::string> tokenize(ModelService& service, const Json& body) {
    const TokenizeRequest r = GANNET_TRY(read_tokenize(body));
    const Tokenizer& tokenizer = service.tokenizer();
    const auto ids = GANNET_TRY(
        tokenizer.encode(r.content, {.add_special = r.add_special, .parse_special = r.parse_special}));
    std::vector<TokenPiece> pieces;
    for (const TokenId id : ids) pieces.push_back({id, std::string(tokenizer.output_piece(id, true))});
    return write_tokenize(pieces, r.with_pieces);
  }
  static Result<std::string> detokenize(ModelService& service, const Json& body) {
    const auto ids = GANNET_TRY(read_detokenize(body));
    for (const TokenId id : ids)
      if (id >= service.tokenizer().vocabulary().size())
        return Error(ErrorCode::kUsage, fmt::format("tokens: {} is outside the vocabulary", id));
    return write_detokenize(GANNET_TRY(service.tokenizer().decode(ids, {.show_special = true})));
  }
  static Result<std::string> apply_template(ModelService& service, const Json& body) {
    const ChatInput input = GANNET_TRY(read_apply_template(body));
    return write_apply_template(GANNET_TRY(service.maker().prompt_text(input)).text.text);
  }
  static Result<std::string> count(Dialect dialect, ModelService& service, const Json& body) {
    const GenerationRequest request = GANNET_TRY(read_request_json(dialect, body));
    const auto tokens = GANNET_TRY(service.maker().prompt_tokens(request));
    return write_token_count(dialect, std::ssize(tokens));
  }

 private:
  // Of this request alone; the client's id cannot be trusted to be so.
  std::string unique() { return fmt::format("{:x}n{:x}", began_, ++n_requests_); }

  ModelPool& pool_;
  const RoutesOptions options_;
  WorkQueue readers_;
  const int64_t began_ = std::chrono::system_clock::now().time_since_epoch().count();
  std::atomic<uint64_t> n_requests_ = 0;
};

}  // namespace

std::shared_ptr<Router> make_routes(ModelPool& pool, RoutesOptions options) {
  options.router.error = [](const HttpError& error, const HttpRequest& request) {
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
  auto router = std::make_shared<Router>(std::move(options.router));
  const std::string version = options.version;
  struct {
    bool metrics, props, slots, page;
  } const shows{options.metrics, options.props, options.slots, options.page};
  auto routes = std::make_shared<Routes>(pool, std::move(options));

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

  const auto own = [routes](auto member) {
    return [routes, member](HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
      ((*routes).*member)(std::move(http), std::move(exchange));
    };
  };
  const auto count = [&](Dialect dialect) {
    return routes->small(dialect,
                         [dialect](ModelService& s, const Json& b) { return Routes::count(dialect, s, b); });
  };
  router->add("POST", "/tokenize", routes->small(Dialect::kNative, Routes::tokenize));
  router->add("POST", "/detokenize", routes->small(Dialect::kNative, Routes::detokenize));
  router->add("POST", "/apply-template", routes->small(Dialect::kChat, Routes::apply_template));
  router->add("POST", "/v1/messages/count_tokens", count(Dialect::kMessages));
  router->add("POST", "/v1/responses/input_tokens", count(Dialect::kResponses));
  router->add("POST", "/v1/chat/completions/input_tokens", count(Dialect::kChat));

  for (const char* path : {"/v1/models", "/models"})
    router->add("GET", path, Routes::plain([&pool] { return write_models(pool.cards()); }));
  router->add("GET", "/v1/models/{name*}", own(&Routes::model));
  for (const bool wanted : {true, false})
    router->add("POST", wanted ? "/models/load" : "/models/unload",
                [routes, wanted](HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
                  routes->set_loaded(wanted, std::move(http), std::move(exchange));
                });
  router->add("GET", "/api/tags", Routes::plain([&pool] { return write_ollama_tags(pool.cards()); }));
  router->add("GET", "/api/ps", Routes::plain([&pool] { return write_ollama_ps(pool.cards()); }));
  router->add("POST", "/api/show", own(&Routes::show));
  router->add("GET", "/api/version", Routes::plain([] { return write_ollama_version("0.12.0"); }));

  const auto unless_off = [](bool on, const char* flag, HttpFunction function) -> HttpFunction {
    if (on) return function;
    return [flag](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
      exchange->respond(error_answer(Dialect::kChat, {ApiError::Kind::kNotSupported,
                                                      fmt::format("the server was started with {}", flag)}));
    };
  };
  router->add(
      "GET", "/props",
      unless_off(shows.props, "--no-props",
                 routes->about([version](ModelService& s,
                                         const ModelCard& card) { return write_props(s, card, version); },
                               write_props_asleep(version))));
  router->add(
      "GET", "/slots",
      unless_off(shows.slots, "--no-slots",
                 routes->about([](ModelService& s, const ModelCard&) { return write_slots(s); }, "[]")));
  router->add("POST", "/slots/{id}", unless_off(shows.slots, "--no-slots", own(&Routes::slot)));
  router->add(
      "GET", "/metrics",
      unless_off(shows.metrics, "--no-metrics",
                 Routes::plain([&pool] { return write_metrics(pool); }, "text/plain; version=0.0.4")));
  for (const char* path : {"/health", "/v1/health"})
    router->add("GET", path, routes->health(false), {.is_public = true});
  router->add("GET", "/ready", routes->health(true), {.is_public = true});
  if (shows.page) add_page(*router);
  return router;
}

}  // namespace gannet
