// The records of the flags of speculation.
#include <fmt/format.h>

#include "cli/speculation_options.h"
#include "cli/speculation_types.h"
#include "tensor/kv_formats.h"

namespace gannet {
namespace {

void add_source_options(Options& options, SpeculationFlags& f) {
  const Options own = {
      {.names = "--spec",
       .value = "MODE",
       .help = "Draft tokens and verify several at once; the text stays the same. auto (or on): with the "
               "model's MTP block if it has one and with what the text repeats, as much as pays on this "
               "machine; off (or --no-spec): one token at a time",
       .target = &f.mode,
       .choices = {"auto", "on", "off"},
       .environment = "SPEC",
       .given = &f.given.mode},
      {.names = "--spec-type",
       .value = "LIST",
       .help =
           fmt::format("What drafts, instead of what --spec auto finds: {}; none: nothing. Of several the "
                       "first in this order that has a draft. May be repeated; NAME:key=value,... "
                       "sets values of one",
                       source_names()),
       .target = &f.types,
       .environment = "SPEC_TYPE",
       .given = &f.given.types},
      {.names = "--spec-default", .help = "Add ngram-mod to the list of --spec-type", .target = &f.ngram_mod},
      {.names = "--spec-verify",
       .value = "HOW",
       .help =
           "shared-noise: the text is that of no speculation, token for token; rejection: only as likely; "
           "accepts a little more",
       .target = &f.verification,
       .choices = {"shared-noise", "rejection"},
       .environment = "SPEC_VERIFY"},
      {.names = "--spec-force",
       .help = "Draft with what --spec-type or -md says even where that loses time",
       .target = &f.force},
  };
  options.insert(options.end(), own.begin(), own.end());
}

void add_draft_model_options(Options& options, DraftModelFlags& d, bool& given) {
  const Options own = {
      {.names = "-md,--spec-draft-model,--model-draft",
       .value = "FILE",
       .help = "A small model that drafts (draft-simple); it needs the vocabulary of the model",
       .target = &d.path,
       .environment = "SPEC_DRAFT_MODEL,MODEL_DRAFT",
       .given = &given},
      {.names = "-td,--spec-draft-threads,--threads-draft",
       .value = "N",
       .help = "Its threads while drafting; 0: as --threads",
       .target = &d.threads,
       .at_least = 0,
       .at_most = kMostThreads},
      {.names = "-tbd,--spec-draft-threads-batch,--threads-batch-draft",
       .value = "N",
       .help = "Its threads while reading the prompt; 0: as -td, else as --threads-batch",
       .target = &d.threads_batch,
       .at_least = 0,
       .at_most = kMostThreads},
      {.names = "-Cd,--spec-draft-cpu-mask,--cpu-mask-draft",
       .value = "MASK",
       .help = "Bind its threads to the CPUs of this hexadecimal mask; default: as --cpu-mask",
       .target = &d.cpu_mask},
      {.names = "-ctkd,--spec-draft-type-k,--cache-type-k-draft",
       .value = "TYPE",
       .help = fmt::format("Type of its stored keys: {}", kKvFormatNames),
       .target = &d.cache_type_k,
       .environment = "SPEC_DRAFT_CACHE_TYPE_K,CACHE_TYPE_K_DRAFT"},
      {.names = "-ctvd,--spec-draft-type-v,--cache-type-v-draft",
       .value = "TYPE",
       .help = fmt::format("Type of its stored values: {}", kKvFormatNames),
       .target = &d.cache_type_v,
       .environment = "SPEC_DRAFT_CACHE_TYPE_V,CACHE_TYPE_V_DRAFT"},
      {.names = "-cd,--ctx-size-draft",
       .value = "N",
       .help = "Accepted: its context is as long as the model's",
       .target = &d.ctx_size,
       .at_least = 0,
       .environment = "CTX_SIZE_DRAFT"},
      {.names = "-ngld,--spec-draft-ngl,--gpu-layers-draft,--n-gpu-layers-draft",
       .value = "N",
       .help = "Its layers on the model's device: 0, a number, all, or auto: as many as fit",
       .target = &d.gpu_layers,
       .environment = "N_GPU_LAYERS_DRAFT"},
  };
  options.insert(options.end(), own.begin(), own.end());
}

void add_length_options(Options& options, SpeculationFlags& f) {
  const Options own = {
      {.names = "--spec-draft-n-max,--draft,--draft-n,--draft-max",
       .value = "N",
       .help = "Most tokens that a model (draft-simple, draft-mtp) drafts at a time; default: 3, with --spec "
               "auto as many as pay",
       .target = &f.n_max,
       .at_least = 0,
       .at_most = kMostDraft,
       .environment = "SPEC_DRAFT_N_MAX,DRAFT_MAX"},
      {.names = "--spec-draft-n-min,--draft-min,--draft-n-min",
       .value = "N",
       .help = "Shorter drafts of a model are thrown away; default: 0",
       .target = &f.n_min,
       .at_least = 0,
       .at_most = kMostDraft,
       .environment = "SPEC_DRAFT_N_MIN,DRAFT_MIN"},
      {.names = "--spec-draft-p-min,--draft-p-min",
       .value = "P",
       .help = "A token that the drafting model finds less likely ends its draft; default: 0",
       .target = &f.p_min,
       .at_least = 0,
       .at_most = 1,
       .environment = "SPEC_DRAFT_P_MIN,DRAFT_P_MIN"},
      {.names = "--spec-draft-p-split,--draft-p-split",
       .value = "P",
       .help = "Accepted: drafts do not branch",
       .target = &f.p_split,
       .at_least = 0,
       .at_most = 1,
       .environment = "SPEC_DRAFT_P_SPLIT"},
      {.names = "--spec-draft-backend-sampling",
       .help = "Accepted: drafted tokens are chosen where the model runs",
       .target = &f.backend_sampling,
       .environment = "SPEC_DRAFT_BACKEND_SAMPLING"},
  };
  options.insert(options.end(), own.begin(), own.end());
}

void add_ngram_options(Options& options, SpeculationFlags& f) {
  const SpeculationOptions d;
  const auto number = [&](std::string names, std::string help, std::optional<int>& target, int at_least) {
    options.push_back({.names = std::move(names),
                       .value = "N",
                       .help = std::move(help),
                       .target = &target,
                       .at_least = static_cast<double>(at_least),
                       .at_most = kMostDraft});
  };
  number("--spec-ngram-mod-n-match",
         fmt::format("ngram-mod: tokens that must repeat; default: {}", d.mod_n_match), f.mod_n_match, 1);
  number("--spec-ngram-mod-n-min",
         fmt::format("ngram-mod: shorter drafts are thrown away; default: {}", d.mod_n_min), f.mod_n_min, 0);
  number("--spec-ngram-mod-n-max", fmt::format("ngram-mod: most tokens of a draft; default: {}", d.mod_n_max),
         f.mod_n_max, 0);
  for (const auto& [name, flags] : {std::pair("simple", &f.simple), std::pair("map-k", &f.map_k),
                                    std::pair("map-k4v", &f.map_k4v), std::pair("", &f.all)}) {
    const std::string prefix = *name ? fmt::format("--spec-ngram-{}-", name) : "--spec-ngram-";
    const auto help = [&](const char* what, const char* most, int value) {
      return *name ? fmt::format("ngram-{}: {}; default: {}", name, what, value)
                   : fmt::format("The same for {} where its own flag is not given", most);
    };
    constexpr const char* kThree = "ngram-simple, ngram-map-k and ngram-map-k4v";
    number(prefix + "size-n", help("tokens that must repeat", "all four", d.simple.size_n), flags->size_n, 1);
    number(prefix + "size-m", help("most tokens of a draft", kThree, d.simple.size_m), flags->size_m, 1);
    number(prefix + "min-hits", help("how often they must have been seen", kThree, d.simple.min_hits),
           flags->min_hits, 1);
  }
  options.push_back({.names = "-lcs,--lookup-cache-static",
                     .value = "FILE",
                     .help = "ngram-cache: counts of a corpus, only read",
                     .target = &f.cache_static});
  options.push_back({.names = "-lcd,--lookup-cache-dynamic",
                     .value = "FILE",
                     .help = "ngram-cache: counts of earlier answers, read and written",
                     .target = &f.cache_dynamic});
}

void add_probe_options(Options& options, SpeculationFlags& f) {
  const Options own = {
      {.names = "--spec-synth-len",
       .value = "L",
       .help = "To measure costs, not for use: whatever is drafted, L tokens come of a round on average",
       .target = &f.synthetic_length,
       .at_least = 1,
       .environment = "SPEC_SYNTH_LEN",
       .excludes = "--spec-synth-rates",
       .given = &f.given.length},
      {.names = "--spec-synth-rates",
       .value = "P0,P1,...",
       .help = "The same by position: how often a round gets that far",
       .target = &f.synthetic_rates,
       .environment = "SPEC_SYNTH_RATES",
       .excludes = "--spec-synth-len",
       .given = &f.given.rates},
  };
  options.insert(options.end(), own.begin(), own.end());
}

}  // namespace

void add_speculation_options(Options& options, SpeculationFlags& f) {
  const size_t first = options.size();
  add_source_options(options, f);
  add_draft_model_options(options, f.draft, f.given.model);
  add_length_options(options, f);
  add_ngram_options(options, f);
  add_probe_options(options, f);
  for (size_t i = first; i < options.size(); ++i) options[i].group = "Speculation";
}

}  // namespace gannet
