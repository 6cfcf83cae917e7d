#include "cli/speculation_types.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"

namespace gannet {
namespace {

Error refused(const SpeculationFlags& flags, const std::string& text, const std::string& why) {
  return {ErrorCode::kUsage, fmt::format("{} {}: {}", flags.type_flag, printable(text), why)};
}

// Names of other programs, and earlier ones.
constexpr std::pair<const char*, SourceKind> kOtherNames[] = {
    {"mtp", SourceKind::kMtp}, {"draft", SourceKind::kDraftSimple}, {"suffix", SourceKind::kSuffix}};
constexpr const char* kUnbuilt[] = {"draft-eagle3", "eagle3",       "draft-dflash",
                                    "dflash",       "draft-dspark", "dspark"};

Result<SourceKind> source_from(const std::string& typed, const SpeculationFlags& flags) {
  std::string name = typed;
  std::ranges::replace(name, '_', '-');
  for (const SourceName& source : kSourceNames)
    if (name == source.name) return source.kind;
  for (const auto& [other, kind] : kOtherNames)
    if (name == other) return kind;
  if (std::ranges::find(kUnbuilt, name) != std::end(kUnbuilt))
    return refused(flags, typed,
                   fmt::format("drafters of this kind are not built yet; {} are", source_names()));
  return refused(flags, typed, fmt::format("must be one of none, {}", source_names()));
}

// The keys that mean something to a source, as records whose names they are.
Options keys_of(SourceKind kind, SpeculationFlags& f) {
  Options keys;
  const auto number = [&](const char* key, std::optional<int>& target, int at_least = 1) {
    keys.push_back({.names = key,
                    .value = "N",
                    .target = &target,
                    .at_least = static_cast<double>(at_least),
                    .at_most = kMostDraft});
  };
  const auto ngrams = [&](NgramFlags& flags) {
    number("n_max", flags.most);
    number("ngram_size_n", flags.size_n);
    number("ngram_size_m", flags.size_m);
    number("ngram_min_hits", flags.min_hits);
  };
  switch (kind) {
    case SourceKind::kNgramSimple:
      ngrams(f.simple);
      break;
    case SourceKind::kNgramMapK:
      ngrams(f.map_k);
      break;
    case SourceKind::kNgramMapK4v:
      ngrams(f.map_k4v);
      break;
    case SourceKind::kNgramMod:
      number("ngram_size_n", f.mod_n_match);
      number("n_min", f.mod_n_min, 0);
      number("n_max", f.mod_n_max, 0);
      break;
    case SourceKind::kNgramCache:
      break;
    case SourceKind::kSuffix:
      number("n_max", f.suffix_n_max);
      break;
    case SourceKind::kMtp:
      keys.push_back({.names = "heads", .value = "N", .target = &f.heads, .at_least = 1, .at_most = 1});
      [[fallthrough]];
    case SourceKind::kDraftSimple:
      number("n_max", f.n_max, 0);
      number("n_min", f.n_min, 0);
      keys.push_back({.names = "p_min", .value = "P", .target = &f.p_min, .at_least = 0, .at_most = 1});
      break;
  }
  return keys;
}

Result<void> set_key(SourceKind kind, const std::string& text, SpeculationFlags& flags) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos)
    return refused(flags, text, fmt::format("is no value of {}; write key=value", source_name(kind)));
  const std::string key = text.substr(0, equals);
  const Options keys = keys_of(kind, flags);
  std::vector<std::string> names;
  for (const Option& known : keys) {
    if (known.names == key)
      return set_option(known, text.substr(equals + 1),
                        fmt::format("{} {}:{}", flags.type_flag, source_name(kind), key));
    names.push_back(known.names);
  }
  return refused(flags, fmt::format("{}:{}", source_name(kind), key),
                 names.empty() ? "it has no values to set"
                               : fmt::format("there is no such value; it takes {}", fmt::join(names, ", ")));
}

}  // namespace

std::string source_names() {
  std::vector<std::string> names;
  for (const SourceName& source : kSourceNames) names.emplace_back(source.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<TypeList> parse_types(const std::vector<std::string>& lists, SpeculationFlags& flags) {
  TypeList types;
  for (const std::string& list : lists) {
    bool values_may_follow = false;  // those of `last`
    SourceKind last = SourceKind::kNgramSimple;
    for (const std::string& item : parts(list)) {
      const size_t colon = item.find(':');
      if (values_may_follow && colon == std::string::npos && item.find('=') != std::string::npos) {
        GANNET_TRY(set_key(last, item, flags));
        continue;
      }
      values_may_follow = false;
      const std::string name = item.substr(0, colon);
      if (name == "none" && colon == std::string::npos) {
        types.none = true;
        continue;
      }
      if (name.empty())
        return refused(flags, list, "a name is missing; names are separated by single commas");
      const SourceKind kind = GANNET_TRY(source_from(name, flags));
      if (std::ranges::find(types.kinds, kind) == types.kinds.end()) types.kinds.push_back(kind);
      if (colon == std::string::npos) continue;
      values_may_follow = true;
      last = kind;
      GANNET_TRY(set_key(kind, item.substr(colon + 1), flags));
    }
  }
  types.none = types.none && types.kinds.empty();
  return types;
}

}  // namespace gannet
