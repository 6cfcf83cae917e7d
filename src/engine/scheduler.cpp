#include "engine/scheduler.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

namespace gannet {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// A prompt is read in pieces of at least so many tokens: smaller ones cost nearly as much.
constexpr int64_t kLeastPiece = 32;
// What a client was served counts half after so many tokens of all.
constexpr double kFading = 20'000;
// Fewer tokens are read faster than they are fetched.
constexpr size_t kLeastFetched = 32;
// Answers without an end are expected to have so many tokens, when it is asked whether there is memory for
// them.
constexpr int64_t kExpectedTokens = 1024;

const Error kCancelled(ErrorCode::kInterrupted, "cancelled");

}  // namespace

struct Scheduler::Job {
  Id id = 0;
  Request request;
  std::optional<AnswerText> text;
  RequestOutcome outcome;
  Stream* stream = nullptr;
  Clock::time_point submitted, started, answered;
  Clock::time_point last_token;
  bool ended = false;
  bool wanted = true;   // on_text has not said no
  size_t n_stored = 0;  // tokens that came from the store
  size_t slot = 0;
  size_t next_checkpoint = 0;  // where the first piece ends that gets so far, the state is remembered

  bool reading() const { return stream->n_unread() > 0; }
  size_t n_read() const { return static_cast<size_t>(stream->state().length()); }
  size_t last_border() const { return request.borders.empty() ? 0 : request.borders.back(); }
};

Scheduler::Scheduler(Decoder& decoder, const Tokenizer& tokenizer, StatePool& pool,
                     const SchedulerOptions& options)
    : decoder_(decoder),
      tokenizer_(tokenizer),
      options_(options),
      pool_(pool),
      speculates_(!decoder.statistics().sources().empty()),
      cache_(pool, options.store),
      slots_(static_cast<size_t>(options.n_streams)),
      slot_texts_(slots_.size()) {}

Scheduler::~Scheduler() {
  cancel_all();
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [&] { return n_loading_ == 0; });
}

Result<std::unique_ptr<Scheduler::Job>> Scheduler::make_job(Request request) const {
  const auto n_ctx = static_cast<size_t>(decoder_.session().options().n_ctx);
  const int32_t n_vocab = tokenizer_.vocabulary().size();
  if (request.prompt.empty()) return Error(ErrorCode::kUsage, "the prompt is empty");
  if (request.prompt.size() >= n_ctx)
    return Error(ErrorCode::kUsage,
                 fmt::format("the prompt has {} tokens, the context holds {}; shorten it or raise "
                             "--ctx-size",
                             request.prompt.size(), n_ctx));
  for (const TokenId id : request.prompt)
    if (id < 0 || id >= n_vocab)
      return Error(ErrorCode::kUsage,
                   fmt::format("token id {} is outside the vocabulary of {}", id, n_vocab));
  auto job = std::make_unique<Job>();
  job->text = GANNET_TRY(AnswerText::create(tokenizer_, request.answer.stop));
  job->request = std::move(request);
  job->request.use_cache = job->request.use_cache && options_.cache;
  job->submitted = Clock::now();
  return job;
}

Result<std::optional<Scheduler::Id>> Scheduler::submit(Request request) {
  const bool reserved = request.reserved;
  auto job = make_job(std::move(request));
  const std::lock_guard lock(mutex_);
  if (reserved) --n_reserved_;
  if (!job.ok()) return job.take_error();
  if (full_locked()) {
    ++counters_.refused;
    return std::optional<Id>();
  }
  ++counters_.submitted;
  ++n_queued_;
  const Id id = (*job)->id = next_id_++;
  inbox_.push_back(job.take());
  arrived_.notify_all();
  return std::optional(id);
}

bool Scheduler::reserve() {
  const std::lock_guard lock(mutex_);
  if (full_locked()) {
    ++counters_.refused;
    return false;
  }
  ++n_reserved_;
  return true;
}

