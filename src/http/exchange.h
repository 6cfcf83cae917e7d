// One request being answered: the end that a handler holds. Thread-safe: any thread may call any function at
// any time, and none of them waits. Callbacks run on the event loop, one at a time, without locks held; they
// must be quick.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace gannet {

struct ExchangeState;

// Why an answer was not delivered.
enum class HttpAbort : uint8_t {
  kClientGone,  // closed its connection, or its side of it, before the end of the answer
  kSlowReader,  // took nothing for HttpOptions::stall_time, or the handler wrote past the limit regardless
  kServerStopping,  // the drain deadline has passed
  kDropped,         // the handler gave the exchange up
};
const char* http_abort_text(HttpAbort reason);

enum class HttpWrite : uint8_t {
  kReady,   // taken; more is welcome
  kFull,    // taken, but the reader is slow: wait for on_writable()
  kClosed,  // not taken: nobody will read it, stop the work
};

// What a handler knows of a request, for the access log (HttpAccess::note), which gets it as it is then:
// notes that change must be safe to read meanwhile.
struct HttpNote {
  virtual ~HttpNote() = default;
};

class HttpExchange {
 public:
  explicit HttpExchange(std::shared_ptr<ExchangeState> state);
  // Unanswered: the client gets 500. A stream without its end: the connection is cut, so that the client sees
  // that something is missing.
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  // The whole answer. False when it will not be sent: the first answer counts, or the client has gone.
  bool respond(HttpResponse response);

  // The head of an answer that comes in pieces (chunked; until the connection closes for HTTP/1.0 clients).
  // It is sent at once. False as for respond(). `headers` holds at least Content-Type; for event streams see
  // http/sse.h.
  bool begin_stream(int status, HttpHeaders headers);
  // The next bytes of a stream, sent soon; writes that come close together share a packet. A stream may hold
  // HttpOptions::stream_buffer_bytes; at four times as much it is cut (kSlowReader).
  HttpWrite write(std::string_view bytes);
  // The end of a stream, after `last`. Nothing may follow.
  void finish(std::string_view last = {});

  // While a stream is silent for `interval` these bytes are put in: write() only whole events then.
  void keep_alive(std::chrono::milliseconds interval, std::string bytes);
  // What ends a stream that the server cuts at its drain deadline: the dialect's last event. A request that
  // has no answer by then gets 503.
  void set_stop_tail(std::string bytes);

  // The callback is called once, at once when it has happened already (by the calling thread then). Never
  // after respond() or finish(), though one that has begun may still run. Captured owners are let go at the
  // end.
  void on_abort(std::function<void(HttpAbort)> callback);
  // Called each time that a full stream has drained to a quarter of the limit.
  void on_writable(std::function<void()> callback);

  // In the place of an earlier one.
  void set_note(std::shared_ptr<const HttpNote> note);

  bool writable() const;  // whether write() would say kReady
  bool closed() const;    // answered to the end, or aborted
  size_t queued() const;  // bytes written but not yet taken by the system

 private:
  std::shared_ptr<ExchangeState> state_;
};

}  // namespace gannet
