// What a user may say about speculation: which sources draft, how much, how it is verified. Must not know:
// sequences, models.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gannet {

enum class SourceKind : uint8_t {
  kNgramSimple,
  kNgramMapK,
  kNgramMapK4v,
  kNgramMod,
  kNgramCache,
  kSuffix,       // ngram-suffix: suffix automaton
  kDraftSimple,  // a model of its own
  kMtp,          // the model's own block
};
struct SourceName {
  SourceKind kind;
  const char* name;  // as in --spec-type
};
// In order of priority: where several are on and no controller chooses, the first that has a draft drafts.
inline constexpr SourceName kSourceNames[] = {
    {SourceKind::kNgramSimple, "ngram-simple"},  {SourceKind::kNgramMapK, "ngram-map-k"},
    {SourceKind::kNgramMapK4v, "ngram-map-k4v"}, {SourceKind::kNgramMod, "ngram-mod"},
    {SourceKind::kNgramCache, "ngram-cache"},    {SourceKind::kSuffix, "ngram-suffix"},
    {SourceKind::kDraftSimple, "draft-simple"},  {SourceKind::kMtp, "draft-mtp"},
};
inline constexpr const char* source_name(SourceKind kind) {
  for (const SourceName& s : kSourceNames)
    if (s.kind == kind) return s.name;
  return "";
}

enum class SpeculationMode : uint8_t {
  kOff,
  kAuto,   // the sources that this model has, as much as pays
  kFixed,  // the sources and lengths that were asked for, unless that loses
};
enum class Verification : uint8_t {
  kSharedNoise,  // the text is that of no speculation, token for token
  kRejection,    // the distribution is that of no speculation; accepts a little more
};

// n-grams of `size_n` tokens; drafts of `size_m`; keys must have been seen min_hits times.
struct NgramSizes {
  int size_n = 12, size_m = 48, min_hits = 1;
};

struct SpeculationOptions {
  SpeculationMode mode = SpeculationMode::kAuto;
  Verification verification = Verification::kSharedNoise;
  // In order of priority. kFixed: what drafts. kAuto: empty, what pays is found out; or draft-simple alone,
  // when there is a draft model to try besides.
  std::vector<SourceKind> sources = {};
  bool force = false;  // kFixed: even when it loses

  // Drafts of models.
  int n_max = 3, n_min = 0;
  bool n_max_said = false;  // n_max is the user's word, so that kAuto does not go beyond it either
  float p_min = 0;          // a token less likely than this ends the draft

  // Drafts from the text.
  NgramSizes simple, map_k, map_k4v;
  int mod_n_match = 24, mod_n_min = 48, mod_n_max = 64;
  int suffix_n_max = 63;
  std::string cache_static, cache_dynamic;  // files of ngram-cache; empty: none

  // Cost probes: whatever is drafted, the first i + 1 tokens of a draft are right this often (the text is
  // nonsense then). Falling; 0 behind the last.
  std::vector<float> synthetic_rates = {};
};

}  // namespace gannet
