// `gannet serve`: a model behind HTTP, in the APIs that clients know.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/command.h"
#include "cli/input_text.h"
#include "cli/model_list.h"
#include "cli/say.h"
#include "http/server.h"
#include "serve/routes.h"

namespace gannet {
namespace {

struct ServeOptions {
  ServedModelFlags model;
  ModelListFlags list;
  std::string host = "127.0.0.1", prefix, unix_path, certificate, key, slot_save_path;
  int port = 8080, drain = 30;
  std::vector<std::string> api_keys, origins, hosts;
  std::string api_key_file;
};

// The server that signals stop.
std::atomic<HttpServer*> g_server = nullptr;
std::atomic<int> g_drain_seconds = 30;
std::atomic<int> g_signals = 0;
std::atomic<std::chrono::steady_clock::rep> g_stopped_at = 0;  // the first signal

void on_signal(int number) {
  HttpServer* server = g_server;
  if (g_signals++ > 0 || server == nullptr) {
    std::signal(number, SIG_DFL);
    std::raise(number);
    return;
  }
  g_stopped_at = std::chrono::steady_clock::now().time_since_epoch().count();
  server->stop(std::chrono::seconds(g_drain_seconds.load()));
}

// Nobody is answered any more. What is written gets the rest of the time to end; a step or a model that is
// still under way when it is over is for nobody, and files are whole whenever they are left.
void exit_in_time() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::time_point(Clock::duration(g_stopped_at.load())) +
                                std::chrono::seconds(g_drain_seconds.load()) + std::chrono::milliseconds(800);
  std::thread([end] {
    std::this_thread::sleep_until(end);
    std::_Exit(0);
  }).detach();
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

Result<void> run_serve(const ServeOptions& o, const AdjustService& adjust) {
  const AccessOptions access = GANNET_TRY(access_options(o));
  if (o.certificate.empty() != o.key.empty())
    return Error(ErrorCode::kUsage, "--ssl-cert-file and --ssl-key-file are needed together");
  std::error_code problem;
  if (!o.slot_save_path.empty() && !std::filesystem::is_directory(o.slot_save_path, problem))
    return Error(ErrorCode::kUsage,
                 fmt::format("--slot-save-path: {} is no folder", printable(o.slot_save_path)));
  std::vector<ServedModel> models = GANNET_TRY(served_models(o.model, o.list, adjust));
  const std::string first = models.front().card.id;
  const bool several = models.size() > 1;
  ModelPool pool(std::move(models), pool_options(o.list));

  RoutesOptions routes;
  routes.router.prefix = o.prefix;
  routes.router.access = AccessPolicy(access);
  routes.version = GANNET_VERSION;
  routes.slot_save_path = o.slot_save_path;
  HttpOptions http;
  http.listen.clear();
  if (o.unix_path.empty())
    http.listen.push_back({.host = o.host, .port = static_cast<uint16_t>(o.port)});
  else
    http.listen.push_back({.unix_path = o.unix_path});
  http.tls_certificate = o.certificate;
  http.tls_key = o.key;
  http.warn = [](const std::string& text) { say("{}", printable(text)); };
  const std::unique_ptr<HttpServer> server =
      GANNET_TRY(HttpServer::create(std::move(http), make_routes(pool, std::move(routes))));
  std::optional<Error> failed;
  if (o.list.folder.empty() || !o.model.model.model.empty())
    pool.preload([&](const Result<void>& loaded) {
      if (loaded.ok() || loaded.error().code() == ErrorCode::kInterrupted) return;
      failed = loaded.error();
      server->stop(std::chrono::seconds(0));
    });
  for (const HttpAddress& address : server->addresses()) {
    say("{} is served at {}",
        several ? fmt::format("a choice of {} models", pool.size()) : printable(first, 100), address.url);
    if (!address.loopback && access.keys.empty())
      say("anybody who reaches {} can use it; --api-key KEY asks for a key", address.url);
  }
  g_drain_seconds = o.drain;
  g_server = server.get();
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
  server->run();
  g_server = nullptr;
  if (g_signals > 0 && !failed) exit_in_time();
  if (failed) return *std::move(failed);
  return {};
}

}  // namespace

Command serve_command(AdjustService adjust) {
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
      {.names = "-sps,--slot-save-path",
       .value = "DIR",
       .help = "Where POST /slots/ID?action=save writes",
       .target = &o->slot_save_path,
       .environment = "SLOT_SAVE_PATH"},
  };
  add_served_model_options(command.options, o->model);
  add_model_list_options(command.options, o->list);
  command.action = [o, adjust = std::move(adjust)] { return run_serve(*o, adjust); };
  return command;
}

}  // namespace gannet
