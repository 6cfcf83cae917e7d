// Flags of speculation and of draft models. What is typed and what it means are apart: the first has every
// spelling that other programs know, the second is draft/options.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "draft/options.h"
#include "engine/session.h"

namespace gannet {

// Of one of ngram-simple, ngram-map-k and ngram-map-k4v, or of all. `most`: key n_max of --spec-type.
struct NgramFlags {
  std::optional<int> size_n, size_m, min_hits, most;
};

struct DraftModelFlags {
  std::string path;                    // empty: no draft model
  int threads = 0, threads_batch = 0;  // 0: those of the target; batch: as threads
  std::string cpu_mask;                // empty: that of the target
  std::string cache_type_k = "f16", cache_type_v = "f16";
  std::string gpu_layers = "auto";  // only that or 0
  int64_t ctx_size = 0;             // without effect: as long as that of the target
};

struct SpeculationFlags {
  std::string mode = "auto";
  std::vector<std::string> types;         // as typed: "ngram-mod,draft-mtp", "mtp:n_max=1"
  std::string type_flag = "--spec-type";  // what messages call the flag they came with
  bool ngram_mod = false;                 // --spec-default
  std::string verification = "shared-noise";
  bool force = false;
  std::optional<int> n_max, n_min;
  std::optional<float> p_min;
  std::optional<float> p_split;  // without effect: drafts do not branch
  bool backend_sampling = true;  // without effect: tokens are drafted where the model runs
  int heads = 1;                 // without effect: only 1 can be given
  NgramFlags simple, map_k, map_k4v, all;
  std::optional<int> mod_n_match, mod_n_min, mod_n_max;
  std::optional<int> suffix_n_max;
  std::string cache_static, cache_dynamic;
  std::optional<float> synthetic_length;
  std::string synthetic_rates;
  DraftModelFlags draft;

  // What stands on the command line, against which the environment does not count.
  struct {
    bool mode = false, types = false, model = false, length = false, rates = false;
  } given;
};

void add_speculation_options(Options& options, SpeculationFlags& flags);

// What the flags ask for. Errors: kUsage, one line that names the flag: values that cannot be, sources that
// there are not, flags that contradict each other.
Result<SpeculationOptions> speculation_options(const SpeculationFlags& flags);

// Whether `kind` is among the sources that were named; never with speculation off.
bool names_source(const SpeculationOptions& options, SourceKind kind);

// How the draft model runs: as the target except for what the flags say. Errors: kUsage naming the flag.
Result<SessionOptions> draft_session_options(const DraftModelFlags& flags, const SessionOptions& target);

}  // namespace gannet
