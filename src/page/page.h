// The chat page of the server: files that are part of the program, and the routes that answer with them. The
// files are built from web/ and lie in dist/.
#pragma once

#include <span>
#include <string_view>

#include "http/router.h"

namespace gannet {

struct PageFile {
  std::string_view path;  // "/app.js"; "/" for the page itself
  std::string_view content_type;
  std::string_view plain;  // the file
  std::string_view gzip;   // the same packed; empty where packing gains nothing
};

// Constant, for any thread.
std::span<const PageFile> page_files();

// What a browser lets the page do: run its own files, ask its own server, nothing else.
std::string_view page_policy();

// Adds a route for each file. None needs a key: the page asks the user for it.
void add_page(Router& router);

}  // namespace gannet
