// What the server answers at which path.
#pragma once

#include <memory>

#include "http/router.h"
#include "serve/model_pool.h"

namespace gannet {

struct RoutesOptions {
  RouterOptions router;
  std::string version;         // of this program
  std::string slot_save_path;  // folder of POST /slots?action=save and restore; empty: they are refused
  int64_t ping_seconds = 10;   // between signs of life in silent streams; -1: none
  // What is off answers 501, the page 404.
  bool metrics = true, props = true, slots = true, page = true;
};

// The pool must outlive the router and all of its exchanges.
std::shared_ptr<Router> make_routes(ModelPool& pool, RoutesOptions options);

}  // namespace gannet
