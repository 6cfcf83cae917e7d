#include "cli/decoding.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/thread_team.h"
#include "cli/machine_facts.h"
#include "cli/say.h"
#include "engine/drafters.h"
#include "engine/fingerprint.h"

namespace gannet {
namespace {

// Ids below are in every head for drafts; and a profile should stay small.
constexpr TokenId kCountedFrom = 16384;
constexpr size_t kMostCounted = 4096;

// What the profile found best, where the user did not say.
void apply(const TunedSettings& tuned, const ModelOptions& options, SessionOptions& session) {
  if (options.threads == 0 && tuned.n_threads > 0) session.n_threads = tuned.n_threads;
  if (options.threads_batch == 0 && options.threads == 0 && tuned.n_threads_batch > 0)
    session.n_threads_batch = tuned.n_threads_batch;
  if (options.ubatch_size || tuned.n_ubatch == 0) return;
  session.n_ubatch = tuned.n_ubatch;
  if (options.batch_size > 0) session.n_ubatch = std::min(session.n_ubatch, options.batch_size);
}

Result<DraftModel> draft_model(const DraftModelFlags& flags, const SessionOptions& target) {
  ModelOptions options;
  options.model = flags.path;
  auto model = load_model(options);
  if (!model.ok()) return model.take_error().with_context("-md");
  return DraftModel{model.take(), GANNET_TRY(draft_session_options(flags, target))};
}

// Sources tell files of ngram-cache by their paths, and users by their flags.
Error with_flag(Error error, const SpeculationOptions& o) {
  for (const auto& [flag, path] : {std::pair("-lcs", &o.cache_static), std::pair("-lcd", &o.cache_dynamic)})
    for (const std::string& name : {*path, printable(*path)})
      if (!path->empty() && error.message().starts_with(name + ": "))
        return std::move(error).with_context(flag);
  return error;
}

}  // namespace

std::string profile_path_of(const Model& model, const ModelOptions& o, const Device* device) {
  const std::string folder = profile_folder();
  const bool unusual = !o.isa.empty() || !o.kernels.empty() || o.flash_attention == "off" || o.exact ||
                       o.graph.graph != "optimized" || !o.graph.passes.empty() || o.graph.bisect >= 0;
  if (folder.empty() || unusual) return "";
  std::string machine =
      fmt::format("{}, {} processors", machine_facts().cpu_name, ThreadTeam::default_threads({}));
  if (o.threads > 0) machine += fmt::format(", {} threads", o.threads);
  if (o.threads_batch > 0) machine += fmt::format(", {} for prompts", o.threads_batch);
  if (device != nullptr) {
    machine += ", " + device->name();
    if (o.gpu_layers != "auto" || o.cpu_moe || o.n_cpu_moe || !o.override_tensor.empty())
      machine += fmt::format(", layers {} {} {} {}", o.gpu_layers, o.cpu_moe, o.n_cpu_moe.value_or(-1),
                             fmt::join(o.override_tensor, ","));
  }
  if (!o.cpu_mask.empty()) machine += ", mask " + o.cpu_mask;
  for (const auto& [what, name] : {std::pair("keys", &o.cache_type_k), std::pair("values", &o.cache_type_v)})
    if (const auto type = dtype_from_name(*name); type && *type != DType::kF16)
      machine += fmt::format(", {} {}", dtype_info(*type).name, what);
  return profile_path(folder, fingerprint(model), machine);
}

Result<Decoding> make_decoding(std::shared_ptr<const Model> model, const ModelOptions& options,
                               const SpeculationFlags& flags, const Vocabulary& vocabulary, int n_streams,
                               int64_t state_bytes) {
  Decoding decoding;
  SpeculationOptions speculation = GANNET_TRY(speculation_options(flags));
  SessionOptions session = GANNET_TRY(session_options(options));
  session.state_bytes = state_bytes;
  decoding.profile_path = profile_path_of(*model, options, session.device.get());
  Profile profile;
  if (!decoding.profile_path.empty()) {
    auto loaded = load_profile(decoding.profile_path);
    if (!loaded.ok())
      say("{}", loaded.error().message());
    else if (loaded->has_value())
      profile = std::move(**loaded);
  }
  if (!speculation.synthetic_rates.empty()) decoding.profile_path.clear();  // nothing true is learned then
  apply(profile.settings, options, session);
  decoding.settings = profile.settings;
  decoding.counts.add(profile.tokens);
  fit_session(session, speculation, model->hyperparameters());
  decoding.session = GANNET_TRY(create_session(model, session));
  DraftModel draft;
  // --spec auto drafts nothing with graphs that take nothing back.
  const bool may_draft =
      speculation.mode != SpeculationMode::kAuto || !decoding.session->one_sequence_at_a_time();
  if (may_draft && names_source(speculation, SourceKind::kDraftSimple))
    draft = GANNET_TRY(draft_model(flags.draft, session));
  auto drafters =
      make_drafters(*decoding.session, vocabulary, speculation, n_streams, draft, decoding.counts);
  if (!drafters.ok()) return with_flag(drafters.take_error(), speculation);
  profile.costs.set_guess(guessed_row_costs(*model));
  decoding.decoder = std::make_unique<Decoder>(
      *decoding.session, vocabulary,
      DecoderOptions{std::move(speculation), std::move(profile.costs), std::move(profile.acceptance)},
      drafters.take());
  return decoding;
}

void Decoding::keep_profile(bool verbose) const {
  for (const std::string& warning : decoder->warnings()) say("{}", warning);
  if (profile_path.empty() || decoder->statistics().rounds() == 0) return;
  TokenCounts all = counts;
  all.add(decoder->token_counts().list());
  const auto stored = store_profile(
      profile_path, {settings, decoder->controller().costs(), decoder->controller().acceptance(),
                     all.most_frequent(kCountedFrom, kMostCounted)});
  if (!stored.ok() && verbose) say("what was measured is not kept: {}", stored.error().message());
}

}  // namespace gannet
