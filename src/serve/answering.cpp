#include "serve/answering.h"

#include <cmath>

#include <fmt/format.h>

#include "http/sse.h"

namespace gannet {
namespace {

AnswerEnd end_of(const RequestOutcome& outcome, bool call_complete) {
  if (outcome.stopped_by) return AnswerEnd::kStopText;
  switch (outcome.reason) {
    case FinishReason::kLength:
      return AnswerEnd::kLength;
    case FinishReason::kContextFull:
      return AnswerEnd::kContextFull;
    case FinishReason::kRepetition:
      return AnswerEnd::kRepetition;
    case FinishReason::kStopped:
      return call_complete ? AnswerEnd::kStop : AnswerEnd::kCancelled;
    default:
      return AnswerEnd::kStop;
  }
}

// For the log.
const char* end_name(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::kStop:
      return "stop";
    case AnswerEnd::kStopText:
      return "stop_text";
    case AnswerEnd::kLength:
      return "length";
    case AnswerEnd::kContextFull:
      return "context_full";
    case AnswerEnd::kRepetition:
      return "repetition";
    case AnswerEnd::kTimeLimit:
      return "time_limit";
    case AnswerEnd::kCancelled:
      return "cancelled";
    case AnswerEnd::kLoaded:
      return "loaded";
  }
  return "";
}

std::string why_uncached(const RequestOutcome& o, bool use_cache) {
  if (!use_cache) return "cache_prompt is off";
  if (o.n_cached + 1 >= o.n_prompt) return "";
  if (o.n_common == o.n_cached)
    return fmt::format("no earlier text goes on like this behind token {}", o.n_cached);
  return fmt::format("an earlier text is the same up to token {}, the nearest point to take it up at is {}",
                     o.n_common, o.n_cached);
}

}  // namespace

Answering::Answering(ModelLease service, GenerationRequest request, std::string unique, std::string client,
                     std::shared_ptr<HttpExchange> exchange, std::shared_ptr<RequestNote> note)
    : service_(std::move(service)),
      request_(std::move(request)),
      unique_(std::move(unique)),
      client_(std::move(client)),
      exchange_(std::move(exchange)),
      note_(std::move(note)) {
  note_->begun(service_->name());
}

void Answering::begin(ModelLease service, GenerationRequest request, std::string unique, std::string client,
                      std::shared_ptr<HttpExchange> exchange, std::shared_ptr<RequestNote> note) {
  std::shared_ptr<Answering> made(new Answering(std::move(service), std::move(request), std::move(unique),
                                                std::move(client), std::move(exchange), std::move(note)));
  // A full queue is said at once: nothing is made ready for nothing.
  if (!made->request_.load_only && !(made->reserved_ = made->service_->scheduler().reserve()))
    return made->refuse_full();
  made->service_->later([made] { made->prepare(); });
}

Answering::~Answering() {
  if (reserved_) service_->scheduler().unreserve();
}

void Answering::refuse(const ApiError& error, HttpHeaders headers) {
  note_->ended(failed_ ? "failed" : "refused");
  headers.set("Content-Type", "application/json");
  exchange_->respond({http_status(error.kind), std::move(headers), error_body(request_.dialect, error)});
}

void Answering::refuse_full() {
  const auto seconds =
      static_cast<int>(std::ceil(std::clamp(service_->scheduler().seconds_to_wait(), 1.0, 600.0)));
  HttpHeaders headers;
  headers.set("Retry-After", std::to_string(seconds));
  refuse({ApiError::Kind::kRateLimit, fmt::format("the queue is full; try again in {} seconds", seconds)},
         std::move(headers));
}

