// Many requests on one decoder: who is answered when. Every step carries all answers that go on and, beside
// them, a piece of a prompt that is short enough to keep nobody waiting; what was read before is taken from a
// cache.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/answer_text.h"
#include "engine/generator.h"
#include "engine/prefix_cache.h"
#include "engine/scheduler_counters.h"

namespace gannet {

// How a request ended.
struct RequestOutcome {
  FinishReason reason = FinishReason::kStopped;
  std::optional<std::string> stopped_by;  // a stop string
  std::optional<Error> error;             // of this request alone; kInterrupted: it was cancelled
  size_t n_prompt = 0;                    // tokens of the prompt
  size_t n_cached = 0;                    // of them, that were not read again
  size_t n_common = 0;  // of them, that some earlier text began with: without a point to take it up at
  size_t n_generated = 0;
  double queue_seconds = 0, prompt_seconds = 0, generate_seconds = 0;
};

// What somebody wants answered. Callbacks come from the thread that steps, and must not block or call the
// scheduler back; on_text returns false to end the answer.
struct Request {
  std::vector<TokenId> prompt;  // all of the conversation
  // Places in the prompt, ascending, where other prompts are likely to part from it: ends of messages.
  std::vector<size_t> borders;
  std::shared_ptr<Sampler> sampler;
  std::shared_ptr<TokenConstraint> constraint;  // may be null
  AnswerOptions answer;                         // its constraint is the one above
  std::string client;                           // who asks: turns are taken by clients
  std::optional<std::chrono::steady_clock::time_point> deadline;
  bool use_cache = true;
  bool reserved = false;  // it takes the place that Scheduler::reserve() kept
  OnText on_text;
  // Asked before every step by the thread that steps; false: the answer pauses, for a reader that is slow.
  // Whoever makes it true again calls Scheduler::wake(). May be null.
  std::function<bool()> wants_more = {};
  // The prompt is going to be read; n_prompt, n_cached and n_common are known.
  std::function<void(const RequestOutcome& so_far)> on_start = {};
  std::function<void(size_t n_read, size_t n_prompt)> on_progress = {};
  std::function<void(const RequestOutcome& outcome)> on_end;
};

struct SchedulerOptions {
  int n_streams = 4;         // answers at once; as many as the drafters were made for
  size_t most_waiting = 64;  // beside those; more are refused
  // A piece of a prompt beside running answers takes about so long, if that is a useful piece at all.
  double piece_seconds = 0.2;
  // Long prompts are remembered at every so many tokens, or a piece behind that, beside their borders.
  size_t checkpoint_tokens = 4096;
  bool cache = true;  // what was read is remembered
  // Where what was read outlives the process; may be null. Must outlive the scheduler.
  StateStore* store = nullptr;
};

class Scheduler {
 public:
  using Id = uint64_t;
  // `decoder` and `tokenizer` must outlive it; the decoder is used by step() only. The cache lives in the
  // session's pool.
  Scheduler(Decoder& decoder, const Tokenizer& tokenizer, StatePool& pool, const SchedulerOptions& options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // The following may be called by any thread.

  // Errors: kUsage for a prompt that is empty, too long for the context or not of this vocabulary, and for
  // stop strings that cannot be. Null: too many wait; seconds_to_wait() says when to come back.
  Result<std::optional<Id>> submit(Request request);
  // Keeps a place for a request that is being made ready, so that one for which there is none costs nothing.
  // submit() of a `reserved` request takes it, whatever comes of that; unreserve() gives it back. False: too
  // many wait.
  bool reserve();
  void unreserve();
  // The request ends within a step, with kInterrupted; on_end is called. Unknown ids are fine.
  void cancel(Id id);
  // Until a place in the queue may be free, from how fast requests were finished.
  double seconds_to_wait() const;
  SchedulerCounters counters() const;
  bool full() const;  // one more would be refused
  // The device of the session is lost: all requests have ended with the reason, and new ones do. The model
  // has to be loaded again.
  bool device_lost() const { return device_lost_; }
  bool speculates() const { return speculates_; }
  std::vector<SlotFacts> slots() const;  // SchedulerOptions::n_streams, as of the last step
  // Runs `work` on the thread that steps, between two steps.
  void post(std::function<void()> work);
  // Waits until there is something to do, or for so long at most.
  void wait(std::chrono::milliseconds most);
  // Ends a wait().
  void wake();

  // The following are for one thread.

  // One step for all who are in it. False: there was nothing to do.
  bool step();
  // Everything ends with kInterrupted.
  void cancel_all();
  PrefixCache& cache() { return cache_; }
  // Prompt and answer that were read last in this place.
  std::vector<TokenId>& slot_text(size_t slot) { return slot_texts_.at(slot); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Job;

  Result<std::unique_ptr<Job>> make_job(Request request) const;
  bool full_locked() const;
  void take_inbox();
  void take_fetched();
  void admit();
  int64_t state_bytes(const Job& job) const;
  bool fits(const Job& job) const;
  void start(std::unique_ptr<Job> job);
  bool fetch(std::unique_ptr<Job>& job);
  void begin(std::unique_ptr<Job> job);
  std::vector<PromptPiece> choose_pieces(int64_t n_answers);
  PromptPiece next_piece(const Job& job, int64_t most) const;
  size_t next_checkpoint(size_t n_tokens) const {
    return (n_tokens / options_.checkpoint_tokens + 1) * options_.checkpoint_tokens;
  }
  void remember(Job& job, size_t was_read);
  bool is_cancelled(Id id) const;
  void failed_step(const Error& error);
  void end_all(const Error& error);
  void end(Job& job, std::optional<Error> error);
  void erase_ended();
  SlotFacts facts(const Job& job, bool paused) const;
  void count_drafts();

  Decoder& decoder_;
  const Tokenizer& tokenizer_;
  const SchedulerOptions options_;
  StatePool& pool_;
  const bool speculates_;
  PrefixCache cache_;

  std::atomic<bool> device_lost_ = false;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable_any arrived_;
  std::vector<std::unique_ptr<Job>> inbox_;
  std::vector<Id> cancelled_;
  std::map<Id, Result<StateSnapshot>> fetched_;
  std::vector<std::function<void()>> posted_;
  std::vector<SlotFacts> slots_;
  int n_loading_ = 0;
  bool woken_ = false;
  Id next_id_ = 1;
  size_t n_queued_ = 0;    // in the inbox and waiting
  size_t n_reserved_ = 0;  // being made ready
  size_t n_started_ = 0;   // being answered
  SchedulerCounters counters_;
  double seconds_per_request_ = 1;

  // Of the stepping thread.
  std::deque<std::unique_ptr<Job>> waiting_;
  std::vector<std::unique_ptr<Job>> fetching_;    // what they begin with comes from the store
  std::vector<std::unique_ptr<Job>> jobs_;        // with a stream
  std::vector<std::vector<TokenId>> slot_texts_;  // by slot
  std::map<std::string, double> served_;          // tokens, by client, fading
  double seconds_per_row_ = 0;                    // of prompts; 0: not known yet
  Clock::time_point last_end_ = Clock::now();
};

}  // namespace gannet
