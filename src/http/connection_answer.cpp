// The half of a connection that sends.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "http/connection.h"

namespace gannet {
namespace {

using boost::asio::posix::stream_descriptor;

// How long the rest of what a client sends is taken and thrown away after the last answer. Closing at once
// would make its system discard an answer that it has not read yet.
constexpr std::chrono::milliseconds kLingerTime{2000}, kLingerTimeInDrain{300};

// Values may hold what a client sent: no line may end in them.
void put_field(std::string* out, std::string_view name, std::string_view value) {
  *out += name;
  *out += ": ";
  const size_t begin = out->size();
  *out += value;
  std::replace_if(
      out->begin() + static_cast<std::ptrdiff_t>(begin), out->end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 ? c != '\t' : c == 0x7f; }, ' ');
  *out += "\r\n";
}

bool server_owns(std::string_view name) {
  for (const char* own : {"Content-Length", "Transfer-Encoding", "Connection", "Date", "X-Request-Id"}) {
    if (equals_ignoring_case(name, own)) return true;
  }
  return false;
}

}  // namespace

void Connection::put_head(const HttpResponse& response, bool streaming) {
  status_ = response.status;
  head_sent_ = true;
  const bool old = brief_ != nullptr && brief_->minor_version == 0;
  const bool no_body = response.status == 204 || response.status == 304 || response.status < 200;
  chunked_ = streaming && !old && !no_body;
  if (streaming && old) close_after_ = true;
  if (loop_.draining) close_after_ = true;
  out_ += fmt::format("HTTP/1.1 {} {}\r\n", response.status, http_reason(response.status));
  put_field(&out_, "Date", loop_.date());
  for (const HttpHeader& h : response.headers) {
    if (!server_owns(h.name)) put_field(&out_, h.name, h.value);
  }
  for (const HttpHeader& h : extra_headers_) {
    if (!server_owns(h.name)) put_field(&out_, h.name, h.value);
  }
  if (brief_ != nullptr && !brief_->id.empty()) put_field(&out_, "X-Request-Id", brief_->id);
  if (chunked_) {
    out_ += "Transfer-Encoding: chunked\r\n";
  } else if (!streaming && !no_body) {
    out_ += fmt::format("Content-Length: {}\r\n", response.body.size());
  }
  if (close_after_) {
    out_ += "Connection: close\r\n";
  } else if (old) {
    out_ += "Connection: keep-alive\r\n";
  }
  out_ += "\r\n";
  const bool head_only = brief_ != nullptr && brief_->method == "HEAD";
  if (!streaming && !no_body && !head_only) out_ += response.body;
}

void Connection::put_chunk(std::string_view bytes) {
  if (!chunked_) {
    out_ += bytes;
    return;
  }
  char size[20];
  out_.append(size, std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr);
  out_ += "\r\n";
  out_ += bytes;
  out_ += "\r\n";
}

HttpResponse Connection::error_response(const HttpError& error) {
  static const HttpRequest unknown;
  try {
    return loop_.handler->error(error, brief_ != nullptr ? *brief_ : unknown);
  } catch (const std::exception& e) {
    if (loop_.options.warn) loop_.options.warn(fmt::format("formatting an error failed: {}", e.what()));
    return {error.status, {}, {}};
  }
}

// An error that ends the connection: what follows on it cannot be trusted, or nobody has the time.
void Connection::fail(const HttpError& error) {
  if (brief_ == nullptr) {
    brief_ = std::make_unique<HttpRequest>();
    brief_->peer = peer_;
    began_ = Clock::now();
  }
  close_after_ = true;
  std::string().swap(in_);
  answer(error_response(error));
}

// A whole answer by the server itself.
void Connection::answer(const HttpResponse& response) {
  state_ = State::kAnswering;
  last_sent_ = Clock::now();
  put_head(response, false);
  end_queued_ = true;
  flush();
}

void Connection::dispatch() {
  const auto self = shared_from_this();
  count_body(reader_.request().body.size());
  if (state_ != State::kReading) return;
  HttpRequest request = reader_.take_request();
  request_bytes_ = request.body.size();
  state_ = State::kAnswering;
  ++loop_.n_exchanges;
  exchange_ = std::make_shared<ExchangeState>();
  exchange_->mailbox = loop_.mailbox;
  exchange_->connection = weak_from_this();
  exchange_->buffer_bytes = loop_.options.stream_buffer_bytes;
  exchange_->discards = request.method == "HEAD";
  exchange_->posted = true;  // pump() follows in any case
  const std::shared_ptr<ExchangeState> state = exchange_;
  try {
    loop_.handler->handle(std::move(request), std::make_shared<HttpExchange>(state));
  } catch (const std::exception& e) {
    if (loop_.options.warn) loop_.options.warn(fmt::format("handling a request failed: {}", e.what()));
    const std::lock_guard lock(state->mutex);
    state->finished = state->dropped = true;
  }
  pump();
}

void Connection::pump(const std::shared_ptr<ExchangeState>& state) {
  if (state == exchange_) pump();
}

