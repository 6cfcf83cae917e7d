// Every file of the page as a browser gets it, through a router with keys.
#include <gmock/gmock.h>

#include "http/router.h"
#include "http/static_file.h"
#include "page/page.h"

namespace gannet {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr size_t kMostBytes = 500 * 1000;  // of all files, packed

std::string_view packed(const PageFile& file) {
  return file.gzip.empty() ? file.plain : file.gzip;
}

const PageFile& file_at(std::string_view path) {
  for (const PageFile& file : page_files())
    if (file.path == path) return file;
  ADD_FAILURE() << path << " is not there";
  return page_files().front();
}

TEST(Page, HasItsFilesWithTheirTypes) {
  EXPECT_EQ(file_at("/").content_type, "text/html; charset=utf-8");
  EXPECT_EQ(file_at("/app.js").content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(file_at("/app.css").content_type, "text/css; charset=utf-8");
  EXPECT_EQ(file_at("/icon.svg").content_type, "image/svg+xml");
  for (const PageFile& file : page_files()) {
    EXPECT_FALSE(file.plain.empty()) << file.path;
    const bool font = file.path.ends_with(".woff2");
    EXPECT_EQ(file.gzip.empty(), font) << file.path;
    EXPECT_EQ(file.content_type == "font/woff2", font) << file.path;
    EXPECT_EQ(file.plain.starts_with("wOF2"), font) << file.path;
    if (font) continue;
    EXPECT_TRUE(file.gzip.starts_with("\x1f\x8b")) << file.path;
    EXPECT_LT(file.gzip.size(), file.plain.size()) << file.path;
    // The last four bytes of gzip's format: how long the file is.
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(file.gzip[file.gzip.size() - i]); };
    EXPECT_EQ(byte(4) | byte(3) << 8 | byte(2) << 16 | byte(1) << 24, static_cast<int>(file.plain.size()));
  }
}

TEST(Page, IsSmall) {
  size_t sum = 0;
  for (const PageFile& file : page_files()) sum += packed(file).size();
  EXPECT_LE(sum, kMostBytes);
  EXPECT_LE(page_files().size(), 40U);
}

TEST(Page, NeedsNothingInline) {
  const std::string_view html = file_at("/").plain;
  EXPECT_THAT(std::string(html), Not(HasSubstr("style=")));
  EXPECT_THAT(std::string(html), Not(HasSubstr("<style")));
  EXPECT_THAT(std::string(html), Not(HasSubstr("http")));
  for (size_t at = html.find("<script"); at != html.npos; at = html.find("<script", at + 1)) {
    const std::string_view tag = html.substr(at, html.find('>', at) - at);
    EXPECT_THAT(std::string(tag), HasSubstr("src=\"./"));
    EXPECT_TRUE(html.substr(at + tag.size()).starts_with("></script>"));
  }
}

TEST(Page, ThePolicyAllowsOnlyTheServerItself) {
  const std::string policy(page_policy());
  for (const char* rule : {"default-src 'none'", "script-src 'self'", "style-src 'self'",
                           "img-src 'self' data: blob:", "font-src 'self'", "connect-src 'self'",
                           "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"})
    EXPECT_THAT(policy, HasSubstr(rule));
  for (const char* hole : {"unsafe", "http:", "https:", "*"}) EXPECT_THAT(policy, Not(HasSubstr(hole)));
}

HttpRequest get(std::string_view path, HttpHeaders headers = {}) {
  HttpRequest request;
  request.method = "GET";
  request.target = request.path = path;
  request.headers = std::move(headers);
  return request;
}

TEST(Page, AnswersWithTagsGzipAndHeaders) {
  for (const PageFile& file : page_files()) {
    SCOPED_TRACE(file.path);
    const StaticFile answers(file.plain, file.gzip, file.content_type, page_headers(page_policy()));
    const HttpResponse plain = answers.answer(get(file.path));
    EXPECT_EQ(plain.status, 200);
    EXPECT_EQ(plain.body, file.plain);
    EXPECT_EQ(plain.headers.get("Content-Type"), file.content_type);
    EXPECT_EQ(plain.headers.get("Content-Security-Policy"), page_policy());
    EXPECT_EQ(plain.headers.get("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(plain.headers.get("Referrer-Policy"), "no-referrer");
    EXPECT_EQ(plain.headers.find("Content-Encoding"), nullptr);
    const HttpResponse zipped = answers.answer(get(file.path, {{"Accept-Encoding", "gzip, br"}}));
    EXPECT_EQ(zipped.body, packed(file));
    EXPECT_EQ(zipped.headers.get("Content-Encoding"), file.gzip.empty() ? "" : "gzip");
    for (const HttpResponse* known : {&plain, &zipped}) {
      HttpHeaders asks{{"If-None-Match", std::string(known->headers.get("ETag"))}};
      if (known == &zipped) asks.add("Accept-Encoding", "gzip");
      const HttpResponse same = answers.answer(get(file.path, asks));
      EXPECT_EQ(same.status, 304);
      EXPECT_TRUE(same.body.empty());
    }
  }
}

TEST(Page, RoutesAreForEverybody) {
  AccessOptions access;
  ASSERT_TRUE(access.keys.add("a-long-enough-secret-key").ok());
  RouterOptions options;
  options.access = AccessPolicy(access);
  Router router(std::move(options));
  add_page(router);
  EXPECT_EQ(router.routes().size(), page_files().size());
  for (const Router::Listed& route : router.routes()) {
    EXPECT_TRUE(route.is_public) << route.path;
    HttpRequest request = get(route.path);
    request.host = "localhost";
    EXPECT_FALSE(router.admit(request).refusal.has_value()) << route.path;
  }
}

}  // namespace
}  // namespace gannet
