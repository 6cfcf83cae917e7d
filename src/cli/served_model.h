// A model as `gannet serve` has it: its flags, and the way from them to a service that answers.
#pragma once

#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/model_options.h"
#include "cli/speculation_options.h"
#include "serve/model_pool.h"

namespace gannet {

struct ServedModelFlags {
  ModelOptions model;
  SpeculationFlags speculation;
  std::string alias;  // "NAME,MORE,..."
  std::string chat_template, template_file;
  int n_parallel = 4, most_waiting = 64;
  int64_t cache_ram = -2;  // MiB; -1: no limit, -2: as there is
  int64_t cache_disk = 8192;
  std::string cache_dir;  // empty: nothing is kept on disk
};

void add_served_model_options(Options& options, ServedModelFlags& flags);

// Loads it; says on stderr what the user should know. `name`: as clients call it. `adjust` may be null.
Result<std::unique_ptr<LoadedModel>> load_served_model(const ServedModelFlags& flags, const std::string& name,
                                                       const AdjustService& adjust);

}  // namespace gannet
