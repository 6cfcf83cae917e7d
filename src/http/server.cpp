#include "http/server.h"

#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "http/connection.h"
#include "http/listener.h"

namespace gannet {
namespace {

using boost::asio::posix::stream_descriptor;

static_assert(std::atomic<int64_t>::is_always_lock_free, "HttpServer::stop() is called by signal handlers");

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
// Connections beyond the limit that may wait for their 503 to be read.
constexpr size_t kRefusedAtOnce = 128;
constexpr std::chrono::milliseconds kAcceptPause{200};

// The loop takes what handlers have written three times within this at most, and then once. The first pieces
// of an answer are fewer.
constexpr std::chrono::milliseconds kGatherTime{1};
// After the drain deadline: for the last bytes of what was cut.
constexpr std::chrono::milliseconds kCutGrace{700};

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * int64_t{1'000'000'000} + t.tv_nsec;
}

// OpenSSL writes to sockets without MSG_NOSIGNAL. Blocks SIGPIPE for this thread and takes away what it
// caused.
class NoSigPipe {
 public:
  NoSigPipe() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set_, &old_);
  }
  ~NoSigPipe() {
    if (sigismember(&old_, SIGPIPE) == 1) return;
    const timespec none{};
    while (sigtimedwait(&set_, nullptr, &none) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  NoSigPipe(const NoSigPipe&) = delete;
  NoSigPipe& operator=(const NoSigPipe&) = delete;

 private:
  sigset_t set_, old_;
};

// Raises the soft limit of open files for `connections` and some more. Returns how many connections fit.
size_t room_for(size_t connections) {
  constexpr size_t kOthers = 256;  // files, models, pipes
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return connections;
  const rlim_t wanted = connections + kRefusedAtOnce + kOthers;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= wanted) return connections;
  return limit.rlim_cur > 2 * kOthers ? limit.rlim_cur - kOthers - kRefusedAtOnce : limit.rlim_cur / 4;
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpOptions options)
      : loop(std::move(options)), tick_timer_(loop.io), gather_timer_(loop.io), wake_(loop.io) {}
  ~Impl() {
    wake_.release();  // the mailbox owns it
    shut_down();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void run();
  void request_stop(std::chrono::milliseconds drain);

  EventLoop loop;
  std::shared_ptr<TlsContext> tls;
  std::vector<HttpAddress> addresses;
  size_t max_connections = 0;

  void take_listeners(std::vector<Listener> listeners);

 private:
  struct Acceptor {
    Acceptor(boost::asio::io_context& io, Listener l)
        : listener(std::move(l)), ready(io, listener->descriptor()) {}
    ~Acceptor() { close(); }
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;
    // What still waits for it keeps this object, but not the socket.
    void close() {
      if (listener) ready.release();
      listener.reset();
    }
    std::optional<Listener> listener;
    stream_descriptor ready;
  };

  void wait_accept(const std::shared_ptr<Acceptor>& a);
  void accept(const std::shared_ptr<Acceptor>& a);
  void admit(int fd, const Acceptor& a, const sockaddr_storage& peer);
  bool close_idle_one();
  void wait_wake();
  void at_wake();
  void look_at_stop();
  void arm_tick();
  void tick();
  void close_acceptors();
  void shut_down();
  void warn(const std::string& text) {
    if (loop.options.warn) loop.options.warn(text);
  }

  boost::asio::steady_timer tick_timer_, gather_timer_;
  std::array<Clock::time_point, 3> wakes_{};  // when the last ones were taken, from next_wake_ on
  size_t next_wake_ = 0;
  stream_descriptor wake_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  std::chrono::milliseconds tick_time_{250};
  bool ticking_ = false, cut_ = false;
  Clock::time_point last_warning_;
  std::atomic<int64_t> stop_ns_{kNever};  // the drain deadline
};

void HttpServer::Impl::take_listeners(std::vector<Listener> listeners) {
  for (Listener& l : listeners) {
    addresses.push_back(l.address());
    acceptors_.push_back(std::make_shared<Acceptor>(loop.io, std::move(l)));
  }
}

void HttpServer::Impl::wait_accept(const std::shared_ptr<Acceptor>& a) {
  a->ready.async_wait(stream_descriptor::wait_read, [this, a](const boost::system::error_code& ec) {
    if (!ec && !loop.draining) accept(a);
  });
}

void HttpServer::Impl::accept(const std::shared_ptr<Acceptor>& a) {
  constexpr int kAtOnce = 64;  // then connections have their turn
  for (int i = 0; i < kAtOnce; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int fd = ::accept4(a->listener->descriptor(), reinterpret_cast<sockaddr*>(&peer), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      admit(fd, *a, peer);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == EPERM) continue;
    // Out of descriptors or memory: those that wait stay in the kernel's queue for a moment.
    const int why = errno;
    const auto now = Clock::now();
    if (now - last_warning_ > std::chrono::seconds(1)) {
      last_warning_ = now;
      warn(fmt::format("accepting connections at {} pauses: {}", a->listener->address().url,
                       std::strerror(why)));
    }
    close_idle_one();
    auto pause = std::make_shared<boost::asio::steady_timer>(loop.io, kAcceptPause);
    pause->async_wait([this, a, pause](const boost::system::error_code& ec) {
      if (!ec && !loop.draining) accept(a);
    });
    return;
  }
  wait_accept(a);
}

void HttpServer::Impl::admit(int fd, const Acceptor& a, const sockaddr_storage& peer) {
  ++loop.accepted;
  bool refused = loop.connections.size() >= max_connections && !close_idle_one();
  if (refused) ++loop.refused;
  if (loop.connections.size() >= max_connections + kRefusedAtOnce) {
    ::close(fd);
    return;
  }
  std::string name = "unix";
  if (!a.listener->unix_socket()) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // A client that has vanished without a word is noticed by what it does not acknowledge.
    const auto unheard = static_cast<unsigned>(std::min<int64_t>(loop.options.stall_time.count(), 1 << 30));
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard, sizeof unheard);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    name = peer_name(&peer);
  }
  std::unique_ptr<Wire> wire = make_wire(fd, a.listener->tls() ? tls.get() : nullptr);
  if (wire == nullptr) return;
  auto connection =
      std::make_shared<Connection>(loop, std::move(wire), std::move(name), a.listener->tls(),
                                   a.listener->address().loopback && !a.listener->unix_socket());
  loop.add(connection);
  arm_tick();
  connection->guarded([&] { refused ? connection->start_refused() : connection->start(); });
}