void Scheduler::unreserve() {
  const std::lock_guard lock(mutex_);
  --n_reserved_;
}

bool Scheduler::full_locked() const {
  return n_queued_ + n_reserved_ + n_started_ >=
         options_.most_waiting + static_cast<size_t>(options_.n_streams);
}

bool Scheduler::full() const {
  const std::lock_guard lock(mutex_);
  return full_locked();
}

void Scheduler::cancel(Id id) {
  const std::lock_guard lock(mutex_);
  cancelled_.push_back(id);
  arrived_.notify_all();
}

double Scheduler::seconds_to_wait() const {
  const std::lock_guard lock(mutex_);
  return seconds_per_request_ * static_cast<double>(n_queued_ + n_reserved_ + 1);
}

SchedulerCounters Scheduler::counters() const {
  const std::lock_guard lock(mutex_);
  SchedulerCounters now = counters_;
  now.waiting = n_queued_;
  now.fetching = static_cast<size_t>(n_loading_) + fetched_.size();
  return now;
}

void Scheduler::wait(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, most, [&] {
    return woken_ || !posted_.empty() || !inbox_.empty() || !cancelled_.empty() || !fetched_.empty();
  });
  woken_ = false;
}

void Scheduler::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  arrived_.notify_all();
}

void Scheduler::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  posted_.push_back(std::move(work));
  arrived_.notify_all();
}

std::vector<SlotFacts> Scheduler::slots() const {
  const std::lock_guard lock(mutex_);
  return slots_;
}

void Scheduler::take_inbox() {
  std::vector<std::unique_ptr<Job>> arrived;
  std::vector<Id> cancelled;
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
    arrived.swap(inbox_);
    cancelled.swap(cancelled_);
  }
  for (const auto& work : posted) work();
  for (auto& job : arrived) waiting_.push_back(std::move(job));
  const auto now = Clock::now();
  const auto check = [&](Job& job) {
    if (std::ranges::find(cancelled, job.id) != cancelled.end())
      end(job, kCancelled);
    else if (job.request.deadline && *job.request.deadline <= now)
      end(job, Error(ErrorCode::kRuntime, "the time for this request is over"));
  };
  for (auto* jobs : {&fetching_, &jobs_})
    for (auto& job : *jobs) check(*job);
  for (auto& job : waiting_) check(*job);
  erase_ended();
}

// Whose caller wants no more text may have cancelled while the step ran.
bool Scheduler::is_cancelled(Id id) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::find(cancelled_, id) != cancelled_.end();
}

// Those whose stored beginning came, or could not be had.
void Scheduler::take_fetched() {
  std::map<Id, Result<StateSnapshot>> fetched;
  {
    const std::lock_guard lock(mutex_);
    fetched.swap(fetched_);
  }
  for (auto& [id, state] : fetched) {
    const auto is_it = [id = id](const std::unique_ptr<Job>& job) { return job->id == id; };
    const auto at = std::ranges::find_if(fetching_, is_it);
    if (at == fetching_.end()) continue;
    std::unique_ptr<Job> job = std::move(*at);
    fetching_.erase(at);
    if (state.ok()) {
      const auto n = static_cast<size_t>(state->length());
      job->n_stored = n;
      cache_.remember(std::span(job->request.prompt).first(n), state.take());
    }
    begin(std::move(job));
  }
}

// What the state of a request takes when its answer ends, what its last step is made in included.
int64_t Scheduler::state_bytes(const Job& job) const {
  const StatePlaces& places = pool_.places();
  const int64_t asked = job.request.answer.n_predict;
  int64_t n = std::ssize(job.request.prompt) + (asked >= 0 ? asked : kExpectedTokens);
  n = std::min(n, pool_.options().max_tokens);
  return (n + kPageTokens - 1) / kPageTokens * places.page_bytes +
         2 * (places.slot_bytes + places.ring_bytes);
}