void Answering::prepare() {
  if (exchange_->closed()) return;
  if (const auto& warn = service_->options().warn)
    for (const std::string& warning : request_.warnings) warn(warning);
  AnswerIdentity identity;
  identity.unique = unique_;
  identity.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  identity.model = service_->name();
  identity.fingerprint = "gannet";
  if (request_.load_only) {  // it is there
    choices_.resize(1);
    writer_ = make_answer_writer(request_, std::move(identity));
    begin_stream();
    send(AnswerStarted{});
    note_->ended(end_name(AnswerEnd::kLoaded));
    send(AnswerFinished{.end = AnswerEnd::kLoaded});
    return;
  }
  auto made = service_->maker().make(request_);
  if (!made.ok()) {
    refuse(api_error(made.error()));
    return;
  }
  for (const MadeRequest& one : *made)
    if (std::ssize(one.request.prompt) >= service_->n_ctx()) {
      refuse(context_error(std::ssize(one.request.prompt), service_->n_ctx()));
      return;
    }
  const bool native = request_.dialect == Dialect::kNative || request_.dialect == Dialect::kInfill;
  choices_.resize(made->size());
  for (size_t i = 0; i < made->size(); ++i) {
    if (!native && !request_.echo) break;
    const auto text = service_->tokenizer().decode((*made)[i].request.prompt, {.show_special = true});
    if (native && i % static_cast<size_t>(request_.n) == 0)
      identity.prompts.push_back(text.ok() ? *text : "");
    if (request_.echo && text.ok()) choices_[i].echoed = *text;
  }
  if (const auto params = service_->maker().sampling(request_); params.ok())
    identity.settings = write_settings(request_, *params);
  // What ends a stream when the time to end it properly is over.
  const AnswerFailed stopping{{ApiError::Kind::kUnavailable, "the server is going down"}};
  exchange_->set_stop_tail(make_answer_writer(request_, identity)->write(stopping));
  writer_ = make_answer_writer(request_, std::move(identity));
  submit(made.take());
}

void Answering::submit(std::vector<MadeRequest> made) {
  for (size_t i = 0; i < made.size(); ++i)
    if (made[i].output) {
      made[i].output->id_prefix = call_id_prefix(request_.dialect, unique_, i);
      choices_[i].parser.emplace(*made[i].output);
    }
  auto self = shared_from_this();
  // All callbacks come from the stepping thread, which begins when all of them are submitted or one is
  // refused.
  std::vector<Scheduler::Id> ids;
  for (size_t i = 0; i < made.size(); ++i) {
    Request& r = made[i].request;
    r.client = client_;
    r.reserved = std::exchange(reserved_, false);
    r.on_start = [self, i](const RequestOutcome& o) { self->started(i, o); };
    r.on_text = [self, i](std::string_view piece) { return self->text(i, piece); };
    // A reader that is slow holds up its own answer only, and costs no memory.
    if (request_.stream) r.wants_more = [self] { return self->gone_ || self->exchange_->writable(); };
    r.on_end = [self, i](const RequestOutcome& o) { self->ended(i, o); };
    if (request_.wants_tokens())
      r.answer.on_log_probs = [self, i](TokenId token, const LogProbs& probs) {
        const Tokenizer& tokenizer = self->service_->tokenizer();
        TokenReport report{token, std::string(tokenizer.output_piece(token, true)), probs.chosen, {}};
        for (const TokenLogProb& top : probs.top)
          report.top.push_back(
              {top.token, std::string(tokenizer.output_piece(top.token, true)), top.log_prob});
        self->choices_[i].tokens.push_back(std::move(report));
      };
    auto id = service_->scheduler().submit(std::move(r));
    if (id.ok() && id->has_value()) {
      ids.push_back(**id);
      continue;
    }
    gone_ = true;  // the others are not wanted any more
    for (const Scheduler::Id one : ids) service_->scheduler().cancel(one);
    if (!id.ok()) {
      refuse(api_error(id.error()));
      return;
    }
    return refuse_full();
  }
  if (request_.stream) exchange_->on_writable([service = service_] { service->scheduler().wake(); });
  exchange_->on_abort([self, ids](HttpAbort) {
    // In this order: text that is refused is of a request that is cancelled.
    for (const Scheduler::Id id : ids) self->service_->scheduler().cancel(id);
    self->gone_ = true;
  });
}

void Answering::send(const GenerationEvent& event) {
  if (gone_ || writer_->done()) return;
  const std::string bytes = writer_->write(event);
  if (!request_.stream) {
    whole_ += bytes;
    if (!writer_->done()) return;
    HttpHeaders headers = with_cached({});
    headers.set("Content-Type", writer_->content_type());
    exchange_->respond({writer_->status(), std::move(headers), std::move(whole_)});
    return;
  }
  if (writer_->done())
    exchange_->finish(bytes);
  else if (!bytes.empty() && exchange_->write(bytes) == HttpWrite::kClosed)
    gone_ = true;
}

