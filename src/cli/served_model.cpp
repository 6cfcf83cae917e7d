#include "cli/served_model.h"

#include <algorithm>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mapped_file.h"
#include "base/memory_room.h"
#include "base/printable.h"
#include "cli/decoding.h"
#include "cli/say.h"
#include "engine/fingerprint.h"
#include "engine/state_store.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

constexpr int64_t kMib = 1 << 20;
// For states, unless the user says otherwise: so much, but no more than half of what is free.
constexpr int64_t kMostStateBytes = 8192 * kMib;

class Loaded : public LoadedModel {
 public:
  static Result<std::unique_ptr<LoadedModel>> load(const ServedModelFlags& flags, const std::string& name,
                                                   const AdjustService& adjust) {
    auto model = GANNET_TRY(load_model(flags.model));
    auto tokenizer = GANNET_TRY(tokenizer_from_gguf(model->file()));
    std::unique_ptr<Loaded> made(new Loaded(std::move(model), std::move(tokenizer), flags.model.verbose));
    GANNET_TRY(made->begin(flags, name, adjust));
    return std::unique_ptr<LoadedModel>(std::move(made));
  }
  ~Loaded() override {
    service_ = nullptr;
    if (decoding_.decoder) decoding_.keep_profile(verbose_);  // none: loading failed half-way
  }
  ModelService& service() override { return *service_; }

 private:
  Loaded(std::shared_ptr<const Model> model, Tokenizer tokenizer, bool verbose)
      : model_(std::move(model)), tokenizer_(std::move(tokenizer)), verbose_(verbose) {}
  Result<void> begin(const ServedModelFlags& flags, const std::string& name, const AdjustService& adjust);

  std::shared_ptr<const Model> model_;
  Tokenizer tokenizer_;
  const bool verbose_;
  Decoding decoding_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<ModelService> service_;
};

// Of this program, so that another build does not take up states that it would have computed otherwise.
std::string program_fingerprint() {
  static const std::string made = [] {
    const auto file = MappedFile::open("/proc/self/exe");
    if (!file.ok()) return std::string(GANNET_VERSION);
    const auto bytes = file->bytes();
    return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
  }();
  return made;
}

// All that the numbers in a state depend on, but its layout.
std::string state_source(const ServedModelFlags& flags, const Model& model, const Session& session) {
  std::string text = fmt::format("{} {} exact={} graph={} bisect={} fa={}", fingerprint(model),
                                 program_fingerprint(), session.options().exact, flags.model.graph.graph,
                                 flags.model.graph.bisect, flags.model.flash_attention);
  for (const Isa isa : session.options().policy.isas) text += fmt::format(" {}", static_cast<int>(isa));
  for (const std::string& kernel : flags.model.kernels) text += " " + kernel;
  for (const KernelPreference& of : session.options().policy.preferred)
    text += fmt::format(" {} {} {}", of.op, static_cast<int>(of.weights), of.kernel);
  for (const std::string& pass : flags.model.graph.passes) text += " " + pass;
  return text;
}

