#include "cli/tune_bench.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "cli/interrupt.h"
#include "engine/drafters.h"

namespace gannet {
namespace {

// Tokens that a text may grow before it goes back to where it began.
constexpr int64_t kGrowth = 512;
// Of a prompt in front of a draft: as many rows as the block has to catch up with in a usual round.
constexpr int64_t kBeforeDraft = 2;

}  // namespace

// Drafts how the text goes on, as much of it as is wanted.
class ModelBench::Script final : public Drafter {
 public:
  Script(const std::vector<TokenId>& text, bool hidden)
      : text_(text),
        info_{.name = "script", .looks_up = true, .hidden = hidden, .most = CostTable::kMostRows} {}

  const DrafterInfo& info() const override { return info_; }
  Result<void> begin(int, std::span<const TokenId>, size_t) override { return {}; }
  Result<void> ran(std::span<const TargetRows>) override { return {}; }
  Result<void> draft(std::span<DraftRequest> requests) override {
    for (DraftRequest& r : requests)
      for (int i = 0; i < std::min(n_wanted, r.n_most); ++i)
        r.tokens.push_back({text_[(r.history.size() + static_cast<size_t>(i)) % text_.size()], 0.5f, {}});
    return {};
  }
  void verified(int, int, int) override {}
  void end(int) override {}

  int n_wanted = 0;

 private:
  const std::vector<TokenId>& text_;
  DrafterInfo info_;
};

// A text that has reached some length, and the way back there.
struct ModelBench::Text {
  int64_t n_past = 0;
  Stream* stream = nullptr;
  StreamMark mark;
};

struct ModelBench::Place {
  TunedSettings settings;
  std::unique_ptr<Session> session;
  Script* script = nullptr;            // of the decoder
  std::unique_ptr<Decoder> verifying;  // drafts by the script
  std::unique_ptr<Decoder> drafting;   // drafts by the block; null: not asked for yet
  std::vector<Text> texts;
  Text drafted;
  std::unique_ptr<SequenceState> prompts;
  std::set<int> rows, ubatches, drafts;  // that ran before
  bool just_awake = false;               // another session had its turn before
};

ModelBench::ModelBench(std::shared_ptr<const Model> model, const Vocabulary& vocabulary,
                       ModelBenchOptions options, Sampler sampler)
    : model_(std::move(model)),
      vocabulary_(vocabulary),
      options_(std::move(options)),
      sampler_(std::move(sampler)),
      text_(options_.text) {
  GANNET_CHECK(!options_.text.empty());
  text_.insert(text_.end(), options_.text.begin(), options_.text.end());
}

ModelBench::~ModelBench() = default;

Result<std::unique_ptr<ModelBench>> ModelBench::create(std::shared_ptr<const Model> model,
                                                       const Vocabulary& vocabulary,
                                                       ModelBenchOptions options) {
  Sampler sampler = GANNET_TRY(Sampler::create(options.sampling, vocabulary.size()));
  return std::unique_ptr<ModelBench>(
      new ModelBench(std::move(model), vocabulary, std::move(options), std::move(sampler)));
}

double ModelBench::now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double ModelBench::waited() {
  double seconds = 0;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    int64_t ran = 0, waiting = 0;  // nanoseconds
    if (std::ifstream(task.path() / "schedstat") >> ran >> waiting)
      seconds += 1e-9 * static_cast<double>(waiting);
  }
  return seconds;
}

Result<void> ModelBench::go_on() const {
  if (!options_.keep_going || options_.keep_going()) return {};
  return stopped_measuring();
}

std::vector<TokenId> ModelBench::text_from(size_t position, int64_t n) const {
  std::vector<TokenId> tokens;
  for (size_t i = 0; i < static_cast<size_t>(n); ++i)
    tokens.push_back(options_.text[(position + i) % options_.text.size()]);
  return tokens;
}

void ModelBench::keep_only(std::span<const TunedSettings> settings) {
  awake_ = nullptr;
  std::erase_if(places_, [&](const auto& place) {
    return std::ranges::none_of(settings, [&](const TunedSettings& s) {
      return s.n_threads == place->settings.n_threads && s.n_threads_batch == place->settings.n_threads_batch;
    });
  });
}

// Micro-batches of all sizes run in one session: its own is only the largest.
Result<ModelBench::Place*> ModelBench::place_for(const TunedSettings& settings) {
  GANNET_TRY(go_on());
  Place* place = nullptr;
  for (const auto& p : places_)
    if (p->settings.n_threads == settings.n_threads &&
        p->settings.n_threads_batch == settings.n_threads_batch)
      place = p.get();
  if (place == nullptr) {
    SessionOptions o = options_.session;
    o.n_threads = settings.n_threads;
    o.n_threads_batch = settings.n_threads_batch;
    o.n_ubatch = kMostUbatchTried;
    auto made = std::make_unique<Place>();
    made->settings = settings;
    made->session = GANNET_TRY(Session::create(model_, o));
    auto script = std::make_unique<Script>(options_.text, o.mtp);
    made->script = script.get();
    std::vector<std::unique_ptr<Drafter>> drafters;
    drafters.push_back(std::move(script));
    SpeculationOptions all;
    all.mode = SpeculationMode::kFixed;
    all.force = true;
    made->verifying = std::make_unique<Decoder>(*made->session, vocabulary_, DecoderOptions{all, {}, {}},
                                                std::move(drafters));
    made->prompts = std::make_unique<SequenceState>(made->session->new_sequence());
    places_.push_back(std::move(made));
    place = places_.back().get();
  }
  place->just_awake = awake_ != place;
  if (place->just_awake) place->session->team().run([](Worker&) {});
  awake_ = place;
  return place;
}