// Takes what the handler has given and sends what the client takes.
void Connection::pump() {
  if (exchange_ == nullptr || state_ != State::kAnswering) return;
  const auto self = shared_from_this();
  std::unique_lock lock(exchange_->mutex);
  ExchangeState& s = *exchange_;
  s.posted = false;
  if (s.overflowed) {
    lock.unlock();
    return close(HttpAbort::kSlowReader);
  }
  if (s.dropped && (s.streaming || head_sent_)) {
    lock.unlock();
    return close(HttpAbort::kDropped);
  }
  if (s.dropped && !s.answered) {
    s.answered = true;
    lock.unlock();
    HttpResponse response = error_response({500, "The server failed to answer the request.", {}});
    lock.lock();
    s.response = std::move(response);
  }
  if (!s.answered) return;
  if (!head_sent_) {
    last_sent_ = last_queued_ = Clock::now();
    put_head(s.response, s.streaming);
    s.response = {};
    s.discards = s.discards || (s.streaming && !chunked_ && brief_->minor_version == 1);
  }
  if (!s.pending.empty() && !s.discards) {
    const auto now = Clock::now();
    if (out_.empty()) last_sent_ = now;
    last_queued_ = now;
    put_chunk(s.pending);
  }
  std::string().swap(s.pending);
  if (s.finished && !end_queued_) {
    if (chunked_ && brief_->method != "HEAD") out_ += "0\r\n\r\n";
    end_queued_ = true;
  }
  s.in_flight = out_.size() - out_at_;
  lock.unlock();
  flush();
}

void Connection::flush() {
  while (out_at_ < out_.size()) {
    const WireResult r = wire_->write(out_.data() + out_at_, out_.size() - out_at_);
    if (r.status == WireStatus::kDone) {
      out_at_ += r.bytes;
      sent_bytes_ += r.bytes;
      last_sent_ = Clock::now();
      continue;
    }
    if (r.status == WireStatus::kEnd || r.status == WireStatus::kFailed) return close(HttpAbort::kClientGone);
    wait(r.status == WireStatus::kWantRead ? stream_descriptor::wait_read : stream_descriptor::wait_write);
    break;
  }
  const size_t left = out_.size() - out_at_;
  if (left == 0) {
    out_.clear();
    if (out_.capacity() > 1024) std::string().swap(out_);
    out_at_ = 0;
  } else if (out_at_ > left) {  // a slow reader of much: what has gone is let go
    out_.erase(0, out_at_);
    out_at_ = 0;
    if (out_.capacity() > 4 * left) out_.shrink_to_fit();
  }
  if (exchange_ != nullptr) relax(left);
  if (left == 0 && state_ == State::kAnswering && end_queued_) sent_all();
}

// Tells a handler whose stream was full that there is room again.
void Connection::relax(size_t in_flight) {
  std::function<void()> callback;
  const std::shared_ptr<ExchangeState> state = exchange_;
  {
    const std::lock_guard lock(state->mutex);
    state->in_flight = in_flight;
    if (state->full && state->pending.size() + in_flight <= state->buffer_bytes / 4) {
      state->full = false;
      callback = state->on_writable;
    }
  }
  if (callback) callback();
}

void Connection::sent_all() {
  log(nullptr);
  if (exchange_ != nullptr) {
    --loop_.n_exchanges;
    const std::shared_ptr<ExchangeState> state = std::move(exchange_);
    exchange_ = nullptr;
    state->complete();
  }
  if (close_after_) return linger();
  next_request();
}

void Connection::next_request() {
  brief_.reset();
  extra_headers_ = {};
  loop_.held_body_bytes -= std::exchange(counted_body_, 0);
  loop_.body_bytes = loop_.held_body_bytes;
  head_begun_ = head_read_ = continue_sent_ = false;
  head_sent_ = chunked_ = end_queued_ = false;
  sent_bytes_ = request_bytes_ = 0;
  status_ = 0;
  served_ = true;
  state_ = State::kReading;
  deadline_ = Clock::now() + loop_.options.idle_time;
  if (loop_.draining) return linger();
  process();  // what came meanwhile
  if (!in_process_) read();
}

void Connection::linger() {
  brief_.reset();
  if (ended_) return close(HttpAbort::kClientGone);
  state_ = State::kLingering;
  deadline_ = Clock::now() + (loop_.draining ? kLingerTimeInDrain : kLingerTime);
  wire_->shut();
  if (!in_process_) read();
}

void Connection::cut() {
  const auto self = shared_from_this();
  if (state_ != State::kAnswering || exchange_ == nullptr) {
    // What is complete may still go out; the caller closes what is left a little later.
    if (state_ != State::kAnswering && state_ != State::kLingering) close(HttpAbort::kServerStopping);
    return;
  }
  std::function<void(HttpAbort)> callback;
  std::function<void()> unused;
  close_after_ = true;
  HttpResponse response =
      error_response({503, "The server is shutting down. Try again later.", {{"Retry-After", "5"}}});
  {
    const std::lock_guard lock(exchange_->mutex);
    ExchangeState& s = *exchange_;
    if (s.finished) return;
    if (s.answered) {
      s.pending += s.stop_tail;
    } else {
      s.answered = true;
      s.response = std::move(response);
    }
    s.finished = s.aborted = s.cut = true;
    s.abort_reason = HttpAbort::kServerStopping;
    callback.swap(s.on_abort);
    unused.swap(s.on_writable);
  }
  ++loop_.aborted;
  pump();
  if (callback) callback(HttpAbort::kServerStopping);
}

void Connection::log(const HttpAbort* abort) {
  if (!loop_.options.access_log || brief_ == nullptr) return;
  HttpAccess access;
  access.method = brief_->method;
  access.path = brief_->path;
  access.peer = peer_;
  access.id = brief_->id;
  access.key_id = brief_->key_id;
  access.status = status_;
  access.request_bytes = request_bytes_;
  access.response_bytes = sent_bytes_;
  access.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  access.abort = abort;
  std::shared_ptr<const HttpNote> note;
  if (exchange_ != nullptr) {
    const std::lock_guard lock(exchange_->mutex);
    note = exchange_->note;
    if (exchange_->cut && abort == nullptr) access.abort = &exchange_->abort_reason;
  }
  access.note = note.get();
  loop_.options.access_log(access);
}

}  // namespace gannet
