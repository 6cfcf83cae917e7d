// Requests and answers over real sockets: keeping alive, pipelines, bodies, versions, refusals.
#include <gmock/gmock.h>

#include "http/http_client_for_test.h"

namespace gannet {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Server, AnswersAndKeepsTheConnection) {
  TestServer s;
  s.start();
  RawClient c = s.client();
  for (int i = 0; i < 3; ++i) {
    c.send(get("/a%20b?x=1"));
    const auto a = c.answer();
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.body, "GET /a b ");
    EXPECT_EQ(a.header("Connection"), "");
    EXPECT_EQ(a.header("X-Request-Id").size(), 32u);
    EXPECT_THAT(a.header("Date"), HasSubstr("GMT"));
  }
  c.send(get("/", "Connection: close\r\nX-Request-Id: mine-1\r\n"));
  const auto last = c.answer();
  EXPECT_EQ(last.header("Connection"), "close");
  EXPECT_EQ(last.header("X-Request-Id"), "mine-1");
  EXPECT_TRUE(c.closes(1000ms));
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  TestServer s;
  std::vector<std::shared_ptr<HttpExchange>> held;
  std::mutex mutex;
  s.handler->functions["/slow"] = [&](const HttpRequest&, std::shared_ptr<HttpExchange> e) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(e));
  };
  s.start();
  RawClient c = s.client();
  c.send(get("/slow") + get("/1") + "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" +
         get("/3"));
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return held.size() == 1;
  }));
  EXPECT_FALSE(c.receive(50ms));
  held[0]->respond({200, {}, "first"});
  EXPECT_EQ(c.answer().body, "first");
  EXPECT_EQ(c.answer().body, "GET /1 ");
  EXPECT_EQ(c.answer().body, "POST /2 abc");
  EXPECT_EQ(c.answer().body, "GET /3 ");
}

TEST(Server, ALongPipelineIsReadAsItIsAnswered) {
  TestServer s;
  s.start();
  RawClient c = s.client();
  constexpr int kRequests = 20'000;  // 1.2 MB
  std::thread sender([&] {
    std::string all;
    for (int i = 0; i < kRequests; ++i) all += get("/" + std::to_string(i));
    c.send(all);
  });
  RawClient* reader = &c;
  int good = 0;
  for (int i = 0; i < kRequests; ++i) good += reader->answer().body == "GET /" + std::to_string(i) + " ";
  sender.join();
  EXPECT_EQ(good, kRequests);
}

TEST(Server, ChunkedBodiesAtEverySplit) {
  TestServer s;
  s.start();
  const std::string request =
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\nA;note=\"x\"\r\n 0123456\r\n\r\n0\r\nTrailer: dropped\r\n\r\n";
  const std::string expected = "POST /c hello 0123456\r\n";
  RawClient c = s.client();
  for (size_t cut = 1; cut < request.size(); ++cut) {
    c.send(request.substr(0, cut));
    if (cut % 8 == 0) std::this_thread::sleep_for(1ms);
    c.send(request.substr(cut));
    ASSERT_EQ(c.answer().body, expected) << cut;
  }
  for (const char b : request) {
    c.send(std::string_view(&b, 1));
  }
  EXPECT_EQ(c.answer().body, expected);
}