// Whether there is memory for one more; what the cache holds goes when it is needed.
bool Scheduler::fits(const Job& job) const {
  const int64_t most = pool_.options().most_bytes;
  if (most == 0 || (jobs_.empty() && fetching_.empty())) return true;
  int64_t needed = state_bytes(job);
  for (const auto* jobs : {&fetching_, &jobs_})
    for (const auto& other : *jobs) needed += state_bytes(*other);
  return needed <= most;
}

// Those who were served least come first, of one client those who came first.
void Scheduler::admit() {
  while (!waiting_.empty() && std::ssize(jobs_) + std::ssize(fetching_) < options_.n_streams) {
    std::map<std::string, int> running;
    for (const auto* jobs : {&fetching_, &jobs_})
      for (const auto& job : *jobs) ++running[job->request.client];
    const auto key = [&](const std::unique_ptr<Job>& job) {
      const std::string& client = job->request.client;
      return std::pair(running[client], served_[client]);
    };
    const auto next = std::ranges::min_element(waiting_, {}, key);
    if (!fits(**next)) return;
    std::unique_ptr<Job> job = std::move(*next);
    waiting_.erase(next);
    start(std::move(job));
  }
}

void Scheduler::start(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    --n_queued_;
    ++n_started_;
  }
  job->started = Clock::now();
  job->outcome.queue_seconds = seconds_between(job->submitted, job->started);
  job->outcome.n_prompt = job->request.prompt.size();
  if (job->request.use_cache) {
    job->outcome.n_common = cache_.common(job->request.prompt);
    if (fetch(job)) return;
  }
  begin(std::move(job));
}

// Whether more of the prompt is in the store than in memory. It is brought back then, while others go on.
bool Scheduler::fetch(std::unique_ptr<Job>& job) {
  const std::vector<TokenId>& prompt = job->request.prompt;
  const auto in_memory = cache_.find(prompt, prompt.size() - 1);
  const size_t n = in_memory ? in_memory->n_tokens : 0;
  const auto stored = cache_.find_stored(prompt, prompt.size() - 1, n + kLeastFetched);
  if (!stored) return false;
  {
    const std::lock_guard lock(mutex_);
    ++n_loading_;
  }
  options_.store->load(stored->id, in_memory ? in_memory->state : StateSnapshot(),
                       [this, id = job->id](Result<StateSnapshot> state) {
                         const std::lock_guard lock(mutex_);
                         fetched_.emplace(id, std::move(state));
                         --n_loading_;
                         arrived_.notify_all();
                       });
  fetching_.push_back(std::move(job));
  return true;
}

void Scheduler::begin(std::unique_ptr<Job> job) {
  Job& j = *job;
  j.stream = &decoder_.open();
  while (std::ranges::any_of(jobs_, [&](const auto& other) { return other->slot == j.slot; })) ++j.slot;
  jobs_.push_back(std::move(job));
  std::span<const TokenId> rest = j.request.prompt;
  if (j.request.use_cache) {
    // At least one token is read: its logits say how the answer begins.
    if (auto hit = cache_.find(j.request.prompt, j.request.prompt.size() - 1)) {
      decoder_.resume(*j.stream, rest.first(hit->n_tokens), hit->state);
      rest = rest.subspan(hit->n_tokens);
      j.outcome.n_cached = hit->n_tokens;
      j.n_stored = std::min(j.n_stored, hit->n_tokens);
    }
  }
  j.next_checkpoint = next_checkpoint(j.outcome.n_cached);
  if (j.request.on_start) j.request.on_start(j.outcome);
  AnswerRequest request;
  request.sampler = j.request.sampler.get();
  request.n_predict = j.request.answer.n_predict;
  request.on_token = [&j](TokenId token) {
    j.wanted = j.text->push(token, j.request.on_text);
    return j.wanted;
  };
  request.constraint = j.request.constraint.get();
  request.thought = j.request.answer.thought;
  request.repetition = j.request.answer.repetition;
  request.on_log_probs = j.request.answer.on_log_probs;
  request.n_log_probs = j.request.answer.n_log_probs;
  request.post_sampling = j.request.answer.post_sampling;
  auto begun = decoder_.begin(*j.stream, rest, std::move(request));
  if (!begun.ok()) end(j, begun.take_error());
  erase_ended();
}

