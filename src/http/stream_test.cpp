// Answers in pieces: backpressure, clients that leave, pings, the drain, thousands of idle streams.
#include <gmock/gmock.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <vector>

#include "http/http_client_for_test.h"
#include "http/sse.h"

namespace gannet {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// Keeps what /s gets, and what its streams are told.
struct Streams {
  explicit Streams(TestServer* s) {
    s->handler->functions["/s"] = [this](const HttpRequest&, std::shared_ptr<HttpExchange> e) {
      e->on_abort([this](HttpAbort why) {
        reason = static_cast<int>(why);
        ++aborts;
      });
      e->on_writable([this] { ++writable; });
      const std::lock_guard lock(mutex);
      all.push_back(std::move(e));
    };
  }
  std::shared_ptr<HttpExchange> wait(size_t n = 1) {
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return all.size() >= n;
    }));
    const std::lock_guard lock(mutex);
    return all.at(n - 1);
  }
  std::mutex mutex;
  std::vector<std::shared_ptr<HttpExchange>> all;
  std::atomic<int> aborts{0}, writable{0}, reason{-1};
};

// Writes until a client that reads nothing has taken what its system takes. Returns how much that was.
size_t fill(HttpExchange& e, const std::string& piece) {
  size_t written = 0;
  do {
    while (e.write(piece) == HttpWrite::kReady) {
      written += piece.size();
      if (written > size_t{64} << 20) return written;
    }
    written += piece.size();
  } while (eventually([&] { return e.writable(); }, 100ms));
  return written;
}

