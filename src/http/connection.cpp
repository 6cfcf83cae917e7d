#include "http/connection.h"

#include <fmt/core.h>
#include <openssl/rand.h>
#include <poll.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <exception>
#include <utility>

#include "base/check.h"

namespace gannet {
namespace {

using boost::asio::posix::stream_descriptor;

// Bytes of following requests that are kept while one is being answered.
constexpr size_t kPipelineBytes = 64 << 10;
// A connection that is new when the server stops has so long to send its first request.
constexpr std::chrono::milliseconds kFirstRequestInDrain{500};

bool good_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::string fresh_id() {
  unsigned char bytes[16];
  GANNET_CHECK(RAND_bytes(bytes, sizeof bytes) == 1, "libcrypto");
  std::string id;
  for (const unsigned char b : bytes) id += fmt::format("{:02x}", b);
  return id;
}

}  // namespace

void EventLoop::add(std::shared_ptr<Connection> connection) {
  connection->slot = connections.size();
  connections.push_back(std::move(connection));
  n_connections = connections.size();
}

void EventLoop::remove(Connection* connection) {
  const size_t slot = connection->slot;
  std::swap(connections[slot], connections.back());
  connections[slot]->slot = slot;
  connections.pop_back();
  n_connections = connections.size();
}

const std::string& EventLoop::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    std::tm utc;
    char text[40];
    gmtime_r(&now, &utc);
    date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc));
    date_second_ = now;
  }
  return date_;
}

Connection::Connection(EventLoop& loop, std::unique_ptr<Wire> wire, std::string peer, bool tls, bool loopback)
    : loop_(loop),
      wire_(std::move(wire)),
      descriptor_(loop.io, wire_->descriptor()),
      peer_(std::move(peer)),
      tls_(tls),
      loopback_(loopback),
      reader_({loop.options.max_header_bytes, loop.options.max_headers, loop.options.max_target_bytes}) {}

Connection::~Connection() {
  if (state_ != State::kClosed) descriptor_.release();  // the wire owns it
}

void Connection::start() {
  deadline_ = Clock::now() + loop_.options.header_time;
  work();
}

void Connection::start_refused() {
  state_ = State::kReading;
  close_after_ = true;
  // Through TLS there is no handshake yet, and none is made for this.
  if (tls_) return close(HttpAbort::kClientGone);
  fail({503, "The server has too many connections. Try again later.", {{"Retry-After", "1"}}});
}

void Connection::wait(stream_descriptor::wait_type what) {
  bool& waiting = what == stream_descriptor::wait_read ? waits_read_ : waits_write_;
  if (waiting || state_ == State::kClosed) return;
  waiting = true;
  descriptor_.async_wait(what, [self = shared_from_this(), &waiting](const boost::system::error_code& ec) {
    waiting = false;
    if (!ec) self->guarded([&] { self->work(); });
  });
}

void Connection::guarded(const std::function<void()>& step) {
  try {
    step();
  } catch (const std::exception& e) {  // no memory, or a callback threw
    if (loop_.options.warn) loop_.options.warn(fmt::format("a connection failed: {}", e.what()));
    close(HttpAbort::kDropped);
  }
}

// Goes on with whatever is possible without waiting.
void Connection::work() {
  const auto self = shared_from_this();
  if (state_ == State::kHandshake) {
    switch (wire_->handshake().status) {
      case WireStatus::kDone:
        state_ = State::kReading;
        break;
      case WireStatus::kWantRead:
        return wait(stream_descriptor::wait_read);
      case WireStatus::kWantWrite:
        return wait(stream_descriptor::wait_write);
      default:
        return close(HttpAbort::kClientGone);
    }
  }
  if (state_ != State::kClosed) flush();
  if (state_ != State::kClosed) read();
}

bool Connection::wants_bytes() const {
  if (ended_ || state_ == State::kClosed) return false;
  // While an answer is under way reading goes on to notice that the client leaves.
  return state_ != State::kAnswering || close_after_ || in_.size() < kPipelineBytes;
}

