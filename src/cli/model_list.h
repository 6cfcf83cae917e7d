// Which models `gannet serve` has: the one of -m, those of a folder, those of a preset file.
#pragma once

#include <string>
#include <vector>

#include "cli/served_model.h"

namespace gannet {

struct ModelListFlags {
  std::string folder, preset;
  int most_loaded = 4;
  int64_t most_mib = 0;  // 0: what the machine has
  int idle_seconds = 0;
};

void add_model_list_options(Options& options, ModelListFlags& flags);

// The models, first the one for requests that name none. `flags` are of the command line; a preset file has
// more for all models ("[*]") or one ("[NAME]"), which count where the command line says nothing. Errors:
// kUsage with file and line; kModelFile for a model of -m that is none.
Result<std::vector<ServedModel>> served_models(const ServedModelFlags& flags, const ModelListFlags& list,
                                               const AdjustService& adjust);

ModelPoolOptions pool_options(const ModelListFlags& list);

}  // namespace gannet