TEST(Server, OldClients) {
  TestServer s;
  s.handler->functions["/stream"] = [](const HttpRequest&, const std::shared_ptr<HttpExchange>& e) {
    e->begin_stream(200, {{"Content-Type", "text/plain"}});
    e->write("one ");
    e->finish("two");
  };
  s.start();
  RawClient a = s.client();
  a.send("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_THAT(a.rest(), HasSubstr("GET /x "));
  RawClient b = s.client();
  b.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(b.answer().header("Connection"), "keep-alive");
  b.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string all = b.rest();
  EXPECT_THAT(all, HasSubstr("Connection: close"));
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
  EXPECT_THAT(all, testing::EndsWith("\r\n\r\none two"));
}

TEST(Server, HeadHasNoBody) {
  TestServer s;
  s.handler->functions["/stream"] = [](const HttpRequest&, const std::shared_ptr<HttpExchange>& e) {
    e->begin_stream(200, {{"Content-Type", "text/plain"}});
    e->write("never seen");
    e->finish();
  };
  s.start();
  RawClient c = s.client();
  c.send("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(c.answer(true).header("Content-Length"), "8");
  c.send("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(c.answer(true).header("Transfer-Encoding"), "chunked");
  c.send(get("/x"));
  EXPECT_EQ(c.answer().body, "GET /x ");
}

TEST(Server, ContinueIsSaidWhenTheBodyIsWanted) {
  TestServer s;
  s.options.max_body_bytes = 100;
  s.start();
  RawClient c = s.client();
  c.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(c.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  c.send("abc");
  EXPECT_EQ(c.answer().body, "POST /x abc");
  // Who does not wait is not told.
  c.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  EXPECT_EQ(c.answer().status, 200);
  c.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(c.answer().status, 413);
  RawClient d = s.client();
  d.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: a-miracle\r\n\r\n");
  EXPECT_EQ(d.answer().status, 417);
}

// One request that is no good: its status, and that nothing follows on the connection.
int refused(const TestServer& s, std::string_view bytes) {
  RawClient c = s.client();
  c.send(std::string(bytes) + get("/smuggled"));
  const std::string all = c.rest();
  EXPECT_THAT(all, Not(HasSubstr("/smuggled"))) << bytes;
  EXPECT_THAT(all, HasSubstr("Connection: close")) << bytes;
  EXPECT_TRUE(c.ended()) << bytes;
  return all.size() > 12 ? std::atoi(all.c_str() + 9) : 0;
}

TEST(Server, SmugglingShapesAreRefused) {
  TestServer s;
  s.start();
  const std::string nul(1, '\0');
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string bad[] = {
      // how long is the body?
      post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
      post + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
      post + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
      post + "Content-Length: 4, 4\r\n\r\nabcd",
      post + "Content-Length: +4\r\n\r\nabcd",
      post + "Content-Length: -1\r\n\r\n",
      post + "Content-Length: 0x4\r\n\r\nabcd",
      post + "Content-Length: 4 4\r\n\r\nabcd",
      post + "Content-Length: \r\n\r\n",
      post + "Content-Length: 99999999999999999999\r\n\r\n",
      post + "Content-Length : 4\r\n\r\nabcd",
      post + " Content-Length: 4\r\n\r\nabcd",
      post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      post +
          "Transfer-Encoding:\x0b"
          "chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      // chunks
      chunked + "x\r\n",
      chunked + "-1\r\n",
      chunked + "0x5\r\nhello\r\n0\r\n\r\n",
      chunked + "5\nhello\r\n0\r\n\r\n",
      chunked + "5\rhello\r\n0\r\n\r\n",
      chunked + " 5\r\nhello\r\n0\r\n\r\n",
      chunked + "5\r\nhello0\r\n\r\n",
      chunked + "5\r\nhelloXX0\r\n\r\n",
      chunked + "5\r\nhello\n0\r\n\r\n",
      chunked + "5;a\nb\r\nhello\r\n0\r\n\r\n",
      chunked + "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
      chunked + "FFFFFFFFFFFFFFFFF\r\n",
      chunked + "10000000000000005\r\nhello\r\n0\r\n\r\n",
      chunked + "0\r\n folded: x\r\n\r\n",
      chunked + "0\r\nA: b\n\r\n\r\n",
      // lines
      "GET / HTTP/1.1\nHost: h\n\n",
      "GET / HTTP/1.1\r\nHost: h\r\nA: b\nC: d\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
      "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nA: b" + nul + "c\r\n\r\n",
      "GET /" + nul + " HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nA b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nA[]: b\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / \r\nHost: h\r\n\r\n",
      " GET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
      "\x16\x03\x01\x02\x01\xfc\x03\x03",
      // targets and hosts
      "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /a?b=%f HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET a HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: \r\n\r\n",
  };
  for (const std::string& bytes : bad) EXPECT_EQ(refused(s, bytes), 400) << bytes;
  EXPECT_EQ(refused(s, post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501);
  EXPECT_EQ(refused(s, post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501);
  EXPECT_EQ(refused(s, post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), 501);
  EXPECT_EQ(refused(s, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(refused(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(refused(s, post + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"), 415);
}

TEST(Server, UnusualButGoodRequests) {
  TestServer s;
  s.start();
  RawClient c = s.client();
  c.send("GET http://Example.org:80/p?q HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(c.answer().body, "GET /p ");
  c.send("\r\nGET /after-an-empty-line HTTP/1.1\r\nhOsT:   h\t \r\nEmpty:\r\n\r\n");
  EXPECT_EQ(c.answer().body, "GET /after-an-empty-line ");
  c.send("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
  EXPECT_EQ(c.answer().body, "OPTIONS * ");
  c.send("BREW /pot HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n000\r\n\r\n");
  EXPECT_EQ(c.answer().body, "BREW /pot ");
}

TEST(Server, HandlersThatFailAreAnsweredFor) {
  TestServer s;
  s.handler->functions["/throws"] = [](const HttpRequest&, const std::shared_ptr<HttpExchange>&) {
    throw std::runtime_error("broken");
  };
  s.handler->functions["/drops"] = [](const HttpRequest&, const std::shared_ptr<HttpExchange>&) {};
  s.handler->functions["/drops-later"] = [](const HttpRequest&, std::shared_ptr<HttpExchange> e) {
    std::thread([kept = std::move(e)]() mutable {
      std::this_thread::sleep_for(10ms);
      kept.reset();
    }).detach();
  };
  s.handler->functions["/half"] = [](const HttpRequest&, const std::shared_ptr<HttpExchange>& e) {
    e->begin_stream(200, {});
    e->write("half");
  };
  s.handler->functions["/lines"] = [](const HttpRequest&, const std::shared_ptr<HttpExchange>& e) {
    e->respond({200, {{"A", "b\r\nInjected: 1"}, {"Content-Length", "77"}}, "ok"});
  };
  s.start();
  RawClient c = s.client();
  for (const char* path : {"/throws", "/drops", "/drops-later"}) {
    c.send(get(path));
    EXPECT_EQ(c.answer().status, 500) << path;
  }
  c.send(get("/lines"));
  const auto a = c.answer();
  EXPECT_EQ(a.header("Injected"), "");
  EXPECT_EQ(a.body, "ok");
  c.send(get("/half"));
  EXPECT_THAT(c.rest(), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_TRUE(c.ended());
}

TEST(Server, AdmissionRefusesBeforeTheBody) {
  TestServer s;
  s.handler->admission = [](HttpRequest& head) {
    HttpAdmission a;
    a.headers.add("Vary", "Origin");
    if (head.path == "/no") a.refusal = HttpResponse{401, {}, "no"};
    if (head.path == "/small") a.max_body_bytes = 2;
    if (head.path == "/throws") throw std::runtime_error("broken");
    return a;
  };
  s.start();
  RawClient c = s.client();
  c.send(get("/no"));
  EXPECT_EQ(c.answer().status, 401);
  c.send(get("/yes"));
  EXPECT_EQ(c.answer().header("Vary"), "Origin");
  c.send(get("/throws"));
  EXPECT_EQ(c.answer().status, 500);
  c.send("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
  EXPECT_EQ(c.answer().status, 200);
  c.send("POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n");
  const auto a = c.answer();
  EXPECT_EQ(a.status, 413);
  EXPECT_EQ(a.header("Vary"), "Origin");
  RawClient d = s.client();
  d.send("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(d.answer().status, 401);
  EXPECT_TRUE(d.send(std::string(1'000'000, 'x')));  // taken, thrown away
  EXPECT_TRUE(d.closes(4000ms));
}

}  // namespace
}  // namespace gannet