// The one that has waited longest for its next request makes room.
bool HttpServer::Impl::close_idle_one() {
  std::shared_ptr<Connection> oldest;
  Clock::time_point since = Clock::time_point::max();
  for (const auto& c : loop.connections) {
    if (c->idle_since() < since) {
      since = c->idle_since();
      oldest = c;
    }
  }
  if (oldest == nullptr) return false;
  oldest->close(HttpAbort::kClientGone);
  return true;
}

void HttpServer::Impl::wait_wake() {
  wake_.async_wait(stream_descriptor::wait_read, [this](const boost::system::error_code& ec) {
    if (ec) return;
    const auto oldest = wakes_[next_wake_];
    if (Clock::now() - oldest >= kGatherTime) {
      at_wake();
      wait_wake();
      return;
    }
    // Handlers write faster than anybody reads: what comes until then goes out together.
    gather_timer_.expires_at(oldest + kGatherTime);
    gather_timer_.async_wait([this](const boost::system::error_code& stopped) {
      if (stopped) return;
      at_wake();
      wakes_.fill(Clock::now());  // so it goes on until there is less
      wait_wake();
    });
  });
}

void HttpServer::Impl::at_wake() {
  wakes_[next_wake_] = Clock::now();
  next_wake_ = (next_wake_ + 1) % wakes_.size();
  uint64_t count;
  [[maybe_unused]] const ssize_t n = ::read(loop.mailbox->event_fd(), &count, sizeof count);
  for (const std::shared_ptr<ExchangeState>& state : loop.mailbox->take()) {
    if (const auto connection = state->connection.lock()) {
      connection->guarded([&] { connection->pump(state); });
    }
  }
  look_at_stop();
}

void HttpServer::Impl::arm_tick() {
  if (ticking_) return;
  ticking_ = true;
  tick_timer_.expires_after(tick_time_);
  tick_timer_.async_wait([this](const boost::system::error_code& ec) {
    ticking_ = false;
    if (!ec) tick();
  });
}

void HttpServer::Impl::tick() {
  const auto now = Clock::now();
  // A connection may close itself, and callbacks may close others: those take the place of the last.
  for (size_t i = loop.connections.size(); i-- > 0;) {
    if (i >= loop.connections.size()) continue;
    const std::shared_ptr<Connection> c = loop.connections[i];
    c->guarded([&] { c->tick(now); });
  }
  look_at_stop();
  if (!loop.connections.empty() || loop.draining) arm_tick();
}