void Connection::read() {
  constexpr int kRounds = 4;  // then others have their turn
  for (int round = 0; round < kRounds; ++round) {
    if (!wants_bytes()) return;
    const WireResult r = wire_->read(loop_.scratch.data(), loop_.scratch.size());
    switch (r.status) {
      case WireStatus::kDone:
        break;
      case WireStatus::kWantRead:
        return wait(stream_descriptor::wait_read);
      case WireStatus::kWantWrite:
        return wait(stream_descriptor::wait_write);
      case WireStatus::kEnd:
        return at_end(false);
      case WireStatus::kFailed:
        return at_end(true);
    }
    if (close_after_ && state_ != State::kReading) continue;  // nothing that follows is answered
    if (in_.empty()) {
      in_.assign(loop_.scratch.data(), r.bytes);
    } else {
      in_.append(loop_.scratch.data(), r.bytes);
    }
    process();
    if (in_.empty() && in_.capacity() > 256) std::string().swap(in_);
  }
  boost::asio::post(loop_.io, [self = shared_from_this()] { self->guarded([&] { self->work(); }); });
}

// The client has closed its side. Whether only that side cannot be known: it counts as gone unless the answer
// is complete already.
void Connection::at_end(bool failed) {
  ended_ = true;
  if (state_ == State::kAnswering && end_queued_ && !failed) {
    close_after_ = true;
    return;  // flush() closes
  }
  close(HttpAbort::kClientGone);
}

void Connection::process() {
  if (in_process_) return;
  in_process_ = true;
  while (state_ == State::kReading) {
    if (!in_.empty() && !head_begun_) {
      head_begun_ = true;
      deadline_ = Clock::now() + loop_.options.header_time;
    }
    size_t used = 0;
    const RequestReader::Step step = reader_.advance(in_, &used);
    in_.erase(0, used);
    if (step == RequestReader::Step::kError) {
      fail(reader_.error());
    } else if (step == RequestReader::Step::kHead) {
      at_head();
    } else if (step == RequestReader::Step::kDone) {
      dispatch();
    } else {
      if (head_read_) count_body(reader_.request().body.size());
      if (state_ == State::kReading && head_read_ && !continue_sent_ && in_.empty() &&
          reader_.expects_continue()) {
        continue_sent_ = true;
        out_ += "HTTP/1.1 100 Continue\r\n\r\n";
        flush();
      }
      break;
    }
  }
  in_process_ = false;
}

void Connection::at_head() {
  head_read_ = true;
  began_ = Clock::now();
  last_sent_ = began_;
  HttpRequest& request = reader_.request();
  request.peer = peer_;
  request.tls = tls_;
  request.loopback = loopback_;
  const std::string_view id = request.headers.get("X-Request-Id");
  request.id = good_id(id) ? std::string(id) : fresh_id();
  close_after_ = !reader_.keep_alive() || loop_.draining;
  ++loop_.requests;

  const auto remember = [&] {
    brief_ = std::make_unique<HttpRequest>();
    brief_->method = request.method;
    brief_->target = request.target;
    brief_->path = request.path;
    brief_->minor_version = request.minor_version;
    brief_->id = request.id;
    brief_->key_id = request.key_id;
    brief_->peer = peer_;
  };
  remember();
  HttpAdmission admission;
  try {
    admission = loop_.handler->admit(request);
  } catch (const std::exception& e) {
    if (loop_.options.warn) loop_.options.warn(fmt::format("admitting a request failed: {}", e.what()));
    admission.refusal = error_response({500, "The server failed while it looked at the request.", {}});
  }
  brief_->key_id = request.key_id;
  extra_headers_ = std::move(admission.headers);
  if (!admission.refusal && reader_.has_body()) {
    const std::string_view coding = request.headers.get("Content-Encoding");
    if (!coding.empty() && !equals_ignoring_case(coding, "identity")) {
      admission.refusal = error_response({415, "Bodies with a Content-Encoding are not understood.", {}});
    }
  }
  if (admission.refusal) {
    if (reader_.has_body()) {
      close_after_ = true;  // rather than read what nobody wants
    } else {
      reader_.take_request();
    }
    return answer(*admission.refusal);
  }
  reader_.set_body_limit(admission.max_body_bytes.value_or(loop_.options.max_body_bytes));
}