// The next piece of the prompt, of so many tokens at most. It leaves a mark at the last border: there the
// next turn parts from this one. Borders before it were last ones in their time.
PromptPiece Scheduler::next_piece(const Job& job, int64_t most) const {
  const size_t from = job.n_read();
  PromptPiece piece{job.stream, std::min(most, static_cast<int64_t>(job.stream->n_unread()))};
  if (!job.request.use_cache || job.last_border() <= from) return piece;
  const auto to_border = static_cast<int64_t>(job.last_border() - from);
  if (to_border >= piece.n_tokens) return piece;
  if (decoder_.can_mark(*job.stream, piece.n_tokens - to_border))
    piece.mark_after = to_border;
  else
    piece.n_tokens = to_border;
  return piece;
}

std::vector<PromptPiece> Scheduler::choose_pieces(int64_t n_answers) {
  std::vector<Job*> reading;
  for (auto& job : jobs_)
    if (job->reading()) reading.push_back(job.get());
  if (reading.empty()) return {};
  int64_t rows = decoder_.session().options().n_ubatch;
  if (n_answers > 0 && seconds_per_row_ > 0) {
    // Steps of up to kExactRows take kernels that cost more for each row of a prompt.
    const int64_t least = std::max(kLeastPiece, kExactRows + 1 - n_answers);
    rows = std::clamp(static_cast<int64_t>(options_.piece_seconds / seconds_per_row_), std::min(least, rows),
                      rows);
  }
  // Who was served least reads first; what is left of the step is for the others.
  std::ranges::stable_sort(reading, {}, [&](const Job* job) { return served_[job->request.client]; });
  std::vector<PromptPiece> pieces;
  for (Job* job : reading) {
    if (rows <= 0) break;
    pieces.push_back(next_piece(*job, rows));
    rows -= pieces.back().n_tokens;
  }
  return pieces;
}