// How much of the prompt was not read again, also for those who do not look into answers: proxies, logs.
HttpHeaders Answering::with_cached(HttpHeaders headers) const {
  const Usage& usage = choices_.front().usage;
  if (usage.prompt > 0) headers.set(kCachedTokensHeader, std::to_string(usage.cached));
  return headers;
}

void Answering::begin_stream() {
  streaming_ = true;
  if (!request_.stream) return;
  HttpHeaders headers = with_cached(sse_headers());
  headers.set("Content-Type", writer_->content_type());
  exchange_->begin_stream(200, std::move(headers));
  const int64_t seconds = request_.ping_seconds.value_or(-1);
  if (std::string ping = writer_->ping(); !ping.empty() && seconds >= 0)
    exchange_->keep_alive(std::chrono::seconds(std::max<int64_t>(1, seconds)), std::move(ping));
}

void Answering::started(size_t choice, const RequestOutcome& so_far) {
  if (gone_ || failed_) return;
  Usage& usage = choices_[choice].usage;
  usage.prompt = static_cast<int64_t>(so_far.n_prompt);
  usage.cached = static_cast<int64_t>(so_far.n_cached);
  if (choice == 0) note_->read(usage.prompt, usage.cached);
  if (!streaming_) begin_stream();
  usage.uncached_reason =
      why_uncached(so_far, request_.cache_prompt.value_or(service_->options().defaults.cache_prompt));
  send(AnswerStarted{choice, usage, -1});
  if (const std::string& echoed = choices_[choice].echoed; !echoed.empty())
    send(AnswerPiece{.choice = choice, .deltas = {{OutputDelta::Kind::kContent, echoed, 0, {}, {}}}});
}

bool Answering::text(size_t choice, std::string_view piece) {
  if (gone_ || failed_) return false;
  Choice& c = choices_[choice];
  AnswerPiece event{.choice = choice};
  if (c.parser) {
    event.deltas = c.parser->feed(piece);
  } else if (!piece.empty()) {
    event.deltas.push_back({OutputDelta::Kind::kContent, std::string(piece), 0, {}, {}});
  }
  event.tokens = std::exchange(c.tokens, {});
  ++c.usage.completion;
  note_->generated(1);
  if (c.parser && c.parser->in_thought()) ++c.usage.reasoning;
  if (!event.deltas.empty() || !event.tokens.empty()) send(event);
  return !gone_ && !(c.parser && c.parser->done());
}

Timings Answering::timings(size_t choice, const RequestOutcome& o) const {
  Timings t;
  t.cache_n = static_cast<int64_t>(o.n_cached);
  t.prompt_n = static_cast<int64_t>(o.n_prompt - o.n_cached);
  t.predicted_n = choices_[choice].usage.completion;
  t.prompt_ms = 1e3 * o.prompt_seconds;
  t.predicted_ms = 1e3 * o.generate_seconds;
  return t;
}

void Answering::ended(size_t choice, const RequestOutcome& o) {
  Choice& c = choices_[choice];
  if (gone_ || failed_) return;
  if (o.error && o.error->code() != ErrorCode::kInterrupted) {
    failed_ = true;
    const ApiError error = api_error(*o.error);
    note_->ended("failed");
    // In front of a stream it has its status.
    if (request_.stream)
      send(AnswerFailed{error});
    else
      refuse(error);
    return;
  }
  const bool complete = c.parser && c.parser->done();
  const AnswerEnd end = o.error ? AnswerEnd::kCancelled : end_of(o, complete);
  if (c.parser) {
    const OutputEnd how = end == AnswerEnd::kStop ? OutputEnd::kStop : OutputEnd::kCut;
    AnswerPiece rest{.choice = choice, .deltas = c.parser->finish(how)};
    rest.tokens = std::exchange(c.tokens, {});
    if (!rest.deltas.empty() || !rest.tokens.empty()) send(rest);
  }
  AnswerFinished finished;
  finished.choice = choice;
  finished.end = end;
  finished.stop_text = o.stopped_by.value_or("");
  const auto n_generated = static_cast<int64_t>(o.n_generated);
  note_->generated(n_generated - c.usage.completion);
  note_->ended(end_name(end));
  c.usage.completion = n_generated;
  finished.usage = c.usage;
  finished.timings = timings(choice, o);
  finished.total_ms = std::chrono::duration<double, std::milli>(Clock::now() - began_).count();
  send(finished);
}

}  // namespace gannet
