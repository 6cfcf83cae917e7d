// `gannet serve`: models behind HTTP, in the APIs that clients know.
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
#include "cli/model_list.h"
#include "cli/say.h"
#include "cli/serve_flags.h"
#include "serve/service_manager.h"

namespace gannet {
namespace {

struct ServeOptions {
  ServedModelFlags model;
  ModelListFlags list;
  ServeFlags server;
};

// What signals act on. Set while the server runs.
std::atomic<HttpServer*> g_server = nullptr;
std::atomic<const ServiceManager*> g_manager = nullptr;
std::atomic<RequestLog*> g_log = nullptr;
std::atomic<int> g_drain_seconds = 30;
std::atomic<int> g_signals = 0;
std::atomic<std::chrono::steady_clock::rep> g_stopped_at = 0;  // the first signal

void on_stop(int number) {
  HttpServer* server = g_server;
  if (g_signals++ > 0 || server == nullptr) {
    std::signal(number, SIG_DFL);
    std::raise(number);
    return;
  }
  if (const ServiceManager* manager = g_manager) manager->stopping();
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

void on_hangup(int /*number*/) {
  if (RequestLog* log = g_log) log->reopen();
}

// Whether no model's thread has shown no sign of life for so long.
bool all_step(const ModelPool& pool, std::chrono::microseconds most) {
  for (size_t i = 0; i < pool.size(); ++i)
    if (const ModelLease model = pool.peek(i); model && model->since_last_step() > most) return false;
  return true;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

Result<void> run_serve(const ServeOptions& o, const AdjustService& adjust) {
  const AccessOptions access = GANNET_TRY(access_options(o.server));
  HttpOptions http = GANNET_TRY(http_options(o.server));
  const std::unique_ptr<ServiceManager> manager = GANNET_TRY(ServiceManager::from_environment());
  std::error_code problem;
  if (!o.server.slot_save_path.empty() && !std::filesystem::is_directory(o.server.slot_save_path, problem))
    return Error(ErrorCode::kUsage,
                 fmt::format("--slot-save-path: {} is no folder", printable(o.server.slot_save_path)));
  std::vector<ServedModel> models = GANNET_TRY(served_models(o.model, o.list, adjust));
  const std::string first = models.front().card.id;
  ModelPool pool(std::move(models), pool_options(o.list));

  http.warn = [](const std::string& text) { say("{}", printable(text)); };
  std::unique_ptr<RequestLog> log;
  if (auto options = log_options(o.server, o.model.model.verbose)) {
    options->warn = http.warn;
    auto opened = RequestLog::open(*std::move(options));
    if (!opened.ok()) return opened.take_error().with_context("--log-file");
    log = opened.take();
    http.access_log = [&log](const HttpAccess& request) { log->add(request); };
  }
  const std::unique_ptr<HttpServer> server =
      GANNET_TRY(HttpServer::create(std::move(http), make_routes(pool, routes_options(o.server, access))));
  for (const std::string& note : serve_notes(o.server)) say("{}", note);
  const std::string url = server->addresses().front().url;
  std::optional<Error> failed;
  const bool preloaded = o.list.folder.empty() || !o.model.model.model.empty();
  if (preloaded)
    pool.preload([&](const Result<void>& loaded) {
      if (loaded.ok()) return manager->ready(fmt::format("{} at {}", printable(first, 100), url));
      if (loaded.error().code() == ErrorCode::kInterrupted) return;
      failed = loaded.error();
      server->stop(std::chrono::seconds(0));
    });
  // Before it is said that the server is there: whoever hears that may stop it.
  g_drain_seconds = o.server.drain;
  g_server = server.get();
  g_manager = manager.get();
  g_log = log.get();
  for (const int number : {SIGINT, SIGTERM}) handle(number, on_stop);
  if (!o.server.log_file.empty()) handle(SIGHUP, on_hangup);
  for (const HttpAddress& address : server->addresses()) {
    say("{} is served at {}",
        pool.size() > 1 ? fmt::format("a choice of {} models", pool.size()) : printable(first, 100),
        address.url);
    if (!address.loopback && access.keys.empty())
      say("anybody who reaches {} can use it; --api-key KEY asks for a key", address.url);
  }
  if (!preloaded) manager->ready(fmt::format("{} models at {}", pool.size(), url));
  manager->watch([&pool](std::chrono::microseconds most) { return all_step(pool, most); });
  server->run();
  g_server = nullptr;
  g_manager = nullptr;
  g_log = nullptr;
  manager->unwatch();
  if (g_signals > 0 && !failed) exit_in_time();
  if (failed) return *std::move(failed);
  return {};
}

}  // namespace

Command serve_command(AdjustService adjust) {
  auto o = std::make_shared<ServeOptions>();
  Command command{.name = "serve",
                  .summary = "Answer clients over HTTP, in the APIs of OpenAI, Anthropic and Ollama"};
  add_serve_options(command.options, o->server);
  add_served_model_options(command.options, o->model);
  add_model_list_options(command.options, o->list);
  command.action = [o, adjust = std::move(adjust)] { return run_serve(*o, adjust); };
  return command;
}

}  // namespace gannet