bool Scheduler::step() {
  take_inbox();
  take_fetched();
  admit();
  std::vector<Stream*> streams;
  int64_t n_answers = 0;
  size_t n_paused = 0;
  for (auto& job : jobs_) {
    const bool paused = !job->reading() && job->request.wants_more && !job->request.wants_more();
    n_paused += paused ? 1 : 0;
    if (paused) continue;
    streams.push_back(job->stream);
    if (!job->reading()) ++n_answers;
  }
  if (options_.store != nullptr) options_.store->set_busy(!streams.empty());
  if (streams.empty()) {
    const std::lock_guard lock(mutex_);
    counters_.running = counters_.paused = n_paused;
    counters_.reading = 0;
    return false;
  }
  const std::vector<PromptPiece> pieces = choose_pieces(n_answers);
  std::vector<std::pair<size_t, size_t>> before;  // by job: read and generated
  for (auto& job : jobs_) before.emplace_back(job->n_read(), job->stream->n_generated());
  const auto began = Clock::now();
  if (const auto done = decoder_.round(streams, pieces); !done.ok()) {
    failed_step(done.error());
    return true;
  }
  const auto now = Clock::now();
  int64_t n_rows = 0;
  uint64_t n_generated = 0, n_answering = 0;
  std::vector<std::pair<double, uint64_t>> gaps;  // between tokens; and how many came together
  std::vector<double> firsts;
  size_t longest = 0;
  for (size_t i = 0; i < jobs_.size(); ++i) {
    Job& job = *jobs_[i];
    const auto [was_read, was_generated] = before[i];
    const bool was_reading = was_read < job.outcome.n_prompt && was_generated == 0;
    const size_t n_read = was_reading ? job.n_read() - was_read : 0;
    const size_t generated = job.stream->n_generated() - was_generated;
    n_rows += static_cast<int64_t>(n_read);
    n_generated += generated;
    served_[job.request.client] += static_cast<double>(n_read + generated);
    longest = std::max(longest, job.stream->history().size());
    if (generated > 0) {
      ++n_answering;
      if (was_generated == 0)
        firsts.push_back(seconds_between(job.submitted, now));
      else
        gaps.emplace_back(seconds_between(job.last_token, now) / static_cast<double>(generated), generated);
      job.last_token = now;
    }
    if (n_read > 0) {
      if (job.request.use_cache && !job.stream->failure()) remember(job, was_read);
      if (job.request.on_progress) job.request.on_progress(job.n_read(), job.outcome.n_prompt);
      if (!job.reading()) {
        job.answered = now;
        job.outcome.prompt_seconds = seconds_between(job.started, now);
      }
    }
    if (job.stream->finished() != FinishReason::kNone) {
      std::optional<Error> error = job.stream->failure();
      if (!error && is_cancelled(job.id)) error = kCancelled;
      end(job, std::move(error));
    }
  }
  if (n_rows >= kLeastPiece) {
    const double per_row = seconds_between(began, now) / static_cast<double>(n_rows);
    seconds_per_row_ += (seconds_per_row_ == 0 ? 1 : 0.2) * (per_row - seconds_per_row_);
  }
  const double fade = std::exp2(-static_cast<double>(static_cast<uint64_t>(n_rows) + n_generated) / kFading);
  for (auto it = served_.begin(); it != served_.end();)
    it = (it->second *= fade) < 1 ? served_.erase(it) : std::next(it);
  erase_ended();
  const std::lock_guard lock(mutex_);
  for (const auto& job : jobs_)
    slots_[job->slot] = facts(*job, std::ranges::find(streams, job->stream) == streams.end());
  ++counters_.steps;
  if (!pieces.empty()) ++counters_.steps_with_prompts;
  counters_.answers_in_steps += n_answering;
  counters_.longest = std::max(counters_.longest, longest);
  for (const double seconds : firsts) counters_.first_token.add(seconds);
  for (const auto& [seconds, n] : gaps) counters_.between_tokens.add(seconds, n);
  count_drafts();
  counters_.prompt_tokens += static_cast<uint64_t>(n_rows);
  counters_.generated_tokens += n_generated;
  counters_.reading =
      static_cast<size_t>(std::ranges::count_if(jobs_, [](const auto& j) { return j->reading(); }));
  counters_.running = jobs_.size() - counters_.reading;
  counters_.paused = n_paused;
  return true;
}

// With the mutex held.
void Scheduler::count_drafts() {
  counters_.drafts = counters_.drafted_tokens = counters_.accepted_tokens = 0;
  counters_.accepted_by_place.clear();
  for (const SourceStatistics& source : decoder_.statistics().sources()) {
    counters_.drafts += static_cast<uint64_t>(source.rounds);
    counters_.drafted_tokens += static_cast<uint64_t>(source.verified);
    counters_.accepted_tokens += static_cast<uint64_t>(source.right);
    auto& places = counters_.accepted_by_place;
    places.resize(std::max(places.size(), source.survived.size()));
    for (size_t i = 0; i < source.survived.size(); ++i)
      places[i] += static_cast<uint64_t>(source.survived[i]);
  }
}

SlotFacts Scheduler::facts(const Job& job, bool paused) const {
  return {.request = job.id,
          .busy = !job.ended,
          .paused = paused,
          .n_prompt = job.outcome.n_prompt,
          .n_read = std::min(job.n_read(), job.outcome.n_prompt),
          .n_cached = job.outcome.n_cached,
          .n_generated = job.stream->n_generated(),
          .n_predict = job.request.answer.n_predict};
}