void HttpServer::Impl::look_at_stop() {
  const int64_t deadline = stop_ns_;
  if (deadline == kNever) return;
  if (!loop.draining) {
    // Those in the kernel's queue are connected as far as they know.
    for (const auto& a : std::vector(acceptors_)) accept(a);
    loop.draining = true;
    close_acceptors();
    tick_time_ = std::min(tick_time_, std::chrono::milliseconds(20));
    tick_timer_.cancel();
    ticking_ = false;
    for (const auto& c : std::vector(loop.connections)) c->begin_drain();
    arm_tick();
  }
  const int64_t now = now_ns();
  if (now >= deadline && !cut_) {
    cut_ = true;
    for (const auto& c : std::vector(loop.connections)) {
      c->guarded([&] { c->cut(); });
    }
  }
  const int64_t grace = std::chrono::nanoseconds(kCutGrace).count();
  if (loop.connections.empty() || (cut_ && now >= deadline + grace)) loop.io.stop();
}

void HttpServer::Impl::close_acceptors() {
  for (const auto& a : acceptors_) a->close();
  acceptors_.clear();
}

void HttpServer::Impl::shut_down() {
  for (const auto& c : std::vector(loop.connections)) c->close(HttpAbort::kServerStopping);
  loop.mailbox->close();
  close_acceptors();
}

void HttpServer::Impl::run() {
  const NoSigPipe no_sigpipe;
  const HttpOptions& o = loop.options;
  const auto shortest = std::min({o.header_time, o.body_time, o.idle_time, o.stall_time});
  tick_time_ = std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(250));
  wake_.assign(loop.mailbox->event_fd());
  wait_wake();
  for (const auto& a : acceptors_) wait_accept(a);
  for (;;) {
    try {
      loop.io.run();
      break;
    } catch (const std::exception& e) {  // no memory where no connection is to blame
      warn(fmt::format("the event loop goes on after: {}", e.what()));
    }
  }
  shut_down();
}

void HttpServer::Impl::request_stop(std::chrono::milliseconds drain) {
  const int64_t wanted = now_ns() + std::max<int64_t>(0, drain.count()) * 1'000'000;
  int64_t old = stop_ns_;
  while (wanted < old && !stop_ns_.compare_exchange_weak(old, wanted)) {
  }
  loop.mailbox->wake();
}

Result<std::unique_ptr<HttpServer>> HttpServer::create(HttpOptions options,
                                                       std::shared_ptr<HttpHandler> handler) {
  if (options.listen.empty()) return Error(ErrorCode::kUsage, "the server has no address to listen at");
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return Error(ErrorCode::kUsage, "TLS needs both a certificate and a key");
  }
  if (options.max_connections == 0 || options.stream_buffer_bytes == 0 || options.max_header_bytes < 256) {
    return Error(ErrorCode::kUsage, "a limit of the server is too small to serve anything");
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  EventLoop& loop = impl->loop;
  loop.handler = std::move(handler);
  if (!loop.mailbox->good()) {
    return Error(ErrorCode::kRuntime,
                 fmt::format("no descriptor for the event loop: {}", std::strerror(errno)));
  }
  if (!loop.options.tls_key.empty()) {
    impl->tls = GANNET_TRY(TlsContext::open(loop.options.tls_certificate, loop.options.tls_key));
  }
  for (const HttpListen& where : loop.options.listen) {
    impl->take_listeners(GANNET_TRY(Listener::open(where, impl->tls != nullptr)));
  }
  impl->max_connections = room_for(loop.options.max_connections);
  if (impl->max_connections < loop.options.max_connections && loop.options.warn) {
    loop.options.warn(fmt::format("the limit of open files leaves room for {} connections instead of {}",
                                  impl->max_connections, loop.options.max_connections));
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

const std::vector<HttpAddress>& HttpServer::addresses() const {
  return impl_->addresses;
}
void HttpServer::run() {
  impl_->run();
}
void HttpServer::stop(std::chrono::milliseconds drain) {
  impl_->request_stop(drain);
}

HttpStatistics HttpServer::statistics() const {
  const EventLoop& loop = impl_->loop;
  HttpStatistics s;
  s.connections = loop.n_connections;
  s.exchanges = loop.n_exchanges;
  s.accepted = loop.accepted;
  s.refused = loop.refused;
  s.requests = loop.requests;
  s.aborted = loop.aborted;
  s.body_bytes = loop.body_bytes;
  return s;
}

}  // namespace gannet
