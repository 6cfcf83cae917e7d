#include "http/exchange.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "http/exchange_state.h"

namespace gannet {
namespace {

// A handler that writes on although the stream is full is cut at this many times the limit.
constexpr size_t kOverflowFactor = 4;

}  // namespace

Mailbox::Mailbox() : event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Mailbox::~Mailbox() {
  if (event_fd_ >= 0) ::close(event_fd_);
}

void Mailbox::wake() const {
  const uint64_t one = 1;
  // It can only fail when the counter is full, and then the loop wakes anyway.
  [[maybe_unused]] const ssize_t n = ::write(event_fd_, &one, sizeof one);
}

void Mailbox::post(std::shared_ptr<ExchangeState> state) {
  {
    const std::lock_guard lock(mutex_);
    if (!open_) return;
    posted_.push_back(std::move(state));
    if (posted_.size() > 1) return;
  }
  wake();
}

std::vector<std::shared_ptr<ExchangeState>> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(posted_, {});
}

void Mailbox::close() {
  std::vector<std::shared_ptr<ExchangeState>> rest;
  const std::lock_guard lock(mutex_);
  open_ = false;
  rest.swap(posted_);
}

void ExchangeState::notify() {
  if (posted) return;
  posted = true;
  mailbox->post(shared_from_this());
}

void ExchangeState::abort(HttpAbort reason) {
  std::function<void(HttpAbort)> callback;
  std::function<void()> unused;
  std::string freed;
  {
    const std::lock_guard lock(mutex);
    if (closed) return;
    closed = aborted = true;
    abort_reason = reason;
    // A handler that has finished is not told: it has let go.
    if (!finished) callback = std::move(on_abort);
    on_abort = nullptr;
    unused = std::move(on_writable);
    on_writable = nullptr;
    freed.swap(pending);
    in_flight = 0;
  }
  if (callback) callback(reason);
}

void ExchangeState::complete() {
  std::function<void(HttpAbort)> unused1;
  std::function<void()> unused2;
  const std::lock_guard lock(mutex);
  closed = true;
  in_flight = 0;
  unused1.swap(on_abort);
  unused2.swap(on_writable);
}

const char* http_abort_text(HttpAbort reason) {
  switch (reason) {
    case HttpAbort::kClientGone:
      return "client gone";
    case HttpAbort::kSlowReader:
      return "reader too slow";
    case HttpAbort::kServerStopping:
      return "server stopping";
    case HttpAbort::kDropped:
      return "dropped by the handler";
  }
  return "";
}

HttpExchange::HttpExchange(std::shared_ptr<ExchangeState> state) : state_(std::move(state)) {}

HttpExchange::~HttpExchange() {
  const std::lock_guard lock(state_->mutex);
  if (state_->closed || state_->finished) return;
  state_->finished = state_->dropped = true;
  state_->notify();
}

bool HttpExchange::respond(HttpResponse response) {
  // What callbacks own is let go outside the lock: it may own this exchange.
  std::function<void(HttpAbort)> unused;
  const std::lock_guard lock(state_->mutex);
  if (state_->closed || state_->answered) return false;
  state_->answered = state_->finished = true;
  state_->response = std::move(response);
  unused.swap(state_->on_abort);
  state_->notify();
  return true;
}

bool HttpExchange::begin_stream(int status, HttpHeaders headers) {
  const std::lock_guard lock(state_->mutex);
  if (state_->closed || state_->answered) return false;
  state_->answered = state_->streaming = true;
  state_->response = {status, std::move(headers), {}};
  state_->notify();
  return true;
}

HttpWrite HttpExchange::write(std::string_view bytes) {
  const std::lock_guard lock(state_->mutex);
  ExchangeState& s = *state_;
  if (s.closed || s.finished || s.overflowed || !s.streaming) return HttpWrite::kClosed;
  if (s.discards || bytes.empty()) return s.full ? HttpWrite::kFull : HttpWrite::kReady;
  if (s.pending.size() + s.in_flight + bytes.size() > kOverflowFactor * s.buffer_bytes) {
    s.overflowed = true;
    s.notify();
    return HttpWrite::kClosed;
  }
  s.pending.append(bytes);
  s.notify();
  if (s.pending.size() + s.in_flight >= s.buffer_bytes) s.full = true;
  return s.full ? HttpWrite::kFull : HttpWrite::kReady;
}

void HttpExchange::finish(std::string_view last) {
  std::function<void(HttpAbort)> unused1;
  std::function<void()> unused2;
  const std::lock_guard lock(state_->mutex);
  ExchangeState& s = *state_;
  if (s.closed || s.finished || !s.streaming) return;
  if (!s.discards) s.pending.append(last);
  s.finished = true;
  unused1.swap(s.on_abort);
  unused2.swap(s.on_writable);
  s.notify();
}

void HttpExchange::keep_alive(std::chrono::milliseconds interval, std::string bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->ping_interval = interval;
  state_->ping = std::move(bytes);
}

void HttpExchange::set_stop_tail(std::string bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->stop_tail = std::move(bytes);
}

void HttpExchange::set_note(std::shared_ptr<const HttpNote> note) {
  const std::lock_guard lock(state_->mutex);
  state_->note.swap(note);
}

void HttpExchange::on_abort(std::function<void(HttpAbort)> callback) {
  HttpAbort reason;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->closed && !state_->finished) {
      state_->on_abort.swap(callback);
      return;
    }
    if (!state_->cut && (!state_->aborted || state_->finished)) return;
    reason = state_->abort_reason;
  }
  callback(reason);
}

void HttpExchange::on_writable(std::function<void()> callback) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->closed && !state_->finished) state_->on_writable.swap(callback);
}

bool HttpExchange::writable() const {
  const std::lock_guard lock(state_->mutex);
  return state_->streaming && !state_->closed && !state_->finished && !state_->full;
}

bool HttpExchange::closed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->closed;
}

size_t HttpExchange::queued() const {
  const std::lock_guard lock(state_->mutex);
  return state_->pending.size() + state_->in_flight;
}

}  // namespace gannet
