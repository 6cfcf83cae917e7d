// Files that are part of the program: the page and what belongs to it. Constant, so that any thread may use
// them.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace gannet {

class StaticFile {
 public:
  // `plain` and `gzip`, its gzip form or empty, stay the caller's and must outlive this. `headers` go with
  // every answer: for pages page_headers(). `cache_control`: by default a browser keeps it but asks each
  // time.
  StaticFile(std::string_view plain, std::string_view gzip, std::string_view content_type,
             HttpHeaders headers = {}, std::string_view cache_control = "no-cache");

  // The file in the form that the client takes, or 304 when it has it already.
  HttpResponse answer(const HttpRequest& request) const;

 private:
  std::string_view plain_, gzip_;
  HttpHeaders headers_;
  std::string plain_tag_, gzip_tag_;  // ETags, quoted
};

// Whether an Accept-Encoding field allows gzip.
bool accepts_gzip(std::string_view accept_encoding);
// Whether an If-None-Match field names the tag.
bool names_tag(std::string_view if_none_match, std::string_view tag);

}  // namespace gannet
