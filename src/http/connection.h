// One connection: reads requests, answers them in order, keeps the times. Internal; used on the event loop
// only.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/exchange_state.h"
#include "http/request_reader.h"
#include "http/server.h"
#include "http/wire.h"

namespace gannet {

class Connection;
using Clock = std::chrono::steady_clock;

// What the connections of a server share.
struct EventLoop {
  explicit EventLoop(HttpOptions o) : options(std::move(o)), scratch(64 << 10) {}

  HttpOptions options;
  std::shared_ptr<HttpHandler> handler;
  std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
  boost::asio::io_context io{1};
  std::vector<char> scratch;  // what is read goes through here, so that idle connections need no buffer
  std::vector<std::shared_ptr<Connection>> connections;
  uint64_t held_body_bytes = 0;
  bool draining = false;

  // Written here, read by everybody.
  std::atomic<size_t> n_connections{0}, n_exchanges{0};
  std::atomic<uint64_t> accepted{0}, refused{0}, requests{0}, aborted{0}, body_bytes{0};

  void add(std::shared_ptr<Connection> connection);
  void remove(Connection* connection);
  // The value of a Date field.
  const std::string& date();

 private:
  std::string date_;
  int64_t date_second_ = -1;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(EventLoop& loop, std::unique_ptr<Wire> wire, std::string peer, bool tls, bool loopback);

  ~Connection();

  void start();
  // Answers 503 and closes: there are too many.
  void start_refused();
  // `state` has something to send.
  void pump(const std::shared_ptr<ExchangeState>& state);
  // Called several times a second: deadlines, pings.
  void tick(Clock::time_point now);
  void begin_drain();
  // The drain deadline: ends what is being answered.
  void cut();
  void close(HttpAbort reason);

  // Runs a step; what it throws closes this connection and no other.
  void guarded(const std::function<void()>& step);

  // Waits for a request since then; `max` when it does not.
  Clock::time_point idle_since() const;

  size_t slot = 0;  // in EventLoop::connections

 private:
  enum class State : uint8_t { kHandshake, kReading, kAnswering, kLingering, kClosed };

  void work();
  void wait(boost::asio::posix::stream_descriptor::wait_type what);
  void read();
  bool wants_bytes() const;
  void at_end(bool failed);
  void process();
  void at_head();
  void dispatch();
  void pump();
  void flush();
  void sent_all();
  void relax(size_t in_flight);
  void next_request();
  void linger();
  void check_reading(Clock::time_point now);
  void count_body(size_t bytes);

  void fail(const HttpError& error);
  void answer(const HttpResponse& response);
  HttpResponse error_response(const HttpError& error);
  void put_head(const HttpResponse& response, bool streaming);
  void put_chunk(std::string_view bytes);
  void log(const HttpAbort* abort);

  EventLoop& loop_;
  std::unique_ptr<Wire> wire_;
  boost::asio::posix::stream_descriptor descriptor_;
  const std::string peer_;
  const bool tls_, loopback_;
  State state_ = State::kHandshake;
  bool waits_read_ = false, waits_write_ = false;
  bool in_process_ = false;
  bool head_begun_ = false, head_read_ = false;
  bool continue_sent_ = false;
  bool served_ = false;       // a request before
  bool ended_ = false;        // the client sends nothing more
  bool close_after_ = false;  // the answer being sent is the last one
  bool head_sent_ = false, chunked_ = false, end_queued_ = false;
  int status_ = 0;

  RequestReader reader_;
  std::string in_;   // read, not used yet
  std::string out_;  // to send, from out_at_ on
  size_t out_at_ = 0;
  size_t counted_body_ = 0;
  uint64_t sent_bytes_ = 0, request_bytes_ = 0;
  Clock::time_point deadline_;     // while reading and lingering
  Clock::time_point began_;        // the body, then the answer
  Clock::time_point last_sent_;    // bytes taken by the system
  Clock::time_point last_queued_;  // bytes of the stream

  // Of the request being read or answered.
  std::unique_ptr<HttpRequest> brief_;  // without body and headers, for errors and the log
  HttpHeaders extra_headers_;
  std::shared_ptr<ExchangeState> exchange_;
};

}  // namespace gannet
