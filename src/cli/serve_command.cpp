// `gannet serve`: a model behind HTTP, in the APIs that clients know.
#include <csignal>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/command.h"
#include "cli/decoding.h"
#include "cli/input_text.h"
#include "cli/model_options.h"
#include "cli/say.h"
#include "cli/speculation_options.h"
#include "cli/template_flags.h"
#include "engine/vocabulary_from_gguf.h"
#include "http/server.h"
#include "serve/routes.h"

namespace gannet {
namespace {

struct ServeOptions {
  ModelOptions model;
  SpeculationFlags speculation;
  std::string host = "127.0.0.1", alias, prefix, unix_path, certificate, key;
  int port = 8080, n_parallel = 4, most_waiting = 64, drain = 30;
  std::vector<std::string> api_keys, origins, hosts;
  std::string api_key_file;
  std::string chat_template, template_file;
};

// The server that signals stop.
std::atomic<HttpServer*> g_server = nullptr;
std::atomic<int> g_drain_seconds = 30;
std::atomic<int> g_signals = 0;

void on_signal(int number) {
  HttpServer* server = g_server;
  if (g_signals++ > 0 || server == nullptr) {
    std::signal(number, SIG_DFL);
    std::raise(number);
    return;
  }
  server->stop(std::chrono::seconds(g_drain_seconds.load()));
}

Result<AccessOptions> access_options(const ServeOptions& o) {
  AccessOptions access;
  std::vector<std::string> keys = o.api_keys;
  if (!o.api_key_file.empty()) {
    auto text = read_text(o.api_key_file);
    if (!text.ok()) return text.take_error().with_context("--api-key-file");
    for (size_t at = 0; at < text->size();) {
      const size_t end = std::min(text->find('\n', at), text->size());
      std::string line = text->substr(at, end - at);
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      if (!line.empty() && line.front() != '#') keys.push_back(std::move(line));
      at = end + 1;
    }
    if (keys.empty()) return Error(ErrorCode::kUsage, "--api-key-file: there is no key in it");
  }
  for (const std::string& key : keys)
    if (auto added = access.keys.add(key); !added.ok()) return added.take_error().with_context("--api-key");
  access.origins = o.origins;
  access.hosts = o.hosts;
  return access;
}

std::string model_name(const ServeOptions& o, const Model& model) {
  if (!o.alias.empty()) return o.alias;
  if (!o.model.model.empty()) return std::filesystem::path(o.model.model).filename().string();
  const std::string& name = model.hyperparameters().name;
  return name.empty() ? "pocket" : name;
}

using Adjust = std::function<Result<void>(ModelServiceOptions&)>;

Result<void> run_serve(const ServeOptions& o, const Adjust& adjust) {
  const AccessOptions access = GANNET_TRY(access_options(o));
  if (o.certificate.empty() != o.key.empty())
    return Error(ErrorCode::kUsage, "--ssl-cert-file and --ssl-key-file are needed together");
  auto model = GANNET_TRY(load_model(o.model));
  const Tokenizer tokenizer = GANNET_TRY(tokenizer_from_gguf(model->file()));
  const Decoding decoding =
      GANNET_TRY(make_decoding(model, o.model, o.speculation, tokenizer.vocabulary(), o.n_parallel));
  decoding.session->plan_ahead(decoding.session->options().n_ubatch, decoding.session->options().mtp);

  ModelServiceOptions options;
  options.name = model_name(o, *model);
  options.chat_template =
      GANNET_TRY(text_or_file(o.chat_template, o.template_file, "--chat-template", "--chat-template-file"));
  options.warn = [](const std::string& warning) { say("a request: {}", printable(warning, 300)); };
  options.scheduler.n_streams = o.n_parallel;
  options.scheduler.most_waiting = static_cast<size_t>(o.most_waiting);
  if (adjust) GANNET_TRY(adjust(options));
  const std::unique_ptr<ModelService> service =
      GANNET_TRY(ModelService::create(*decoding.session, *decoding.decoder, tokenizer, std::move(options)));

  RouterOptions routes;
  routes.prefix = o.prefix;
  routes.access = AccessPolicy(access);
  HttpOptions http;
  http.listen.clear();
  if (o.unix_path.empty())
    http.listen.push_back({.host = o.host, .port = static_cast<uint16_t>(o.port)});
  else
    http.listen.push_back({.unix_path = o.unix_path});
  http.tls_certificate = o.certificate;
  http.tls_key = o.key;
  http.warn = [](const std::string& text) { say("{}", printable(text)); };
  const std::unique_ptr<HttpServer> server = GANNET_TRY(
      HttpServer::create(std::move(http), make_routes(*service, std::move(routes), GANNET_VERSION)));
  // Before it is said that the server is there: whoever hears that may stop it.
  g_drain_seconds = o.drain;
  g_server = server.get();
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
  for (const HttpAddress& address : server->addresses()) {
    say("{} is served at {}", printable(service->name(), 100), address.url);
    if (!address.loopback && access.keys.empty())
      say("anybody who reaches {} can use it; --api-key KEY asks for a key", address.url);
  }
  server->run();
  g_server = nullptr;
  decoding.keep_profile(o.model.verbose);
  return {};
}

}  // namespace

Command serve_command(Adjust adjust) {
  auto o = std::make_shared<ServeOptions>();
  Command command{.name = "serve",
                  .summary = "Answer clients over HTTP, in the APIs of OpenAI, Anthropic and Ollama"};
  command.options = {
      {.names = "--host",
       .value = "HOST",
       .help = "Where to listen",
       .target = &o->host,
       .environment = "HOST"},
      {.names = "--port",
       .value = "N",
       .help = "TCP port; 0: any free one",
       .target = &o->port,
       .at_least = 0,
       .at_most = 65535,
       .environment = "PORT"},
      {.names = "--unix-socket",
       .value = "PATH",
       .help = "Listen at this socket instead",
       .target = &o->unix_path},
      {.names = "-np,--parallel",
       .value = "N",
       .help = "Answers at once; more requests wait",
       .target = &o->n_parallel,
       .at_least = 1,
       .at_most = 64,
       .environment = "N_PARALLEL"},
      {.names = "--queue",
       .value = "N",
       .help = "Requests that may wait; more are told to come back (429)",
       .target = &o->most_waiting,
       .at_least = 0,
       .at_most = 100000},
      {.names = "-a,--alias",
       .value = "NAME",
       .help = "Name of the model for clients",
       .target = &o->alias,
       .environment = "ALIAS"},
      {.names = "--api-key",
       .value = "KEY",
       .help = "Clients must show this key; may be repeated",
       .target = &o->api_keys,
       .environment = "API_KEY"},
      {.names = "--api-key-file",
       .value = "FILE",
       .help = "Keys from a file, one per line",
       .target = &o->api_key_file},
      {.names = "--api-prefix",
       .value = "PATH",
       .help = "Stands in front of all paths",
       .target = &o->prefix,
       .environment = "API_PREFIX"},
      {.names = "--cors-origins",
       .value = "ORIGIN",
       .help = "Web pages of this origin may use the server; may be repeated; *: all",
       .target = &o->origins},
      {.names = "--allowed-hosts",
       .value = "NAME",
       .help = "Names by which a server on this machine may be asked; may be repeated; *: all",
       .target = &o->hosts},
      {.names = "--ssl-cert-file",
       .value = "FILE",
       .help = "Certificate (PEM): TLS instead of plain HTTP",
       .target = &o->certificate,
       .environment = "SSL_CERT_FILE"},
      {.names = "--ssl-key-file",
       .value = "FILE",
       .help = "Its key (PEM)",
       .target = &o->key,
       .environment = "SSL_KEY_FILE"},
      {.names = "--drain-seconds",
       .value = "N",
       .help = "After SIGTERM or Ctrl-C answers have so long to end",
       .target = &o->drain,
       .at_least = 0,
       .at_most = 3600},
      {.names = "--chat-template",
       .value = "TEMPLATE",
       .help = "Jinja template for messages, instead of the model's own; or chatml",
       .target = &o->chat_template,
       .environment = "CHAT_TEMPLATE"},
      {.names = "--chat-template-file",
       .value = "FILE",
       .help = "The same from a file",
       .target = &o->template_file,
       .environment = "CHAT_TEMPLATE_FILE"},
  };
  add_model_option(command.options, o->model);
  add_session_options(command.options, o->model);
  add_speculation_options(command.options, o->speculation);
  command.action = [o, adjust = std::move(adjust)] { return run_serve(*o, adjust); };
  return command;
}

}  // namespace gannet