// After a piece of the prompt, before which `was_read` tokens were read.
void Scheduler::remember(Job& job, size_t was_read) {
  size_t n_tokens = job.stream->n_settled();
  if (!job.stream->recurrent() && was_read < job.last_border())
    n_tokens = std::min(n_tokens, job.last_border());
  // What others will begin with is worth more than the end of the prompt, where only the same one goes on.
  const bool spaced = n_tokens >= job.next_checkpoint;
  if (spaced) job.next_checkpoint = next_checkpoint(n_tokens);
  const bool lasting = spaced || std::ranges::binary_search(job.request.borders, n_tokens);
  if (n_tokens <= was_read || (!lasting && n_tokens != job.request.prompt.size())) return;
  cache_.remember(job.stream->history().first(n_tokens), decoder_.mark(*job.stream, n_tokens).state, lasting);
}

// Whoever came last has to go, so that the others can go on: most likely memory is short. Nobody goes on
// without the device.
void Scheduler::failed_step(const Error& error) {
  if (error.code() == ErrorCode::kDevice) {
    device_lost_ = true;
    end_all(error);
    return;
  }
  end(*jobs_.back(), error);
  erase_ended();
}

void Scheduler::end(Job& job, std::optional<Error> error) {
  if (job.ended) return;
  job.ended = true;
  RequestOutcome& o = job.outcome;
  if (job.stream != nullptr) {
    o.reason = job.stream->finished();
    o.n_generated = job.stream->n_generated();
    if (!error) o.generate_seconds = seconds_between(job.answered, Clock::now());
    if (!error) o.stopped_by = job.text->finish(job.request.on_text);
    // The next turn goes on behind this answer. The few tokens behind the base are read again: their entries
    // alone would hold a ring, which is several times as large as the state.
    if (const size_t n = job.stream->n_settled(); !error && job.request.use_cache && n > job.outcome.n_cached)
      cache_.remember(job.stream->history().first(n), decoder_.mark(*job.stream, n).state, true);
    {
      SlotFacts last = facts(job, false);
      const auto text = job.stream->history().first(job.n_read());
      slot_texts_[job.slot].assign(text.begin(), text.end());
      const std::lock_guard lock(mutex_);
      slots_[job.slot] = last;
    }
    decoder_.close(*job.stream);
    job.stream = nullptr;
  }
  o.error = std::move(error);
  const auto now = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    --(job.started == Clock::time_point() ? n_queued_ : n_started_);
    counters_.cached_tokens += o.n_cached;
    counters_.stored_tokens += job.n_stored;
    counters_.prompt_seconds += o.prompt_seconds;
    counters_.generate_seconds += o.generate_seconds;
    counters_.queue.add(o.queue_seconds);
    if (!o.error) counters_.whole.add(seconds_between(job.submitted, now));
    ++(!o.error                                     ? counters_.finished
       : o.error->code() == ErrorCode::kInterrupted ? counters_.cancelled
                                                    : counters_.failed);
    seconds_per_request_ += 0.1 * (std::min(seconds_between(last_end_, now), 60.0) - seconds_per_request_);
  }
  last_end_ = now;
  if (job.request.on_end) job.request.on_end(o);
}

void Scheduler::erase_ended() {
  const auto ended = [](const std::unique_ptr<Job>& job) { return job->ended; };
  std::erase_if(jobs_, ended);
  std::erase_if(fetching_, ended);
  std::erase_if(waiting_, ended);
}

void Scheduler::cancel_all() {
  end_all(kCancelled);
}

void Scheduler::end_all(const Error& error) {
  take_inbox();
  for (auto* jobs : {&fetching_, &jobs_})
    for (auto& job : *jobs) end(*job, error);
  for (auto& job : waiting_) end(*job, error);
  erase_ended();
}

}  // namespace gannet