TEST(Stream, PiecesComeAsTheyAreWritten) {
  TestServer s;
  Streams streams(&s);
  s.start();
  RawClient c = s.client();
  c.send(get("/s"));
  const auto e = streams.wait();
  EXPECT_EQ(e->write("early"), HttpWrite::kClosed);
  EXPECT_TRUE(e->begin_stream(200, sse_headers()));
  EXPECT_FALSE(e->begin_stream(200, {}));
  EXPECT_FALSE(e->respond({}));
  EXPECT_THAT(c.until("\r\n\r\n"), HasSubstr("Content-Type: text/event-stream\r\n"));  // before any data
  EXPECT_EQ(e->write(sse_event("", "1")), HttpWrite::kReady);
  EXPECT_EQ(c.until("\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
  e->write("");
  e->finish("end");
  EXPECT_EQ(c.until("0\r\n\r\n"), "3\r\nend\r\n0\r\n\r\n");
  EXPECT_EQ(e->write("late"), HttpWrite::kClosed);
  EXPECT_TRUE(eventually([&] { return e->closed(); }));
  EXPECT_EQ(streams.aborts, 0);
  c.send(get("/x"));
  EXPECT_EQ(c.answer().status, 200);
}

TEST(Stream, ASlowReaderHoldsTheWriterBack) {
  TestServer s;
  s.options.stream_buffer_bytes = 100'000;
  Streams streams(&s);
  s.start();
  RawClient c = s.client();
  c.send(get("/s"));
  const auto e = streams.wait();
  e->begin_stream(200, {});
  const std::string piece(10'000, 'x');
  const size_t written = fill(*e, piece);
  EXPECT_LT(written, size_t{64} << 20);
  EXPECT_FALSE(e->writable());
  EXPECT_EQ(e->write(""), HttpWrite::kFull);
  EXPECT_GE(e->queued(), 25'000u);
  EXPECT_LE(e->queued(), 120'000u);  // chunk heads included
  const int before = streams.writable;
  std::string got;
  RawClient* reader = &c;
  std::thread reading([&] { got = reader->answer().body; });
  ASSERT_TRUE(eventually([&] { return streams.writable == before + 1; }));
  EXPECT_TRUE(e->writable());
  e->finish("end");
  reading.join();
  EXPECT_EQ(got.size(), written + 3);
  EXPECT_THAT(got, EndsWith("xend"));
}

TEST(Stream, AWriterWhoDoesNotHoldBackIsCut) {
  TestServer s;
  s.options.stream_buffer_bytes = 100'000;
  Streams streams(&s);
  s.start();
  RawClient c = s.client();
  c.send(get("/s"));
  const auto e = streams.wait();
  e->begin_stream(200, {});
  const std::string piece(10'000, 'x');
  size_t written = 0;
  while (e->write(piece) != HttpWrite::kClosed) {
    written += piece.size();
    ASSERT_LT(written, size_t{64} << 20);
    ASSERT_LE(e->queued(), 500'000u);
  }
  EXPECT_TRUE(eventually([&] { return streams.aborts == 1; }));
  EXPECT_EQ(streams.reason, static_cast<int>(HttpAbort::kSlowReader));
}

TEST(Stream, AReaderWhoTakesNothingIsCut) {
  TestServer s;
  s.options.stream_buffer_bytes = 100'000;
  s.options.stall_time = 200ms;
  Streams streams(&s);
  s.start();
  RawClient c = s.client();
  c.send(get("/s"));
  const auto e = streams.wait();
  e->begin_stream(200, {});
  fill(*e, std::string(10'000, 'x'));
  EXPECT_TRUE(eventually([&] { return streams.aborts == 1; }, 2000ms));
  EXPECT_EQ(streams.reason, static_cast<int>(HttpAbort::kSlowReader));
  EXPECT_EQ(e->write("x"), HttpWrite::kClosed);
  // A whole answer that nobody takes, too.
  RawClient d = s.client();
  d.send(get("/s"));
  streams.wait(2)->respond({200, {}, std::string(size_t{32} << 20, 'x')});
  EXPECT_TRUE(eventually([&] { return s.server->statistics().connections == 0; }, 2000ms));
}

TEST(Stream, AClientThatLeavesIsNoticedAtOnce) {
  TestServer s;
  Streams streams(&s);
  s.start();
  // Before the answer, in the middle of a silent stream, with further requests in the pipe, and beyond its
  // end.
  size_t n = 0;
  for (const size_t pipelined : {0, 1, 100, 5000}) {
    for (const bool begun : {false, true}) {
      RawClient c = s.client();
      std::string bytes = get("/s");
      for (size_t i = 0; i < pipelined; ++i) bytes += get("/x");
      c.send(bytes);
      const auto e = streams.wait(++n);
      if (begun) e->begin_stream(200, {});
      std::this_thread::sleep_for(5ms);
      const auto start = std::chrono::steady_clock::now();
      c.close();
      ASSERT_TRUE(eventually([&] { return streams.aborts == static_cast<int>(n); }, 2000ms)) << pipelined;
      const auto limit = pipelined < 1000 ? 100ms : 400ms;
      EXPECT_LT(std::chrono::steady_clock::now() - start, limit) << pipelined;
      EXPECT_EQ(streams.reason, static_cast<int>(HttpAbort::kClientGone));
      EXPECT_TRUE(e->closed());
      EXPECT_EQ(e->write("x"), HttpWrite::kClosed);
      bool told = false;
      e->on_abort([&](HttpAbort) { told = true; });
      EXPECT_TRUE(told);
    }
  }
  EXPECT_TRUE(eventually([&] { return s.server->statistics().connections == 0; }));
  EXPECT_EQ(s.server->statistics().exchanges, 0u);
  EXPECT_EQ(s.server->statistics().aborted, n);
}

TEST(Stream, PingsWhileSilent) {
  TestServer s;
  s.options.idle_time = 40ms;  // so that the server looks often
  Streams streams(&s);
  s.start();
  RawClient c = s.client();
  c.send(get("/s"));
  const auto e = streams.wait();
  e->begin_stream(200, sse_headers());
  e->keep_alive(50ms, std::string(kSsePing));
  c.until("\r\n\r\n");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(c.until(":\n\n\r\n"), "3\r\n:\n\n\r\n");
  c.until(":\n\n\r\n");
  c.until(":\n\n\r\n");
  EXPECT_GE(std::chrono::steady_clock::now() - start, 140ms);
  for (int i = 0; i < 20; ++i) {  // not silent
    e->write("x");
    std::this_thread::sleep_for(10ms);
  }
  e->finish();
  EXPECT_THAT(c.until("0\r\n\r\n"), Not(HasSubstr(":")));
}

TEST(Stream, ManyThreadsWriteManyStreams) {
  TestServer s;
  Streams streams(&s);
  s.start();
  constexpr size_t kStreams = 16, kPieces = 2000;
  std::vector<RawClient> clients;
  for (size_t i = 0; i < kStreams; ++i) {
    clients.push_back(s.client());
    clients.back().send(get("/s"));
    streams.wait(i + 1)->begin_stream(200, {});
  }
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < kPieces; ++i) {
        for (size_t k = t; k < kStreams; k += 4) streams.all[k]->write(std::to_string(i) + ",");
      }
      for (size_t k = t; k < kStreams; k += 4) streams.all[k]->finish();
    });
  }
  std::string expected;
  for (size_t i = 0; i < kPieces; ++i) expected += std::to_string(i) + ",";
  for (RawClient& c : clients) EXPECT_EQ(c.answer().body, expected);
  for (std::thread& t : threads) t.join();
}

TEST(Drain, OpenStreamsFinish) {
  TestServer s;
  Streams streams(&s);
  s.start();
  RawClient idle = s.client(), c = s.client(), late = s.client();
  idle.send(get("/x"));
  idle.answer();
  c.send(get("/s"));
  const auto e = streams.wait();
  e->begin_stream(200, {});
  late.send("GET /x HTTP/1.1\r\n");
  std::this_thread::sleep_for(20ms);
  s.server->stop(5000ms);
  EXPECT_TRUE(idle.closes(1000ms));
  EXPECT_TRUE(eventually([&] { return !s.client().connected(); }));
  EXPECT_EQ(s.server->statistics().accepted, 3u);
  late.send("Host: h\r\n\r\n");  // it had begun
  EXPECT_EQ(late.answer().header("Connection"), "close");
  EXPECT_EQ(e->write("more"), HttpWrite::kReady);
  e->finish();
  EXPECT_EQ(c.answer().body, "more");
  const auto start = std::chrono::steady_clock::now();
  s.thread.join();  // does not wait for the deadline, though for the clients to close
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3000ms);
  EXPECT_EQ(streams.aborts, 0);
}

// A proxy that has just connected is not left without an answer.
TEST(Drain, NewConnectionsHaveTheirRequest) {
  TestServer s;
  s.start();
  RawClient fresh = s.client(), silent = s.client();
  std::this_thread::sleep_for(20ms);
  s.server->stop(5000ms);
  EXPECT_TRUE(eventually([&] { return !s.client().connected(); }));
  std::this_thread::sleep_for(20ms);
  fresh.send(get("/x"));
  EXPECT_EQ(fresh.answer().status, 200);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(silent.closes(2000ms));
  s.thread.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2000ms);
}

TEST(Drain, AtTheDeadlineStreamsEndProperly) {
  TestServer s;
  Streams streams(&s);
  s.start();
  RawClient a = s.client(), b = s.client(), c = s.client();
  a.send(get("/s"));
  streams.wait(1)->begin_stream(200, {});
  streams.wait(1)->set_stop_tail("data: [DONE]\n\n");
  streams.wait(1)->write("data: 1\n\n");
  b.send(get("/s"));
  streams.wait(2);
  c.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  std::this_thread::sleep_for(20ms);
  const auto start = std::chrono::steady_clock::now();
  s.server->stop(10'000ms);
  s.server->stop(100ms);  // shorter counts
  s.server->stop(20'000ms);
  EXPECT_EQ(a.answer().body, "data: 1\n\ndata: [DONE]\n\n");
  EXPECT_EQ(b.answer().status, 503);
  c.closes();
  a.close();
  b.close();
  c.close();
  s.thread.join();
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, 100ms);
  EXPECT_LT(took, 1500ms);
  EXPECT_EQ(streams.aborts, 2);
  EXPECT_EQ(streams.reason, static_cast<int>(HttpAbort::kServerStopping));
  EXPECT_EQ(streams.wait(1)->write("x"), HttpWrite::kClosed);
  s.server.reset();  // exchanges may outlive it
  EXPECT_EQ(streams.wait(1)->write("x"), HttpWrite::kClosed);
  EXPECT_FALSE(streams.wait(2)->respond({}));
}

TEST(Drain, ClientsThatTakeNothingDoNotHoldItUp) {
  TestServer s;
  Streams streams(&s);
  s.start();
  RawClient c = s.client();
  c.send(get("/s"));
  const auto e = streams.wait();
  e->begin_stream(200, {});
  fill(*e, std::string(100'000, 'x'));
  const auto start = std::chrono::steady_clock::now();
  s.stop(0ms);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
}

HttpServer* signalled = nullptr;

TEST(Drain, StopMayBeCalledBySignalHandlers) {
  TestServer s;
  s.start();
  signalled = s.server.get();
  struct sigaction action {
  }, old;
  action.sa_handler = [](int) { signalled->stop(std::chrono::milliseconds(0)); };
  sigaction(SIGUSR1, &action, &old);
  raise(SIGUSR1);
  s.thread.join();
  sigaction(SIGUSR1, &old, nullptr);
}

int64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  int64_t all = 0, resident = 0;
  in >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// The clients are in the same process, but are descriptors only.
TEST(Stream, TwoThousandIdleStreams) {
  TestServer s;
  s.options.max_connections = 2500;
  Streams streams(&s);
  s.start();
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 6000);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 5000) GTEST_SKIP() << "only " << limit.rlim_cur << " open files are allowed";
  constexpr size_t kStreams = 2000;
  std::vector<RawClient> clients;
  clients.reserve(kStreams);
  streams.all.reserve(kStreams);
  {
    RawClient warm = s.client();
    warm.send(get("/x"));
    warm.answer();
  }
  malloc_trim(0);
  const int64_t before = resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kStreams; ++i) {
    clients.push_back(s.client());
    ASSERT_TRUE(clients.back().send(get("/s", "User-Agent: a client of usual verbosity\r\nAccept: */*\r\n")));
  }
  streams.wait(kStreams);
  for (const auto& e : streams.all) {
    e->begin_stream(200, sse_headers());
    e->keep_alive(15'000ms, std::string(kSsePing));
  }
  for (const auto& e : streams.all) e->write(sse_event("", "{\"token\": 1}"));
  for (RawClient& c : clients) ASSERT_THAT(c.until("1}\n\n\r\n"), HasSubstr("text/event-stream"));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const double each = static_cast<double>(resident_bytes() - before) / kStreams;
  EXPECT_EQ(s.server->statistics().exchanges, kStreams);
  // Somebody else is served at once.
  std::vector<double> ms;
  for (int i = 0; i < 100; ++i) {
    const auto t = std::chrono::steady_clock::now();
    RawClient c = s.client();
    c.send(get("/x"));
    ASSERT_EQ(c.answer().status, 200);
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - t).count());
  }
  std::sort(ms.begin(), ms.end());
  printf("%.0f bytes per idle stream; opening all took %.2f s; others: median %.2f ms, 99 %% %.2f ms\n", each,
         took.count(), ms[50], ms[98]);
#ifndef __SANITIZE_THREAD__
  EXPECT_LT(each, 16 << 10);
#endif
  EXPECT_LT(ms[50], 50);
  for (const auto& e : streams.all) e->finish("bye");
  for (RawClient& c : clients) ASSERT_THAT(c.until("0\r\n\r\n"), EndsWith("3\r\nbye\r\n0\r\n\r\n"));
}

}  // namespace
}  // namespace gannet
