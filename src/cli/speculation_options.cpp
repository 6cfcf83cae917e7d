#include "cli/speculation_options.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/model_options.h"
#include "cli/speculation_types.h"

namespace gannet {
namespace {

// Whether the model drafts at all, of what command line and environment say of it; the command line wins.
Result<bool> wanted(const SpeculationFlags& f, const TypeList& types) {
  const char* asks = f.given.types && !types.none ? "--spec-type"
                     : f.ngram_mod                ? "--spec-default"
                     : f.given.model              ? "--spec-draft-model"
                     : f.force                    ? "--spec-force"
                     : f.given.length             ? "--spec-synth-len"
                     : f.given.rates              ? "--spec-synth-rates"
                                                  : nullptr;
  const char* refuses = f.mode == "off" && f.given.mode ? "--spec off"
                        : types.none && f.given.types   ? "--spec-type none"
                                                        : nullptr;
  if (asks != nullptr && refuses != nullptr)
    return usage(fmt::format("{} and {} contradict each other; leave one of them out", refuses, asks));
  if (types.none && f.given.types && f.given.mode && f.mode != "off")
    return usage(
        fmt::format("--spec {} and --spec-type none contradict each other; leave one of them out", f.mode));
  if (refuses != nullptr) return false;
  if (asks != nullptr || f.given.mode) return true;
  return f.mode != "off" && !types.none;
}

// How often --spec-synth-* wants the first tokens of a draft, of n, to be right.
Result<std::vector<float>> synthetic_rates(const SpeculationFlags& f, int n) {
  std::vector<float> rates;
  if (f.synthetic_length) {
    const double rest = *f.synthetic_length - 1;
    if (rest > n)
      return usage(fmt::format(
          "--spec-synth-len {}: a round gives at most {} tokens; --spec-draft-n-max makes it longer",
          *f.synthetic_length, n + 1));
    // p + p^2 + ... + p^n grows with p: halve the interval.
    double low = 0, high = 1;
    for (int i = 0; i < 60; ++i) {
      const double p = (low + high) / 2;
      double sum = 0;
      for (int k = n; k > 0; --k) sum = (sum + 1) * p;
      (sum < rest ? low : high) = p;
    }
    double rate = 1;
    for (int i = 0; i < n; ++i) rates.push_back(static_cast<float>(rate *= high));
  } else if (!f.synthetic_rates.empty()) {
    double before = 1;
    for (const std::string& text : parts(f.synthetic_rates)) {
      double rate = 0;
      const Option number{.names = "P", .value = "P", .target = &rate, .at_least = 0, .at_most = 1};
      GANNET_TRY(set_option(number, text, "--spec-synth-rates"));
      if (rate > before)
        return usage(fmt::format(
            "--spec-synth-rates {}: a round that got as far as a position got to those before it, so no rate "
            "can be above the one before it",
            printable(f.synthetic_rates)));
      rates.push_back(static_cast<float>(rate));
      before = rate;
    }
  }
  return rates;
}

NgramSizes ngram_sizes(const NgramFlags& own, const NgramFlags& all) {
  const NgramSizes d;
  NgramSizes sizes{.size_n = own.size_n.value_or(all.size_n.value_or(d.size_n)),
                   .size_m = own.size_m.value_or(all.size_m.value_or(d.size_m)),
                   .min_hits = own.min_hits.value_or(all.min_hits.value_or(d.min_hits))};
  if (own.most) sizes.size_m = std::min(sizes.size_m, *own.most);
  return sizes;
}

// Lengths, as far as they were said.
Result<void> set_sizes(SpeculationOptions& o, const SpeculationFlags& f) {
  const auto ordered = [](const char* least, std::optional<int> low, const char* most,
                          std::optional<int> high) -> Result<void> {
    if (low && high && *low > *high)
      return usage(fmt::format("{} {}: no draft can be that long, since {} is {}", least, *low, most, *high));
    return {};
  };
  GANNET_TRY(ordered("--spec-draft-n-min", f.n_min, "--spec-draft-n-max", f.n_max));
  GANNET_TRY(ordered("--spec-ngram-mod-n-min", f.mod_n_min, "--spec-ngram-mod-n-max", f.mod_n_max));
  o.n_max_said = f.n_max.has_value();
  o.n_min = f.n_min.value_or(f.n_max ? std::min(o.n_min, *f.n_max) : o.n_min);
  o.n_max = f.n_max.value_or(std::max(o.n_max, o.n_min));
  o.p_min = f.p_min.value_or(o.p_min);
  o.simple = ngram_sizes(f.simple, f.all);
  o.map_k = ngram_sizes(f.map_k, f.all);
  o.map_k4v = ngram_sizes(f.map_k4v, f.all);
  o.mod_n_match = f.mod_n_match.value_or(f.all.size_n.value_or(o.mod_n_match));
  o.mod_n_min = f.mod_n_min.value_or(f.mod_n_max ? std::min(o.mod_n_min, *f.mod_n_max) : o.mod_n_min);
  o.mod_n_max = f.mod_n_max.value_or(std::max(o.mod_n_max, o.mod_n_min));
  o.suffix_n_max = f.suffix_n_max.value_or(o.suffix_n_max);
  return {};
}

// The files of ngram-cache, which nothing else reads.
Result<void> set_caches(SpeculationOptions& o, const SpeculationFlags& f) {
  for (const auto& [flag, path] : {std::pair("-lcs", &f.cache_static), std::pair("-lcd", &f.cache_dynamic)})
    if (!path->empty() && !names_source(o, SourceKind::kNgramCache))
      return usage(fmt::format("{} {}: only ngram-cache reads it; add {} ngram-cache", flag, printable(*path),
                               f.type_flag));
  o.cache_static = f.cache_static;
  o.cache_dynamic = f.cache_dynamic;
  return {};
}

}  // namespace

Result<SpeculationOptions> speculation_options(const SpeculationFlags& flags) {
  SpeculationFlags f = flags;
  // `--spec auto` of the command line is not narrowed by a list of the environment.
  const bool only_auto = f.given.mode && f.mode == "auto";
  if (only_auto && f.given.types)
    return usage(
        "--spec auto and --spec-type contradict each other: a list fixes what drafts; leave one out");
  if (only_auto && f.ngram_mod)
    return usage("--spec auto and --spec-default contradict each other; leave one of them out");
  if (only_auto) f.types.clear();
  const TypeList types = GANNET_TRY(parse_types(f.types, f));

  SpeculationOptions o;
  o.verification = f.verification == "rejection" ? Verification::kRejection : Verification::kSharedNoise;
  o.force = f.force;
  GANNET_TRY(set_sizes(o, f));
  GANNET_TRY(draft_session_options(f.draft, {}));
  o.synthetic_rates = GANNET_TRY(synthetic_rates(f, o.n_max));
  if (!GANNET_TRY(wanted(f, types))) {
    o.mode = SpeculationMode::kOff;
    return o;
  }
  for (const SourceName& source : kSourceNames) {
    const bool listed = std::ranges::find(types.kinds, source.kind) != types.kinds.end();
    if (listed || (source.kind == SourceKind::kNgramMod && f.ngram_mod) ||
        (source.kind == SourceKind::kDraftSimple && !f.draft.path.empty()))
      o.sources.push_back(source.kind);
  }
  GANNET_TRY(set_caches(o, f));
  const bool listed = !types.kinds.empty() || f.ngram_mod;
  if (f.force && o.sources.empty())
    return usage("--spec-force: what is to draft is not said; add --spec-type LIST or -md FILE");
  o.mode = listed || f.force ? SpeculationMode::kFixed : SpeculationMode::kAuto;
  if (!f.draft.path.empty()) return o;
  if (names_source(o, SourceKind::kDraftSimple))
    return usage(fmt::format("{} draft-simple: needs a draft model; give it with -md FILE", f.type_flag));
  // Somebody chose a draft model there.
  for (const char* name : {"GANNET_ARG_SPEC_DRAFT_HF_REPO", "LLAMA_ARG_SPEC_DRAFT_HF_REPO"})
    if (std::getenv(name) != nullptr)
      return usage(
          fmt::format("{}: models are not downloaded yet; download the file and give it with -md", name));
  return o;
}

bool names_source(const SpeculationOptions& o, SourceKind kind) {
  return std::ranges::find(o.sources, kind) != o.sources.end();
}

Result<SessionOptions> draft_session_options(const DraftModelFlags& d, const SessionOptions& target) {
  SessionOptions s = target;
  s.placement = {};
  s.placement.margin = target.placement.margin;
  s.placement.fit = target.placement.fit;
  if (d.gpu_layers != "auto") s.placement.layers = GANNET_TRY(layers_on_device("-ngld", d.gpu_layers));
  if (s.placement.layers == 0) s.device = nullptr;
  if (d.threads > 0) s.n_threads = s.n_threads_batch = d.threads;
  if (d.threads_batch > 0) s.n_threads_batch = d.threads_batch;
  if (!d.cpu_mask.empty()) {
    auto cpus = ThreadTeam::parse_cpu_mask(d.cpu_mask);
    if (!cpus.ok()) return cpus.take_error().with_context("--spec-draft-cpu-mask");
    s.cpus = cpus.take();
  }
  s.k_type = GANNET_TRY(cache_type("--spec-draft-type-k", d.cache_type_k));
  s.v_type = GANNET_TRY(cache_type("--spec-draft-type-v", d.cache_type_v));
  s.mtp = false;
  return s;
}

}  // namespace gannet
