#include "engine/drafters.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "draft/token_source.h"
#include "engine/model_drafter.h"
#include "engine/mtp_drafter.h"
#include "engine/vocabulary_from_gguf.h"
#include "model/graphs.h"
#include "model/tensors.h"

namespace gannet {
namespace {

// Beyond what is read, a row costs arithmetic: of a step of one row so much for each of the first few rows,
// whose arithmetic partly hides behind reading, and so much for each of the others. Measured on CPUs.
constexpr double kFewRows = 4, kOfFewRows = 0.08, kOfManyRows = 0.2;

std::vector<SourceKind> kinds_of(const SpeculationOptions& options, bool with_mtp, bool with_draft_model) {
  if (options.mode == SpeculationMode::kOff) return {};
  if (options.mode == SpeculationMode::kFixed) return options.sources;
  std::vector<SourceKind> kinds = {SourceKind::kSuffix};
  if (with_draft_model) kinds.push_back(SourceKind::kDraftSimple);
  if (with_mtp) kinds.push_back(SourceKind::kMtp);
  return kinds;
}

bool wants(const SpeculationOptions& options, SourceKind kind) {
  return options.mode == SpeculationMode::kAuto ||
         (options.mode == SpeculationMode::kFixed && std::ranges::count(options.sources, kind) > 0);
}

bool has_mtp(const Session& session) {
  return session.options().mtp && session.model().hyperparameters().n_mtp == 1;
}

Result<std::unique_ptr<Drafter>> make_model_drafter(const Vocabulary& vocabulary, int n_streams,
                                                    const DraftModel& draft) {
  if (draft.model == nullptr)
    return Error(ErrorCode::kUsage, "draft-simple: give the model that drafts with -md");
  const Tokenizer tokenizer = GANNET_TRY(tokenizer_from_gguf(draft.model->file()));
  GANNET_TRY(check_draft_vocabulary(vocabulary, tokenizer.vocabulary()));
  auto drafter = GANNET_TRY(
      ModelDrafter::create(draft.model, draft.session, {.n_slots = n_streams, .n_vocab = vocabulary.size()}));
  return std::unique_ptr<Drafter>(std::move(drafter));
}

Result<std::unique_ptr<Drafter>> make_mtp_drafter(Session& session, const Vocabulary& vocabulary,
                                                  const SpeculationOptions& options, int n_streams,
                                                  TokenCounts counts) {
  if (!has_mtp(session))
    return Error(ErrorCode::kUsage,
                 "draft-mtp: the file has no MTP block; leave it out or use a file that has one");
  auto drafter =
      GANNET_TRY(MtpDrafter::create(session, {.n_slots = n_streams,
                                              .wait_for_plans = options.mode != SpeculationMode::kAuto,
                                              .n_vocab = vocabulary.size(),
                                              .vocabulary = &vocabulary,
                                              .counts = std::move(counts)}));
  return std::unique_ptr<Drafter>(std::move(drafter));
}

}  // namespace

void fit_session(SessionOptions& session, const SpeculationOptions& options, const Hyperparameters& hp) {
  if (options.mode == SpeculationMode::kOff) return;
  session.mtp = session.mtp || (hp.n_mtp == 1 && wants(options, SourceKind::kMtp));
  session.open_rows = std::max(session.open_rows, kExactRows);
}

Result<std::vector<std::unique_ptr<Drafter>>> make_drafters(Session& session, const Vocabulary& vocabulary,
                                                            const SpeculationOptions& options, int n_streams,
                                                            const DraftModel& draft, TokenCounts counts) {
  std::vector<std::unique_ptr<Drafter>> drafters;
  // Such graphs take nothing back, so there is nothing to choose.
  if (options.mode == SpeculationMode::kAuto && session.one_sequence_at_a_time()) return drafters;
  for (const SourceKind kind : kinds_of(options, has_mtp(session), draft.model != nullptr)) {
    if (kind == SourceKind::kMtp)
      drafters.push_back(
          GANNET_TRY(make_mtp_drafter(session, vocabulary, options, n_streams, std::move(counts))));
    else if (kind == SourceKind::kDraftSimple)
      drafters.push_back(GANNET_TRY(make_model_drafter(vocabulary, n_streams, draft)));
    else
      drafters.push_back(GANNET_TRY(make_token_drafter(kind, options, vocabulary.size())));
  }
  return drafters;
}

std::vector<double> guessed_row_costs(const Model& model) {
  const Hyperparameters& hp = model.hyperparameters();
  double experts = 0, others = 0;
  for (const auto& [name, view] : model.weights().all()) {
    const int64_t block = block_of(name);
    if (block < 0 || block >= hp.n_trunk()) continue;
    (name.find("_exps") != std::string::npos ? experts : others) +=
        static_cast<double>(tensor_bytes(view.dtype, view.shape));
  }
  const TensorView head = model.weights().view(trunk_head(model.weights()));
  others += static_cast<double>(tensor_bytes(head.dtype, head.shape));
  const double share = hp.n_experts > 0 ? static_cast<double>(hp.n_experts_used) / hp.n_experts : 1;
  std::vector<double> ratios;
  for (int64_t rows = 1; rows <= kExactRows; ++rows) {
    const auto n = static_cast<double>(rows);
    // Rows that choose their experts independently.
    const double read = others + experts * (1 - std::pow(1 - share, n));
    const double few = std::min(n, kFewRows);
    ratios.push_back(read / (others + experts * share) + (few - 1) * kOfFewRows + (n - few) * kOfManyRows);
  }
  return ratios;
}

}  // namespace gannet