Result<void> Loaded::begin(const ServedModelFlags& flags, const std::string& name,
                           const AdjustService& adjust) {
  ModelServiceOptions options;
  options.name = name;
  const TemplateOptions chat = GANNET_TRY(template_options(flags.request.chat));
  options.chat_template = chat.source;
  options.defaults = GANNET_TRY(request_defaults(flags.request, chat, model_->file(), tokenizer_));
  const int64_t state_bytes = flags.cache_ram >= 0    ? flags.cache_ram * kMib
                              : flags.cache_ram == -1 ? 0
                                                      : std::min(kMostStateBytes, memory_room().bytes / 2);
  decoding_ = GANNET_TRY(make_decoding(model_, flags.model, flags.speculation, tokenizer_.vocabulary(),
                                       flags.n_parallel, flags.cache_ram == 0 ? 0 : state_bytes));
  Session& session = *decoding_.session;
  session.plan_ahead(session.options().n_ubatch, session.options().mtp);
  options.fingerprint = state_source(flags, *model_, session);
  options.warn = [](const std::string& warning) { say("a request: {}", printable(warning, 300)); };
  options.scheduler.n_streams = flags.n_parallel;
  options.scheduler.most_waiting = static_cast<size_t>(flags.most_waiting);
  options.scheduler.cache = flags.cache_ram != 0;
  options.scheduler.checkpoint_tokens = static_cast<size_t>(flags.checkpoint_tokens);
  if (!flags.cache_dir.empty()) {
    StateStoreOptions store;
    store.folder = flags.cache_dir;
    store.fingerprint = options.fingerprint;
    store.most_bytes = flags.cache_disk * kMib;
    store.warn = [](const std::string& warning) { say("{}", warning); };
    auto opened = StateStore::open(session.pool().shared_from_this(), std::move(store));
    if (!opened.ok()) return opened.take_error().with_context("--cache-dir");
    store_ = opened.take();
    options.scheduler.store = store_.get();
  }
  if (adjust) GANNET_TRY(adjust(options));
  // What is wrong with it is said by the name of the flag.
  if (options.chat_template == chat.source) GANNET_TRY(model_template(chat, model_->file(), tokenizer_));
  service_ = GANNET_TRY(ModelService::create(session, *decoding_.decoder, tokenizer_, std::move(options)));
  return {};
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> load_served_model(const ServedModelFlags& flags, const std::string& name,
                                                       const AdjustService& adjust) {
  return Loaded::load(flags, name, adjust);
}

void add_served_model_options(Options& options, ServedModelFlags& f) {
  const Options own = {
      {.names = "-a,--alias",
       .value = "NAME",
       .help = "Name of the model for clients; more names behind commas",
       .target = &f.alias,
       .environment = "ALIAS"},
      {.names = "-np,--parallel",
       .value = "N",
       .help = "Answers at once; more requests wait",
       .target = &f.n_parallel,
       .at_least = 1,
       .at_most = 64,
       .environment = "N_PARALLEL"},
      {.names = "--queue",
       .value = "N",
       .help = "Requests that may wait; more are told to come back (429)",
       .target = &f.most_waiting,
       .at_least = 0,
       .at_most = 100000},
      {.names = "-cram,--cache-ram",
       .value = "MIB",
       .help = "Memory for what was read, that of running answers included; -1: no limit; 0: nothing is "
               "remembered",
       .target = &f.cache_ram,
       .at_least = -2,
       .at_most = 1 << 30,
       .environment = "CACHE_RAM",
       .shown_default = "8192, at most half of what is free"},
      {.names = "--cache-dir",
       .value = "DIR",
       .help = "Keep what was read in this folder, for the next start of the server",
       .target = &f.cache_dir,
       .environment = "CACHE_DIR"},
      {.names = "--cache-disk",
       .value = "MIB",
       .help = "How much of it",
       .target = &f.cache_disk,
       .at_least = 1,
       .at_most = 1 << 30,
       .environment = "CACHE_DISK"},
      {.names = "-cms,--checkpoint-min-step",
       .value = "N",
       .help = "A long prompt is remembered at every so many tokens, and at the ends of its messages",
       .target = &f.checkpoint_tokens,
       .at_least = 64,
       .at_most = 1 << 24,
       .environment = "CHECKPOINT_MIN_STEP,CHECKPOINT_MIN_SPACING_NTOKEN"},
      {.names = "-ctxcp,--ctx-checkpoints,--swa-checkpoints",
       .value = "N",
       .help = "Accepted: as many as --cache-ram has room for",
       .target = &f.n_checkpoints,
       .at_least = 0,
       .environment = "CTX_CHECKPOINTS",
       .shown_default = "none"},
      {.names = "--tags",
       .value = "TAGS",
       .help = "Words about the model, with commas between, for those who look at /v1/models",
       .target = &f.tags,
       .environment = "TAGS"},
  };
  options.insert(options.end(), own.begin(), own.end());
  add_model_option(options, f.model);
  add_session_options(options, f.model);
  add_speculation_options(options, f.speculation);
  add_request_options(options, f.request);
}

}  // namespace gannet
