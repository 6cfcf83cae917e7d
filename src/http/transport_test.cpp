// TLS and UNIX sockets.
#include <gmock/gmock.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "http/http_client_for_test.h"

namespace gannet {
namespace {

using testing::HasSubstr;

struct Folder {
  Folder() {
    char name[] = "/tmp/gannet-http-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

// A certificate that signs itself, and its key, as PEM files.
void make_certificate(const std::string& certificate, const std::string& key) {
  EVP_PKEY* pair = EVP_EC_gen("P-256");
  X509* x = X509_new();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, pair);
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                             -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_sign(x, pair, EVP_sha256());
  FILE* f = fopen(certificate.c_str(), "w");
  PEM_write_X509(f, x);
  fclose(f);
  f = fopen(key.c_str(), "w");
  PEM_write_PrivateKey(f, pair, nullptr, nullptr, 0, nullptr, nullptr);
  fclose(f);
  X509_free(x);
  EVP_PKEY_free(pair);
}

class TlsClient {
 public:
  // `highest`: 0, or the newest version offered.
  explicit TlsClient(uint16_t port, int highest = 0)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_, 0);
    if (highest != 0) {
      SSL_CTX_set_min_proto_version(context_, 0);
      SSL_CTX_set_max_proto_version(context_, highest);
    }
    ssl_ = SSL_new(context_);
    const unsigned char protocols[] = "\x02h2\x08http/1.1";
    SSL_set_alpn_protos(ssl_, protocols, sizeof protocols - 1);
    SSL_set_fd(ssl_, raw_.descriptor());
    good_ = SSL_connect(ssl_) == 1;
    ERR_clear_error();
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  bool good() const { return good_; }
  void send(const std::string& bytes) { SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())); }
  std::string until(std::string_view mark) {
    while (read_.find(mark) == std::string::npos && more()) {
    }
    return std::exchange(read_, {});
  }
  std::string bytes(size_t n) {
    while (read_.size() < n && more()) {
    }
    return std::exchange(read_, {});
  }
  // The other side said goodbye, rather than cut.
  bool ended_properly() {
    while (more()) {
    }
    return SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN;
  }
  std::string protocol() const {
    const unsigned char* p = nullptr;
    unsigned n = 0;
    SSL_get0_alpn_selected(ssl_, &p, &n);
    return std::string(reinterpret_cast<const char*>(p), n);
  }
  RawClient raw_;

