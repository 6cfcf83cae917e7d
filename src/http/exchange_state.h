// What a handler's exchange and its connection share. Internal to this folder.
//
// Threads write under `mutex` and drop the state into the mailbox; the event loop, woken once for many, takes
// what is there. Locks are taken in the order state, mailbox, and none is held while a callback runs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/exchange.h"
#include "http/message.h"

namespace gannet {

class Connection;

// States that have something for the event loop, and the descriptor that wakes it.
class Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  bool good() const { return event_fd_ >= 0; }
  int event_fd() const { return event_fd_; }

  void post(std::shared_ptr<ExchangeState> state);
  // Only makes the loop look. Async-signal-safe.
  void wake() const;
  std::vector<std::shared_ptr<ExchangeState>> take();
  // After this nothing is taken any more; for the end of the server, which exchanges may outlive.
  void close();

 private:
  const int event_fd_;
  std::mutex mutex_;
  bool open_ = true;
  std::vector<std::shared_ptr<ExchangeState>> posted_;
};

struct ExchangeState : std::enable_shared_from_this<ExchangeState> {
  mutable std::mutex mutex;
  // Under the mutex.
  bool answered = false;  // respond() or begin_stream()
  bool streaming = false;
  bool finished = false;  // nothing will follow `pending`
  bool closed = false;    // delivered or aborted: nobody takes anything any more
  bool aborted = false;
  bool cut = false;         // ended by the server in the handler's place
  bool dropped = false;     // by the handler, in the middle of a stream
  bool overflowed = false;  // the handler wrote on regardless
  bool full = false;        // the handler was told so
  bool posted = false;      // in the mailbox, or the loop is about to look
  HttpAbort abort_reason = HttpAbort::kClientGone;
  HttpResponse response;    // until the loop takes it
  std::string pending;      // of a stream, not taken yet
  size_t in_flight = 0;     // taken, but not yet by the system
  size_t buffer_bytes = 0;  // limit of the two together
  bool discards = false;    // answer to HEAD: no body is sent
  std::string stop_tail, ping;
  std::chrono::milliseconds ping_interval{0};
  std::shared_ptr<const HttpNote> note;  // null: none
  std::function<void(HttpAbort)> on_abort;
  std::function<void()> on_writable;

  std::shared_ptr<Mailbox> mailbox;  // constant
  // Of the event loop alone.
  std::weak_ptr<Connection> connection;

  // With the mutex held: makes the loop look at this state.
  void notify();
  // Nothing can be delivered any more; tells the handler. Without the mutex.
  void abort(HttpAbort reason);
  // All has been delivered.
  void complete();
};

}  // namespace gannet
