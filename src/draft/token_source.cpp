#include "draft/token_source.h"

#include <algorithm>
#include <functional>

#include "draft/ngram_cache.h"
#include "draft/ngram_map.h"
#include "draft/ngram_mod.h"
#include "draft/ngram_simple.h"
#include "draft/suffix_source.h"

namespace gannet {
namespace {

class TokenDrafter : public Drafter {
 public:
  using MakeSource = std::function<std::unique_ptr<TokenSource>()>;
  TokenDrafter(SourceKind kind, int most, MakeSource make, std::shared_ptr<NgramCacheFiles> files = nullptr)
      : make_(std::move(make)), files_(std::move(files)) {
    info_.name = source_name(kind);
    info_.looks_up = true;
    info_.most = most;
  }
  // An error has nobody to be told to: whoever wants to know calls save() before.
  ~TokenDrafter() override { (void)save(); }

  const DrafterInfo& info() const override { return info_; }

  Result<void> begin(int slot, std::span<const TokenId> history, size_t n_kept) override {
    Slot& s = at(slot);
    s.source->begin(history, n_kept);
    s.size = history.size();
    return {};
  }
  Result<void> ran(std::span<const TargetRows> rows) override {
    for (const TargetRows& r : rows) follow(r.slot, r.history);
    return {};
  }
  Result<void> draft(std::span<DraftRequest> requests) override {
    for (DraftRequest& r : requests) {
      TokenSource& source = follow(r.slot, r.history);
      source.draft(r.history, std::min(r.n_most, info_.most), r.tokens);
      if (!r.another) continue;
      for (size_t i = 0; i < r.tokens.size(); ++i)
        if (!r.another(r.tokens[i].confidence)) r.tokens.resize(i + 1);
    }
    return {};
  }
  void verified(int slot, int n_verified, int n_right) override {
    at(slot).source->verified(n_verified, n_right);
  }
  void end(int slot) override {
    if (static_cast<size_t>(slot) < slots_.size()) slots_[static_cast<size_t>(slot)] = {};
  }

  Result<void> save() override {
    if (!files_) return {};
    slots_.clear();  // their texts end
    return files_->save();
  }

 private:
  struct Slot {
    std::unique_ptr<TokenSource> source;
    size_t size = 0;  // of the text that it knows
  };
  Slot& at(int slot) {
    const size_t i = static_cast<size_t>(slot);
    if (slots_.size() <= i) slots_.resize(i + 1);
    if (!slots_[i].source) slots_[i].source = make_();
    return slots_[i];
  }
  TokenSource& follow(int slot, std::span<const TokenId> history) {
    Slot& s = at(slot);
    // A text that became shorter without begin() may have changed anywhere.
    if (history.size() < s.size)
      s.source->begin(history, 0);
    else
      s.source->append(history);
    s.size = history.size();
    return *s.source;
  }

  DrafterInfo info_;
  MakeSource make_;
  std::shared_ptr<NgramCacheFiles> files_;  // of ngram-cache; must be gone after the slots
  std::vector<Slot> slots_;
};

}  // namespace

Result<std::unique_ptr<Drafter>> make_token_drafter(SourceKind kind, const SpeculationOptions& options,
                                                    TokenId n_vocab) {
  const auto make = [&](int most, TokenDrafter::MakeSource source) -> std::unique_ptr<Drafter> {
    return std::make_unique<TokenDrafter>(kind, most, std::move(source));
  };
  switch (kind) {
    case SourceKind::kNgramSimple:
      return make(options.simple.size_m, [sizes = options.simple] { return make_ngram_simple(sizes); });
    case SourceKind::kNgramMapK:
      return make(options.map_k.size_m, [sizes = options.map_k] { return make_ngram_map_k(sizes); });
    case SourceKind::kNgramMapK4v:
      return make(options.map_k4v.size_m, [sizes = options.map_k4v] { return make_ngram_map_k4v(sizes); });
    case SourceKind::kNgramMod: {
      const NgramModSizes sizes = {options.mod_n_match, options.mod_n_min, options.mod_n_max};
      return make(sizes.n_max,
                  [sizes, pool = std::make_shared<NgramModPool>()] { return make_ngram_mod(sizes, pool); });
    }
    case SourceKind::kNgramCache: {
      auto files = GANNET_TRY(NgramCacheFiles::open(options.cache_static, options.cache_dynamic, n_vocab));
      return std::unique_ptr<Drafter>(std::make_unique<TokenDrafter>(
          kind, kNgramCacheMost, [files] { return make_ngram_cache(files); }, files));
    }
    case SourceKind::kSuffix: {
      // Where a controller chooses, it sees all that might pay on any machine; else the draft itself must be
      // good.
      const float least = options.mode == SpeculationMode::kFixed ? 0.25f : 0.03f;
      return make(options.suffix_n_max,
                  [n_max = options.suffix_n_max, least] { return make_suffix_source(n_max, least); });
    }
    case SourceKind::kDraftSimple:
    case SourceKind::kMtp:
      break;
  }
  GANNET_CHECK(false, "a source that only sees tokens");
}

}  // namespace gannet