// Appends text and chooses the token behind, which is the text's next one.
Result<void> ModelBench::read(Decoder& decoder, Stream& stream, int64_t n_tokens, int64_t n_predict) {
  const size_t from = stream.history().size(), end = from + static_cast<size_t>(n_tokens);
  const size_t n = options_.text.size();
  return decoder.start(stream, text_from(from, n_tokens),
                       {.sampler = &sampler_,
                        .n_predict = n_predict,
                        .on_token = [](TokenId) { return true; },
                        .script = std::span(text_).subspan(end % n, n)},
                       [this](size_t, size_t) { return go_on().ok(); });
}

Result<double> ModelBench::round(Decoder& decoder, Stream& stream) {
  Stream* const streams[] = {&stream};
  const double began = now();
  GANNET_TRY(decoder.round(streams));
  const double seconds = now() - began;
  if (stream.failure()) return *stream.failure();
  return seconds;
}

Result<ModelBench::Text*> ModelBench::text_at(Place& place, int64_t n_past) {
  const auto it = std::ranges::find(place.texts, n_past, &Text::n_past);
  if (it == place.texts.end()) {
    Text text{n_past, &place.verifying->open(), {}};
    GANNET_TRY(read(*place.verifying, *text.stream, std::max(n_past, int64_t{1}), -1));
    text.mark = place.verifying->mark(*text.stream);
    place.texts.push_back(std::move(text));
    return &place.texts.back();
  }
  const int64_t n_ctx = place.session->options().n_ctx;
  const auto length = static_cast<int64_t>(it->stream->history().size());
  if (length > n_past + kGrowth || length + CostTable::kMostRows >= n_ctx) {
    place.verifying->rollback(*it->stream, it->mark);
    GANNET_TRY(read(*place.verifying, *it->stream, 0, -1));
  }
  return &*it;
}

Result<double> ModelBench::verify(Place& place, Text& text, int n_rows) {
  place.script->n_wanted = n_rows - 1;
  return round(*place.verifying, *text.stream);
}

Result<double> ModelBench::step(const TunedSettings& settings, int n_rows, int64_t n_past) {
  Place* place = GANNET_TRY(place_for(settings));
  const auto once = [&](int rows) -> Result<double> {
    Text* text = GANNET_TRY(text_at(*place, n_past));
    return verify(*place, *text, rows);
  };
  if (place->just_awake) GANNET_TRY(once(1));
  if (place->rows.insert(n_rows).second) GANNET_TRY(once(n_rows));
  return once(n_rows);
}

Result<double> ModelBench::prompt(const TunedSettings& settings, int n_tokens) {
  Place* place = GANNET_TRY(place_for(settings));
  const auto ubatch = std::min(settings.n_ubatch, n_tokens);
  const auto run = [&](int n) -> Result<double> {
    place->prompts->clear();
    const std::vector<TokenId> tokens = text_from(0, n);
    const double began = now();
    for (int at = 0; at < n; at += ubatch) {
      GANNET_TRY(go_on());
      const int piece_tokens = std::min(ubatch, n - at);
      const bool last = at + piece_tokens == n;
      const StepPiece piece{
          place->prompts.get(),
          std::span(tokens).subspan(static_cast<size_t>(at), static_cast<size_t>(piece_tokens)),
          last ? LogitRows::kLast : LogitRows::kNone,
          piece_tokens > place->session->options().open_rows,
          {}};
      GANNET_TRY(place->session->step(StatePart::kTrunk, {&piece, 1}, place->session->options().mtp));
      place->prompts->commit(StatePart::kTrunk, piece_tokens);
    }
    return now() - began;
  };
  // Both kinds of pieces once: with logits and, where there are more than one, without.
  if (place->ubatches.insert(ubatch).second) GANNET_TRY(run(std::min(n_tokens, 2 * ubatch)));
  return run(n_tokens);
}

Result<double> ModelBench::draft(const TunedSettings& settings, int n_tokens) {
  Place* place = GANNET_TRY(place_for(settings));
  if (place->drafting == nullptr) {
    SpeculationOptions all;
    all.mode = SpeculationMode::kFixed;
    all.force = true;
    all.sources = {SourceKind::kMtp};
    all.n_max = 16;
    auto drafters = GANNET_TRY(make_drafters(*place->session, vocabulary_, all));
    place->drafting = std::make_unique<Decoder>(*place->session, vocabulary_, DecoderOptions{all, {}, {}},
                                                std::move(drafters));
    place->drafted.stream = &place->drafting->open();
    GANNET_TRY(read(*place->drafting, *place->drafted.stream, 64, 1));
    place->drafted.mark = place->drafting->mark(*place->drafted.stream);
  }
  Stream& stream = *place->drafted.stream;
  const auto once = [&]() -> Result<double> {
    if (static_cast<int64_t>(stream.history().size()) + kGrowth > place->session->options().n_ctx)
      place->drafting->rollback(stream, place->drafted.mark);
    // So many tokens are left that the draft is as long as is wanted.
    GANNET_TRY(read(*place->drafting, stream, kBeforeDraft, n_tokens + 2));
    const SourceStatistics before = place->drafting->statistics().sources().front();
    GANNET_TRY(round(*place->drafting, stream));
    const SourceStatistics& after = place->drafting->statistics().sources().front();
    if (after.drafted - before.drafted != n_tokens) {
      const auto warnings = place->drafting->warnings();
      return Error(ErrorCode::kRuntime,
                   warnings.empty() ? "the MTP block drafts less than it was asked for" : warnings.front());
    }
    return after.draft_seconds - before.draft_seconds;
  };
  if (place->drafts.insert(n_tokens).second) GANNET_TRY(once());
  return once();
}

}  // namespace gannet
