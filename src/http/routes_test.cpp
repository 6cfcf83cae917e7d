// Routes, keys, origins, hosts, events and files, without sockets but for one.
#include <gmock/gmock.h>

#include "http/access.h"
#include "http/http_client_for_test.h"
#include "http/router.h"
#include "http/sse.h"
#include "http/static_file.h"
#include "http/target.h"

namespace gannet {
namespace {

using testing::HasSubstr;

HttpRequest request(std::string method, const std::string& target, HttpHeaders headers = {}) {
  HttpRequest r;
  r.method = std::move(method);
  r.headers = std::move(headers);
  EXPECT_TRUE(read_target(target, &r));
  r.host = r.headers.get("Host");
  return r;
}

// A router whose routes note their name and values.
struct Routes {
  explicit Routes(RouterOptions options = {}) : router(std::move(options)) {}
  void add(std::string_view method, std::string_view pattern, RouteOptions options = {}) {
    router.add(
        method, pattern,
        [this, name = std::string(pattern)](const HttpRequest& r, const std::shared_ptr<HttpExchange>&) {
          seen = name;
          for (const auto& [key, value] : r.path_values) seen += " " + key + "=" + value;
        },
        options);
  }
  // What happened to the request: a status, or the route.
  std::string ask(HttpRequest r) {
    headers = {};
    HttpAdmission a = router.admit(r);
    headers = a.headers;
    if (a.refusal) {
      headers.append(a.refusal->headers);
      return std::to_string(a.refusal->status);
    }
    router.handle(std::move(r), nullptr);
    return seen;
  }
  std::string ask(std::string method, const std::string& target) {
    return ask(request(std::move(method), target));
  }
  Router router;
  std::string seen;
  HttpHeaders headers;
};

TEST(Router, FindsTheBestRoute) {
  Routes r;
  r.add("GET", "/");
  r.add("GET", "/v1/models");
  r.add("GET", "/v1/models/{name*}");
  r.add("POST", "/slots/{id}");
  r.add("GET", "/slots/{id}");
  r.add("GET", "/slots/all");
  r.add("GET", "/a/{x}/c/{y}");
  EXPECT_EQ(r.ask("GET", "/"), "/");
  EXPECT_EQ(r.ask("HEAD", "/"), "/");
  EXPECT_EQ(r.ask("GET", "/v1/models?x=/"), "/v1/models");
  EXPECT_EQ(r.ask("GET", "/v1/models/org/model"), "/v1/models/{name*} name=org/model");
  EXPECT_EQ(r.ask("GET", "/v1/models/org%2Fmodel"), "/v1/models/{name*} name=org/model");
  EXPECT_EQ(r.ask("GET", "/v1/models/"), "404");
  EXPECT_EQ(r.ask("POST", "/slots/7?action=save"), "/slots/{id} id=7");
  EXPECT_EQ(r.ask("GET", "/slots/all"), "/slots/all");
  EXPECT_EQ(r.ask("POST", "/slots/all"), "/slots/{id} id=all");
  EXPECT_EQ(r.ask("GET", "/a/%2F%C3%A4/c/2"), "/a/{x}/c/{y} x=/\xC3\xA4 y=2");
  for (const char* target :
       {"/v1", "/v1/models2", "//", "/slots", "/slots/", "/slots/1/2", "/a/b/c", "/V1/models"})
    EXPECT_EQ(r.ask("GET", target), "404") << target;
  EXPECT_EQ(r.ask("DELETE", "/slots/7"), "405");
  EXPECT_EQ(r.headers.get("Allow"), "POST, GET, HEAD, OPTIONS");
  EXPECT_EQ(r.ask("OPTIONS", "/slots/7"), "204");
  EXPECT_EQ(r.headers.get("Allow"), "POST, GET, HEAD, OPTIONS");
  EXPECT_EQ(r.ask("OPTIONS", "*"), "204");
  EXPECT_EQ(r.ask("get", "/"), "405");
}

TEST(Router, PrefixAndErrors) {
  RouterOptions o;
  o.prefix = "api/";
  o.error = [](const HttpError& e, const HttpRequest& q) {
    return HttpResponse{e.status, e.headers, "{" + q.path + "}"};
  };
  Routes r(std::move(o));
  r.add("GET", "/");
  r.add("GET", "/x/{y}");
  EXPECT_EQ(r.ask("GET", "/api/x/1"), "/x/{y} y=1");
  EXPECT_EQ(r.ask("GET", "/api"), "/");
  EXPECT_EQ(r.ask("GET", "/api/"), "/");
  EXPECT_EQ(r.ask("GET", "/apix/1"), "404");
  EXPECT_EQ(r.ask("GET", "/x/1"), "404");
  EXPECT_EQ(r.router.error({404, "m", {}}, request("GET", "/p")).body, "{/p}");
  EXPECT_EQ(r.router.routes()[1].path, "/api/x/{y}");
}

TEST(ApiKeys, MatchInBothFields) {
  ApiKeys keys;
  ASSERT_TRUE(keys.add("secret-1", "alice").ok());
  ASSERT_TRUE(keys.add("secret-2").ok());
  ASSERT_TRUE(keys.add_hash("2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B", "bob").ok());
  const auto match = [&](const char* name, const char* value) {
    return keys.match({{name, value}}).value_or("-");
  };
  EXPECT_EQ(match("Authorization", "Bearer secret-1"), "alice");
  EXPECT_EQ(match("authorization", "bearer   secret-1 "), "alice");
  EXPECT_EQ(match("X-Api-Key", "secret-1"), "alice");
  EXPECT_EQ(match("x-api-key", "secret-2").size(), 8u);
  EXPECT_EQ(match("x-api-key", "secret"), "bob");
  for (const char* bad : {"Bearer", "Bearer ", "Bearersecret-1", "Basic secret-1", "secret-1",
                          "Bearer secret-1x", "Bearer SECRET-1", "Bearer secret-"})
    EXPECT_EQ(match("Authorization", bad), "-") << bad;
  EXPECT_EQ(keys.match({{"Authorization", "Bearer wrong"}, {"x-api-key", "secret-1"}}), "alice");
  EXPECT_EQ(keys.match({}), std::nullopt);
  EXPECT_FALSE(keys.add("").ok());
  EXPECT_FALSE(keys.add("a b").ok());
  EXPECT_FALSE(keys.add_hash("abc").ok());
  EXPECT_FALSE(keys.add_hash(std::string(64, 'g')).ok());
}

TEST(Access, EveryRouteThatIsNotPublicNeedsAKey) {
  AccessOptions a;
  ASSERT_TRUE(a.keys.add("k", "id").ok());
  RouterOptions o;
  o.access = AccessPolicy(std::move(a));
  Routes r(std::move(o));
  r.add("GET", "/health", {.is_public = true});
  r.add("GET", "/metrics");
  r.add("POST", "/v1/chat/completions");
  for (const Router::Listed& route : r.router.routes()) {
    EXPECT_EQ(r.ask(route.method, route.path) == "401", !route.is_public) << route.path;
    EXPECT_EQ(r.ask(request(route.method, route.path, {{"x-api-key", "no"}})) == "401", !route.is_public);
    EXPECT_EQ(r.ask(request(route.method, route.path, {{"x-api-key", "k"}})), route.path);
  }
  EXPECT_EQ(r.ask("GET", "/nothing"), "401");
  EXPECT_EQ(r.headers.get("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(r.ask("DELETE", "/metrics"), "401");
  EXPECT_EQ(r.ask("HEAD", "/metrics"), "401");
}

TEST(Access, Origins) {
  const auto ask = [](AccessOptions options, const char* origin, const char* host = "localhost:8080") {
    AccessPolicy policy(std::move(options));
    HttpRequest r = request("POST", "/", {{"Origin", origin}, {"Host", host}});
    HttpHeaders headers;
    const auto error = policy.check(r, false, &headers);
    EXPECT_EQ(headers.count("Access-Control-Allow-Credentials"), 0u);
    if (error) return std::to_string(error->status) + std::string(headers.get("Access-Control-Allow-Origin"));
    return std::string(headers.get("Access-Control-Allow-Origin"));
  };
  // By default only pages of this server.
  EXPECT_EQ(ask({}, "http://localhost:8080"), "http://localhost:8080");
  EXPECT_EQ(ask({}, "https://chat.example", "chat.example"),
            "https://chat.example");  // behind a proxy with TLS
  EXPECT_EQ(ask({}, "http://chat.example", "chat.example:80"), "http://chat.example");
  for (const char* origin : {"null", "", "http://localhost", "http://localhost:3000",
                             "http://localhost:80801", "http://localhost:8080.evil.com", "http://evil.com",
                             "file://localhost:8080", "http://localhost:8080/"})
    EXPECT_EQ(ask({}, origin), "403") << origin;
  AccessOptions local;
  local.localhost_origins = true;
  EXPECT_EQ(ask(local, "http://localhost:3000"), "http://localhost:3000");
  EXPECT_EQ(ask(local, "http://127.0.0.1:3000"), "http://127.0.0.1:3000");
  EXPECT_EQ(ask(local, "http://[::1]:3000"), "http://[::1]:3000");
  for (const char* origin : {"http://localhost.evil.com", "http://127.0.0.1.evil.com",
                             "http://localhost@evil.com", "http://evil.com:localhost", "null"})
    EXPECT_EQ(ask(local, origin), "403") << origin;
  AccessOptions listed;
  listed.origins = {"https://Chat.Example.org/"};
  EXPECT_EQ(ask(listed, "https://chat.example.org"), "https://chat.example.org");
  EXPECT_EQ(ask(listed, "http://chat.example.org"), "403");
  EXPECT_EQ(ask(listed, "https://chat.example.org.evil.com"), "403");
  AccessOptions all;
  all.origins = {"*"};
  EXPECT_EQ(ask(all, "http://evil.com"), "*");
  EXPECT_EQ(ask(all, "null"), "*");
}

TEST(Access, PreflightNeedsNoKeyButAnOrigin) {
  AccessOptions a;
  ASSERT_TRUE(a.keys.add("k").ok());
  a.origins = {"https://good"};
  RouterOptions o;
  o.access = AccessPolicy(std::move(a));
  Routes r(std::move(o));
  r.add("POST", "/x");
  HttpHeaders h{{"Origin", "https://good"},
                {"Access-Control-Request-Method", "POST"},
                {"Access-Control-Request-Headers", "authorization, x-stainless-os"}};
  EXPECT_EQ(r.ask(request("OPTIONS", "/x", h)), "204");
  EXPECT_EQ(r.headers.get("Access-Control-Allow-Origin"), "https://good");
  EXPECT_EQ(r.headers.get("Access-Control-Allow-Headers"), "authorization, x-stainless-os");
  EXPECT_THAT(std::string(r.headers.get("Access-Control-Allow-Methods")), HasSubstr("POST"));
  EXPECT_EQ(r.headers.get("Vary"), "Origin");
  h.set("Origin", "https://bad");
  EXPECT_EQ(r.ask(request("OPTIONS", "/x", h)), "403");
  EXPECT_EQ(r.headers.count("Access-Control-Allow-Origin"), 0u);
}

TEST(Access, Hosts) {
  const auto good = [](const char* host, bool loopback, std::vector<std::string> hosts = {},
                       const char* peer = "") {
    AccessOptions o;
    o.hosts = std::move(hosts);
    AccessPolicy policy(std::move(o));
    HttpRequest r = request("GET", "/", {{"Host", host}});
    r.loopback = loopback;
    r.peer = peer;
    HttpHeaders headers;
    const auto error = policy.check(r, false, &headers);
    EXPECT_EQ(error ? error->status : 421, 421);
    return !error;
  };
  for (const char* host : {"localhost", "localhost:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080", ""})
    EXPECT_TRUE(good(host, true)) << host;
  for (const char* host : {"evil.com", "evil.com:8080", "localhost.evil.com", "127.0.0.1.nip.io", "10.0.0.1",
                           "0.0.0.0", "[::2]", "2130706433"})
    EXPECT_FALSE(good(host, true)) << host;
  EXPECT_TRUE(good("evil.com", true, {}, "unix"));
  EXPECT_TRUE(good("my.host:80", true, {"My.Host"}));
  EXPECT_FALSE(good("your.host:80", true, {"My.Host"}));
  EXPECT_TRUE(good("anything", true, {"*"}));
  EXPECT_TRUE(good("anything", false));
  EXPECT_FALSE(good("anything", false, {"my.host"}));
  EXPECT_TRUE(good("my.host", false, {"my.host"}));
  EXPECT_TRUE(good("192.168.1.5:8080", false, {"my.host"}));
}

TEST(Sse, LinesOfData) {
  EXPECT_EQ(sse_event("", "x"), "data: x\n\n");
  EXPECT_EQ(sse_event("ping", ""), "event: ping\ndata: \n\n");
  EXPECT_EQ(sse_event("", "a\nb\r\nc\rd\n"), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  EXPECT_EQ(sse_event("", "x\n\ndata: forged"), "data: x\ndata: \ndata: data: forged\n\n");
  EXPECT_EQ(sse_event("a\nb", "x"), "event: a\ndata: x\n\n");
}

TEST(StaticFiles, TagsAndGzip) {
  const StaticFile file("<p>", "GZIP", "text/html", page_headers("default-src 'none'"));
  const auto ask = [&](HttpHeaders h) { return file.answer(request("GET", "/", std::move(h))); };
  const HttpResponse plain = ask({});
  EXPECT_EQ(plain.body, "<p>");
  EXPECT_EQ(plain.headers.get("Content-Security-Policy"), "default-src 'none'");
  EXPECT_EQ(plain.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(plain.headers.get("Vary"), "Accept-Encoding");
  const HttpResponse zipped = ask({{"Accept-Encoding", "br, GZip;q=0.5"}});
  EXPECT_EQ(zipped.body, "GZIP");
  EXPECT_EQ(zipped.headers.get("Content-Encoding"), "gzip");
  const std::string tag(plain.headers.get("ETag"));
  EXPECT_NE(tag, zipped.headers.get("ETag"));
  for (const std::string& known : {tag, "W/" + tag, "\"x\", " + tag, std::string("*")}) {
    const HttpResponse same = ask({{"If-None-Match", known}});
    EXPECT_EQ(same.status, 304) << known;
    EXPECT_EQ(same.headers.get("ETag"), tag);
    EXPECT_EQ(same.body, "");
  }
  EXPECT_EQ(ask({{"If-None-Match", "\"x\""}}).status, 200);
  EXPECT_EQ(ask({{"If-None-Match", tag}, {"Accept-Encoding", "gzip"}}).status, 200);
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_TRUE(accepts_gzip("gzip;q=0.001"));
  for (const char* no : {"", "br", "gzip;q=0", "gzip; q=0.0, *", "identity", "gzipx"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

TEST(Router, OverASocket) {
  TestServer s;
  AccessOptions a;
  ASSERT_TRUE(a.keys.add("k", "me").ok());
  RouterOptions o;
  o.access = AccessPolicy(std::move(a));
  auto router = std::make_shared<Router>(std::move(o));
  router->add("POST", "/echo/{x}",
              [](const HttpRequest& r, const std::shared_ptr<HttpExchange>& e) {
                e->respond({200, {}, r.key_id + r.path_values.at("x") + r.body});
              },
              {.max_body_bytes = 5});
  auto made = HttpServer::create(s.options, router);
  ASSERT_TRUE(made.ok());
  s.server = made.take();
  s.thread = std::thread([&] { s.server->run(); });
  RawClient c = s.client();
  c.send("POST /echo/1 HTTP/1.1\r\nHost: localhost\r\nx-api-key: k\r\nContent-Length: 2\r\n\r\nab");
  EXPECT_EQ(c.answer().body, "me1ab");
  c.send("POST /echo/1 HTTP/1.1\r\nHost: evil.com\r\nx-api-key: k\r\n\r\n");
  EXPECT_EQ(c.answer().status, 421);
  c.send(get("/nothing", "Origin: http://localhost\r\nx-api-key: k\r\n"));
  const auto missing = c.answer();
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("Access-Control-Allow-Origin"), "http://localhost");
  c.send("POST /echo/1 HTTP/1.1\r\nHost: localhost\r\nx-api-key: k\r\nContent-Length: 6\r\n\r\n");
  EXPECT_EQ(c.answer().status, 413);
  RawClient d = s.client();
  d.send("POST /echo/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n");
  EXPECT_EQ(d.answer().status, 401);
}

}  // namespace
}  // namespace gannet
