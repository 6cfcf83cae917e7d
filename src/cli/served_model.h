// A model as `gannet serve` has it: its flags, and the way from them to a service that answers.
#pragma once

#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/model_options.h"
#include "cli/request_flags.h"
#include "cli/speculation_options.h"
#include "serve/model_pool.h"

namespace gannet {

struct ServedModelFlags {
  ModelOptions model;
  SpeculationFlags speculation;
  RequestFlags request;
  std::string alias, tags;  // "NAME,MORE,..."
  int n_parallel = 4, most_waiting = 64;
  int64_t cache_ram = -2;  // MiB; -1: no limit, -2: as there is
  int64_t cache_disk = 8192;
  std::string cache_dir;  // empty: nothing is kept on disk
  int checkpoint_tokens = static_cast<int>(SchedulerOptions{}.checkpoint_tokens);
  int n_checkpoints = 0;  // accepted
};

void add_served_model_options(Options& options, ServedModelFlags& flags);

// Loads it; says on stderr what the user should know. `name`: as clients call it. `adjust` may be null.
Result<std::unique_ptr<LoadedModel>> load_served_model(const ServedModelFlags& flags, const std::string& name,
                                                       const AdjustService& adjust);

}  // namespace gannet
