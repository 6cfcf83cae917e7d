// Flags of `gannet serve` about the server itself: where it listens, who may use it, what it shows, its log.
// Those about models are in served_model.h and model_list.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "http/server.h"
#include "serve/request_log.h"
#include "serve/routes.h"

namespace gannet {

struct ServeFlags {
  std::string host = "127.0.0.1", prefix, unix_path, certificate, key, slot_save_path;
  int port = 8080, drain = 30, timeout = 60, ping_seconds = 10;
  bool reuse_port = false;
  std::vector<std::string> api_keys, origins, hosts;
  std::string api_key_file;

  bool metrics = true, props = true, slots = true, page = true, no_page = false;

  bool log_requests = false, log_json = false, log_times = true;
  std::string log_file, log_colors = "off";
  std::optional<int> verbosity;

  // Accepted; see the help of each.
  int threads_http = 0, cache_reuse = 0;
  double slot_similarity = 0;
  bool batching = true, kv_unified = true, log_prefix = false;
};

void add_serve_options(Options& options, ServeFlags& flags);

// What has no effect although it was asked for, for the user.
std::vector<std::string> serve_notes(const ServeFlags& flags);

// All of HttpOptions but its functions. Errors: kUsage naming the flag.
Result<HttpOptions> http_options(const ServeFlags& flags);
// Errors: kUsage naming the flag; those of reading the file of keys.
Result<AccessOptions> access_options(const ServeFlags& flags);
RoutesOptions routes_options(const ServeFlags& flags, const AccessOptions& access);
// Nothing: requests are not logged. `verbose`: -v was given.
std::optional<RequestLogOptions> log_options(const ServeFlags& flags, bool verbose);

}  // namespace gannet
