#include "cli/serve_flags.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/input_text.h"
#include "serve/answering.h"

namespace gannet {
namespace {

constexpr const char* kHttp = "Connections";
constexpr const char* kShown = "What the server shows";
constexpr const char* kLog = "Log";
constexpr const char* kAccepted = "Accepted for scripts of other servers, without effect";

Options where_and_who(ServeFlags& f) {
  return {
      {.names = "--host",
       .value = "HOST",
       .help = "Where to listen: names, addresses and UNIX sockets (ending in .sock), with commas between",
       .target = &f.host,
       .environment = "HOST"},
      {.names = "--port",
       .value = "N",
       .help = "TCP port; 0: any free one",
       .target = &f.port,
       .at_least = 0,
       .at_most = 65535,
       .environment = "PORT"},
      {.names = "--unix-socket",
       .value = "PATH",
       .help = "Listen at this socket instead",
       .target = &f.unix_path},
      {.names = "--api-key",
       .value = "KEY",
       .help = "Clients must show this key; may be repeated",
       .target = &f.api_keys,
       .environment = "API_KEY"},
      {.names = "--api-key-file",
       .value = "FILE",
       .help = "Keys from a file, one per line",
       .target = &f.api_key_file,
       .environment = "API_KEY_FILE"},
      {.names = "--drain-seconds",
       .value = "N",
       .help = "After SIGTERM or Ctrl-C answers have so long to end",
       .target = &f.drain,
       .at_least = 0,
       .at_most = 3600},
      {.names = "--slot-save-path",
       .value = "DIR",
       .help = "Where POST /slots/ID?action=save writes",
       .target = &f.slot_save_path,
       .environment = "SLOT_SAVE_PATH"},
  };
}

Options connections(ServeFlags& f) {
  return {
      {.names = "--api-prefix",
       .value = "PATH",
       .help = "Stands in front of all paths",
       .target = &f.prefix,
       .environment = "API_PREFIX",
       .group = kHttp},
      {.names = "--cors-origins",
       .value = "ORIGIN",
       .help = "Web pages of this origin may use the server; may be repeated; *: all",
       .target = &f.origins,
       .environment = "CORS_ORIGINS",
       .group = kHttp},
      {.names = "--allowed-hosts",
       .value = "NAME",
       .help = "Names by which a server on this machine may be asked; may be repeated; *: all",
       .target = &f.hosts,
       .group = kHttp},
      {.names = "--ssl-cert-file",
       .value = "FILE",
       .help = "Certificate (PEM): TLS instead of plain HTTP",
       .target = &f.certificate,
       .environment = "SSL_CERT_FILE",
       .group = kHttp},
      {.names = "--ssl-key-file",
       .value = "FILE",
       .help = "Its key (PEM)",
       .target = &f.key,
       .environment = "SSL_KEY_FILE",
       .group = kHttp},
      {.names = "-to,--timeout",
       .value = "N",
       .help = "Seconds that a client may take nothing of its answer, or ask for nothing on a connection",
       .target = &f.timeout,
       .at_least = 1,
       .at_most = 86400,
       .environment = "TIMEOUT",
       .group = kHttp},
      {.names = "--sse-ping-interval",
       .value = "N",
       .help = "Seconds between signs of life in streams that have nothing to say yet; -1: none",
       .target = &f.ping_seconds,
       .at_least = -1,
       .at_most = 86400,
       .environment = "SSE_PING_INTERVAL",
       .group = kHttp},
      {.names = "--reuse-port",
       .help =
           "Other processes of the same user may listen at the same port; the system shares connections out",
       .target = &f.reuse_port,
       .environment = "REUSE_PORT",
       .group = kHttp},
  };
}

Options shown(ServeFlags& f) {
  return {
      {.names = "--metrics",
       .help = "GET /metrics, for Prometheus",
       .target = &f.metrics,
       .environment = "ENDPOINT_METRICS",
       .group = kShown},
      {.names = "--props",
       .help = "GET /props; nothing can be changed there",
       .target = &f.props,
       .environment = "ENDPOINT_PROPS",
       .group = kShown},
      {.names = "--slots",
       .help = "/slots: what each answer is doing, save and restore",
       .target = &f.slots,
       .environment = "ENDPOINT_SLOTS",
       .group = kShown},
      {.names = "--ui",
       .help = "The chat page at /",
       .target = &f.page,
       .environment = "UI,WEBUI",
       .group = kShown},
      {.names = "--no-webui", .help = "The same as --no-ui", .target = &f.no_page, .group = kShown},
  };
}

Options log(ServeFlags& f) {
  return {
      {.names = "--log-requests",
       .help = "A line on stderr for each request that is over, without its texts; so do -v and the next two",
       .target = &f.log_requests,
       .environment = "LOG_REQUESTS",
       .group = kLog},
      {.names = "--log-file",
       .value = "FILE",
       .help = "Add the lines to this file instead; SIGHUP begins it anew once it was moved away",
       .target = &f.log_file,
       .environment = "LOG_FILE",
       .group = kLog},
      {.names = "--log-jsonl",
       .help = "Lines of JSON instead of key=value",
       .target = &f.log_json,
       .environment = "LOG_JSONL",
       .group = kLog},
      {.names = "--log-timestamps",
       .help = "Times in lines of key=value; --no-log-timestamps: the journal has them",
       .target = &f.log_times,
       .environment = "LOG_TIMESTAMPS",
       .group = kLog},
      {.names = "-lv,--verbosity,--log-verbosity",
       .value = "N",
       .help = "4 and more: the same as --log-requests (default: 3)",
       .target = &f.verbosity,
       .at_least = 0,
       .environment = "LOG_VERBOSITY",
       .group = kLog},
  };
}

Options accepted(ServeFlags& f) {
  return {
      {.names = "--threads-http",
       .value = "N",
       .help = "One thread serves all connections",
       .target = &f.threads_http,
       .environment = "THREADS_HTTP",
       .shown_default = "1",
       .group = kAccepted},
      {.names = "-cb,--cont-batching",
       .help = "Answers always share steps; -np 1 makes them wait for each other",
       .target = &f.batching,
       .environment = "CONT_BATCHING",
       .group = kAccepted},
      {.names = "-kvu,--kv-unified",
       .help = "All answers always share the memory of --cache-ram",
       .target = &f.kv_unified,
       .environment = "KV_UNIFIED",
       .group = kAccepted},
      {.names = "--cache-reuse",
       .value = "N",
       .help = "Only prefixes can be taken up: the models have states that depend on all that was before",
       .target = &f.cache_reuse,
       .at_least = 0,
       .environment = "CACHE_REUSE",
       .group = kAccepted},
      {.names = "-sps,--slot-prompt-similarity",
       .value = "N",
       .help = "What was read belongs to no slot: any answer takes up the longest prefix there is",
       .target = &f.slot_similarity,
       .shown_default = "none",
       .group = kAccepted},
      {.names = "--log-colors",
       .value = "on|off|auto",
       .help = "Lines have no colours",
       .target = &f.log_colors,
       .choices = {"on", "off", "auto"},
       .environment = "LOG_COLORS",
       .group = kAccepted},
      {.names = "--log-prefix",
       .help = "Lines have no prefix but the time",
       .target = &f.log_prefix,
       .environment = "LOG_PREFIX",
       .group = kAccepted},
  };
}

}  // namespace

void add_serve_options(Options& options, ServeFlags& f) {
  for (const Options& some : {where_and_who(f), connections(f), shown(f), log(f), accepted(f)})
    options.insert(options.end(), some.begin(), some.end());
}

std::vector<std::string> serve_notes(const ServeFlags& f) {
  std::vector<std::string> notes;
  if (f.threads_http > 1)
    notes.push_back(
        fmt::format("--threads-http {}: not needed, one thread serves all connections", f.threads_http));
  if (f.cache_reuse > 0)
    notes.push_back(
        fmt::format("--cache-reuse {}: only prefixes can be taken up from what was read", f.cache_reuse));
  if (!f.batching) notes.emplace_back("--no-cont-batching: answers share steps all the same; see -np");
  return notes;
}

Result<HttpOptions> http_options(const ServeFlags& f) {
  if (f.certificate.empty() != f.key.empty())
    return Error(ErrorCode::kUsage, "--ssl-cert-file and --ssl-key-file are needed together");
  HttpOptions http;
  http.listen.clear();
  const auto port = static_cast<uint16_t>(f.port);
  if (!f.unix_path.empty()) {
    http.listen.push_back({.unix_path = f.unix_path});
  } else {
    for (const std::string& host : parts(f.host)) {
      if (host.empty())
        return Error(ErrorCode::kUsage,
                     fmt::format("--host {}: there is nothing beside a comma", printable(f.host)));
      if (host.ends_with(".sock"))
        http.listen.push_back({.unix_path = host});
      else
        http.listen.push_back({.host = host, .port = port, .reuse_port = f.reuse_port});
    }
  }
  http.tls_certificate = f.certificate;
  http.tls_key = f.key;
  http.stall_time = http.idle_time = std::chrono::seconds(f.timeout);
  return http;
}

Result<AccessOptions> access_options(const ServeFlags& f) {
  AccessOptions access;
  std::vector<std::string> keys = f.api_keys;
  if (!f.api_key_file.empty()) {
    auto text = read_text(f.api_key_file);
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
  access.origins = f.origins;
  access.hosts = f.hosts;
  access.exposed += fmt::format(", {}", kCachedTokensHeader);
  return access;
}

RoutesOptions routes_options(const ServeFlags& f, const AccessOptions& access) {
  RoutesOptions routes;
  routes.router.prefix = f.prefix;
  routes.router.access = AccessPolicy(access);
  routes.version = GANNET_VERSION;
  routes.slot_save_path = f.slot_save_path;
  routes.ping_seconds = f.ping_seconds;
  routes.metrics = f.metrics;
  routes.props = f.props;
  routes.slots = f.slots;
  routes.page = f.page && !f.no_page;
  return routes;
}

std::optional<RequestLogOptions> log_options(const ServeFlags& f, bool verbose) {
  if (!f.log_requests && !f.log_json && f.log_file.empty() && !verbose && f.verbosity.value_or(3) < 4)
    return std::nullopt;
  return RequestLogOptions{.file = f.log_file, .json = f.log_json, .timestamps = f.log_times};
}

}  // namespace gannet