// Keeps account of the bodies of all requests.
void Connection::count_body(size_t bytes) {
  loop_.held_body_bytes += bytes - counted_body_;
  counted_body_ = bytes;
  loop_.body_bytes = loop_.held_body_bytes;
  if (bytes != 0 && loop_.held_body_bytes > loop_.options.max_all_bodies_bytes) {
    fail({503, "The server holds too many large requests. Try again later.", {{"Retry-After", "1"}}});
  }
}

Clock::time_point Connection::idle_since() const {
  const bool idle = state_ == State::kReading && !head_begun_ && in_.empty();
  if (!idle) return Clock::time_point::max();
  return deadline_ - (served_ ? loop_.options.idle_time : loop_.options.header_time);
}

void Connection::check_reading(Clock::time_point now) {
  const HttpOptions& options = loop_.options;
  if (head_read_) {
    const auto earned = std::chrono::milliseconds(counted_body_ * 1000 /
                                                  std::max<uint64_t>(options.body_bytes_per_second, 1));
    if (now >= began_ + options.body_time + earned)
      fail({408, "The body of the request came too slowly.", {}});
  } else if (now >= deadline_) {
    if (!head_begun_) return close(HttpAbort::kClientGone);
    fail({408, "The header of the request came too slowly.", {}});
  }
}

void Connection::tick(Clock::time_point now) {
  const auto self = shared_from_this();
  switch (state_) {
    case State::kHandshake:
    case State::kLingering:
      if (now >= deadline_) close(HttpAbort::kClientGone);
      return;
    case State::kReading:
      return check_reading(now);
    case State::kClosed:
      return;
    case State::kAnswering:
      break;
  }
  if (!out_.empty() && now - last_sent_ >= loop_.options.stall_time) return close(HttpAbort::kSlowReader);
  if (!wants_bytes() && !ended_) {
    // The pipe is full of further requests: look behind them whether the client is still there.
    pollfd p{wire_->descriptor(), POLLRDHUP, 0};
    if (::poll(&p, 1, 0) == 1 && !end_queued_) return close(HttpAbort::kClientGone);
  }
  if (exchange_ != nullptr && head_sent_ && out_.empty()) {
    bool ping = false;
    {
      const std::lock_guard lock(exchange_->mutex);
      const ExchangeState& s = *exchange_;
      ping = s.streaming && !s.finished && !s.discards && s.pending.empty() && s.ping_interval.count() > 0 &&
             now - last_queued_ >= s.ping_interval;
      if (ping) exchange_->pending = s.ping;
    }
    if (ping) pump();
  }
}

void Connection::begin_drain() {
  if (state_ == State::kHandshake || (state_ == State::kReading && !head_begun_ && in_.empty())) {
    // The first request of a new connection is on its way: clients do not send it again.
    if (served_) return close(HttpAbort::kServerStopping);
    deadline_ = std::min(deadline_, Clock::now() + kFirstRequestInDrain);
  }
  if (!head_sent_ && state_ != State::kLingering) close_after_ = true;
}

void Connection::close(HttpAbort reason) {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  loop_.remove(this);
  if (exchange_ != nullptr) {
    --loop_.n_exchanges;
    ++loop_.aborted;
  }
  loop_.held_body_bytes -= std::exchange(counted_body_, 0);
  loop_.body_bytes = loop_.held_body_bytes;
  if (brief_ != nullptr) log(&reason);
  brief_.reset();
  const std::shared_ptr<ExchangeState> exchange = std::move(exchange_);
  // Before the wire: it closes the descriptor.
  descriptor_.release();
  if (reason == HttpAbort::kClientGone) wire_->shut();
  wire_.reset();
  if (exchange != nullptr) exchange->abort(reason);
}

}  // namespace gannet
