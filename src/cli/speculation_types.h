// What stands behind --spec-type: names of sources, and values of theirs.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/speculation_options.h"

namespace gannet {

inline constexpr int kMostDraft = 1024;

struct TypeList {
  std::vector<SourceKind> kinds;  // as typed
  bool none = false;              // "none" and nothing else
};

// "ngram-simple, ngram-map-k, ..."
std::string source_names();

// Lists as typed: "NAME,NAME", "NAME:key=value,key=value". Values go where the flag of the same meaning puts
// its own. Errors: kUsage naming the name or the key.
Result<TypeList> parse_types(const std::vector<std::string>& lists, SpeculationFlags& flags);

}  // namespace gannet
