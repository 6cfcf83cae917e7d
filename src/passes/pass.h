// What a pass is: a named rewrite of a graph that keeps its meaning. Passes know ops, never models or
// machines.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/api/capabilities.h"
#include "passes/edit.h"

namespace gannet {

class PatternCache;

struct PassContext {
  OpCatalogue ops;
  PatternCache& patterns;
  const Capabilities& can;  // of the back end that the graph is for
};

struct Pass {
  const char* name;     // "eliminate_copies"
  const char* summary;  // one sentence
  // True when the pass only changes where data lies or how often it is moved, never the order or the kind of
  // arithmetic: results stay equal to the bit.
  bool moves_data_only;
  // Rewrites through `edit` (which the caller finishes). What it rewrites is told by edit.changes().
  void (*run)(GraphEdit& edit, PassContext& context);
};

// All passes in the order of the pipeline.
std::span<const Pass* const> all_passes();

// Null when there is no pass of that name.
const Pass* find_pass(std::string_view name);

}  // namespace gannet