 private:
  bool more() {
    char buffer[20'000];
    const int n = SSL_read(ssl_, buffer, sizeof buffer);
    if (n > 0) read_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }
  SSL_CTX* context_;
  SSL* ssl_;
  bool good_ = false;
  std::string read_;
};

struct TlsServer : TestServer {
  TlsServer() {
    options.tls_certificate = folder.path + "/cert.pem";
    options.tls_key = folder.path + "/key.pem";
    make_certificate(options.tls_certificate, options.tls_key);
  }
  Folder folder;
};

TEST(Tls, RequestsAndStreams) {
  TlsServer s;
  std::shared_ptr<HttpExchange> held;
  std::atomic<bool> there{false};
  std::atomic<int> aborted{0};
  s.handler->functions["/s"] = [&](const HttpRequest& r, std::shared_ptr<HttpExchange> e) {
    EXPECT_TRUE(r.tls);
    e->begin_stream(200, {});
    e->on_abort([&](HttpAbort) { ++aborted; });
    held = std::move(e);
    there = true;
  };
  s.start();
  EXPECT_THAT(s.server->addresses()[0].url, HasSubstr("https://127.0.0.1:"));
  TlsClient c(s.port());
  ASSERT_TRUE(c.good());
  EXPECT_EQ(c.protocol(), "http/1.1");
  c.send(get("/a"));
  EXPECT_THAT(c.until("GET /a "), HasSubstr("200 OK"));
  const std::string big(300'000, 'y');  // many records
  c.send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + big);
  EXPECT_THAT(c.bytes(300'100), HasSubstr("POST /b y"));
  c.send(get("/s"));
  c.until("\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return there.load(); }));
  held->write("piece");
  EXPECT_THAT(c.until("piece\r\n"), HasSubstr("5\r\npiece"));
  c.raw_.close();
  EXPECT_TRUE(eventually([&] { return aborted == 1; }, 1000ms));
  TlsClient d(s.port());
  d.send(get("/last", "Connection: close\r\n"));
  EXPECT_TRUE(d.ended_properly());
}

TEST(Tls, SlowReadersOfManyRecords) {
  static constexpr size_t kBig = 8'000'000;
  TlsServer s;
  s.handler->functions["/big"] = [](const HttpRequest&, const std::shared_ptr<HttpExchange>& e) {
    e->respond({200, {}, std::string(kBig, 'z')});
  };
  s.start();
  TlsClient c(s.port());
  c.send(get("/big"));
  std::this_thread::sleep_for(50ms);
  EXPECT_GT(c.bytes(kBig + 100).size(), kBig);
}

TEST(Tls, OldVersionsAndOtherTalkAreRefused) {
  TlsServer s;
  s.options.header_time = 200ms;
  s.start();
  EXPECT_FALSE(TlsClient(s.port(), TLS1_1_VERSION).good());
  EXPECT_TRUE(TlsClient(s.port(), TLS1_2_VERSION).good());
  RawClient plain = s.client();
  plain.send(get("/"));
  EXPECT_TRUE(plain.closes(1000ms));
  RawClient silent = s.client();
  EXPECT_TRUE(silent.closes(1000ms));
  TlsClient c(s.port());
  c.send(get("/"));
  EXPECT_THAT(c.until("GET / "), HasSubstr("200 OK"));
}

TEST(Tls, AKeyOfAnotherCertificateIsAnError) {
  TlsServer a, b;
  HttpOptions o = a.options;
  o.tls_key = b.options.tls_key;
  auto made = HttpServer::create(o, a.handler);
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message(), HasSubstr("TLS key " + o.tls_key));
}

TEST(UnixSocket, IsMadeSafelyAndRemoved) {
  Folder folder;
  const std::string path = folder.path + "/s.sock";
  struct stat st;
  {
    TestServer s;
    s.options.listen = {HttpListen{"127.0.0.1", 0}, HttpListen{.unix_path = path}};
    s.handler->functions["/who"] = [](const HttpRequest& r, const std::shared_ptr<HttpExchange>& e) {
      e->respond({200, {}, r.peer});
    };
    s.start();
    ASSERT_EQ(lstat(path.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    EXPECT_EQ(s.server->addresses()[1].url, "unix:" + path);
    RawClient c(path);
    c.send(get("/who"));
    EXPECT_EQ(c.answer().body, "unix");
    RawClient d = s.client();
    d.send(get("/who"));
    EXPECT_EQ(d.answer().body, "127.0.0.1");
    // In use: not taken away.
    HttpOptions o;
    o.listen = {HttpListen{.unix_path = path}};
    auto second = HttpServer::create(o, s.handler);
    ASSERT_FALSE(second.ok());
    EXPECT_THAT(second.error().message(), HasSubstr("another server"));
  }
  EXPECT_NE(lstat(path.c_str(), &st), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
}

TEST(UnixSocket, AStaleOneIsReplacedAndOtherFilesAreNot) {
  Folder folder;
  const std::string path = folder.path + "/s.sock";
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    path.copy(a.sun_path, sizeof a.sun_path - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    ::close(fd);  // its name stays
  }
  TestServer s;
  s.options.listen = {HttpListen{.unix_path = path, .unix_mode = 0660}};
  s.start();
  RawClient c(path);
  c.send(get("/x"));
  EXPECT_EQ(c.answer().status, 200);
  // The name belongs to somebody else at the end: it stays.
  std::filesystem::remove(path);
  std::ofstream(path) << "mine";
  s.stop(0ms);
  s.server.reset();
  EXPECT_TRUE(std::filesystem::exists(path));
  HttpOptions o;
  o.listen = {HttpListen{.unix_path = path}};
  EXPECT_FALSE(HttpServer::create(o, s.handler).ok());
  o.listen[0].unix_path = folder.path + "/" + std::string(120, 'x');
  auto long_name = HttpServer::create(o, s.handler);
  ASSERT_FALSE(long_name.ok());
  EXPECT_THAT(long_name.error().message(), HasSubstr("longer"));
}

}  // namespace
}  // namespace gannet
