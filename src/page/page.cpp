#include "page/page.h"

#include <memory>
#include <string>
#include <utility>

#include "http/static_file.h"

namespace gannet {

std::string_view page_policy() {
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src "
         "'self'; "
         "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
         "require-trusted-types-for 'script'; trusted-types dompurify";
}

void add_page(Router& router) {
  for (const PageFile& file : page_files()) {
    auto answers = std::make_shared<const StaticFile>(file.plain, file.gzip, file.content_type,
                                                      page_headers(page_policy()));
    router.add("GET", file.path,
               [answers = std::move(answers), is_page = file.path == "/"](
                   const HttpRequest& request, const std::shared_ptr<HttpExchange>& exchange) {
                 // The page names its files and its server relative to itself: "/prefix" would be the wrong
                 // place.
                 if (is_page && !request.path.ends_with('/'))
                   exchange->respond({308, {{"Location", request.path + "/"}}, {}});
                 else
                   exchange->respond(answers->answer(request));
               },
               {.is_public = true});
  }
}

}  // namespace gannet
