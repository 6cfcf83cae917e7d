// An HTTP/1.1 server: sockets, limits and time. One thread runs its event loop; thousands of idle connections
// cost memory only. Malformed requests, and those of a shape that two servers could read differently, are
// refused with 400 and the connection is closed. It knows nothing of what is served; see message.h for
// handlers, router.h for routes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/exchange.h"
#include "http/message.h"

namespace gannet {

// Where to listen: a TCP address, or a UNIX socket when `unix_path` is set.
struct HttpListen {
  std::string host = "127.0.0.1";  // name or address; "::" and "0.0.0.0" for all
  uint16_t port = 8080;            // 0: any free one
  // Made with `unix_mode`. A socket that no server listens to any more is replaced; removed at the end.
  std::string unix_path = {};
  unsigned unix_mode = 0600;
  bool reuse_port = false;  // other processes of this user may listen at the same address; the system shares
};

// One answered or failed request, for the log. No bodies, no queries, no keys.
struct HttpAccess {
  std::string_view method, path, peer, id, key_id;
  int status = 0;  // 0: none was sent
  uint64_t request_bytes = 0, response_bytes = 0;
  double seconds = 0;                // from the end of the head on
  const HttpAbort* abort = nullptr;  // not delivered, or ended by the server in the handler's place
  const HttpNote* note = nullptr;    // of the handler (HttpExchange::set_note)
};

struct HttpOptions {
  std::vector<HttpListen> listen = {HttpListen{}};
  // PEM files; both or none. With them all TCP listeners speak TLS (1.2 or newer), UNIX sockets do not.
  std::string tls_certificate, tls_key;

  size_t max_connections = 4096;       // more get 503, unless one that idles can be closed for them
  size_t max_header_bytes = 32 << 10;  // request line included
  size_t max_headers = 100;
  size_t max_target_bytes = 8 << 10;
  uint64_t max_body_bytes = uint64_t{32} << 20;
  uint64_t max_all_bodies_bytes = uint64_t{512} << 20;  // of all requests at once; beyond it 503
  size_t stream_buffer_bytes = 1 << 20;                 // per stream that is read slowly

  std::chrono::milliseconds header_time{10'000};  // for TLS handshake and head, from the first byte on
  std::chrono::milliseconds body_time{30'000};    // for the body, and ...
  uint64_t body_bytes_per_second = 64 << 10;      // ... one second more for each so many bytes that came
  std::chrono::milliseconds idle_time{60'000};    // between requests
  std::chrono::milliseconds stall_time{60'000};   // a client takes nothing of its answer

  // Both are called on the event loop; `warn` also by create().
  std::function<void(const HttpAccess&)> access_log;
  std::function<void(const std::string&)>
      warn;  // trouble that belongs to no request: out of descriptors, ...
};

struct HttpAddress {
  std::string url;  // "http://127.0.0.1:8080", "https://[::1]:443", "unix:/run/gannet.sock"
  uint16_t port = 0;
  bool loopback = false;  // or a UNIX socket: not reachable from outside
};

struct HttpStatistics {
  size_t connections = 0;              // open now
  size_t exchanges = 0;                // requests being answered now
  uint64_t accepted = 0, refused = 0;  // connections
  uint64_t requests = 0, aborted = 0;
  uint64_t body_bytes = 0;  // held now
};

class HttpServer {
 public:
  // Binds and listens; nothing is accepted before run(). Raises the soft limit of open files to what the
  // options need. Errors: kNetwork with the address and the reason; kUsage for options that make no sense.
  static Result<std::unique_ptr<HttpServer>> create(HttpOptions options,
                                                    std::shared_ptr<HttpHandler> handler);
  ~HttpServer();

  const std::vector<HttpAddress>& addresses() const;

  // Serves until stop() and the end of the drain. Call once, on the thread that is to be the event loop.
  void run();
  // No new connections, idle ones are closed. Requests that have begun have `drain` to end; then streams get
  // their stop tail and a proper end, requests without an answer get 503, and run() returns within about a
  // second. A later call can only shorten the time. Thread-safe and async-signal-safe.
  void stop(std::chrono::milliseconds drain);

  // Thread-safe.
  HttpStatistics statistics() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gannet
