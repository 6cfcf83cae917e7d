// What drafting with the MTP block costs, in steps of the target: reading a prompt with and without warming
// the block up, a draft of some tokens, and how much of it is not the run of plans. In turns, so that a
// machine whose speed changes disturbs the ratios little.
//   draft_bench MODEL.gguf [threads] [rounds] [prompt tokens]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include <fmt/core.h>

#include "engine/mtp_drafter.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

constexpr int kDrafted = 4;

// Of the processor, all threads together: others on the machine disturb it less than the clock.
double seconds_of(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double least(const std::vector<double>& values) {
  return *std::ranges::min_element(values);
}

template <class T>
void check(const Result<T>& result) {
  if (result.ok()) return;
  fmt::print(stderr, "{}\n", result.error().message());
  std::exit(1);
}

class Bench {
 public:
  Bench(std::shared_ptr<const Model> model, int n_threads, int n_prompt, const Vocabulary* vocabulary)
      : session_(session_for(std::move(model), n_threads)), sequence_(session_->new_sequence()) {
    drafter_ = MtpDrafter::create(*session_, {.vocabulary = vocabulary}).take();
    const auto n_vocab = static_cast<int64_t>(session_->model().hyperparameters().n_vocab);
    for (int64_t i = 0; i < n_prompt; ++i) tokens_.push_back(static_cast<int32_t>(i * 7919 % n_vocab));
    params_.temperature = 0;
    drafter_->attach(0, &sequence_);
  }

  // Of so many rows (at most) hidden rows are made; warm: the block reads them.
  double read(int64_t n_hidden, bool warm) {
    sequence_.clear();
    history_ = tokens_;
    check(drafter_->begin(0, history_, 0));
    const size_t n = std::min(tokens_.size(), static_cast<size_t>(session_->options().n_ubatch));
    return seconds_of([&] {
      for (size_t at = 0; at < tokens_.size(); at += n) {
        const size_t now = std::min(n, tokens_.size() - at);
        const StepPiece piece{&sequence_, std::span(tokens_).subspan(at, now), LogitRows::kLast, true, {},
                              n_hidden};
        const auto result = session_->step(StatePart::kTrunk, {&piece, 1}, n_hidden != 0);
        check(result);
        sequence_.commit(StatePart::kTrunk, static_cast<int64_t>(now));
        const auto rows = std::min(now, static_cast<size_t>(n_hidden));
        if (warm) ran(at + now - rows, rows, result->piece_hidden[0]);
      }
    });
  }

  // A step of the target for one token.
  double decode() {
    history_.push_back(next());
    return seconds_of([&] {
      const StepPiece piece{&sequence_, {&history_.back(), 1}, LogitRows::kLast, false, {}};
      const auto result = session_->step(StatePart::kTrunk, {&piece, 1}, true);
      check(result);
      sequence_.commit(StatePart::kTrunk, 1);
      ran(history_.size() - 1, 1, result->hidden);
    });
  }

  // The drafter's part of steps without drafts.
  double keeping_up() {
    double all = 0;
    behind_ = 0;
    for (int i = 0; i < 2 * 33; ++i) all += decode();  // twice as many as wait
    return behind_ / all;
  }

  // A draft behind one waiting row or more.
  double draft(int n) {
    history_.push_back(next());
    DraftRequest r;
    r.history = history_;
    r.n_most = n;
    r.sampling = &params_;
    const double seconds = seconds_of([&] { check(drafter_->draft({&r, 1})); });
    history_.pop_back();
    return seconds;
  }

  // Part of the time for a draft.
  double outside_of_plans(int n) {
    const auto sum = [&] {
      double ns = 0;
      for (const auto& p : session_->profiles())
        for (const double t : p.nanoseconds) ns += t;
      return 1e-9 * ns;
    };
    session_->set_profiling(true);
    const double before = sum();
    const auto start = std::chrono::steady_clock::now();
    draft(n);
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    session_->set_profiling(false);
    return 1 - (sum() - before) / wall;
  }

  int64_t prompt_rows() const { return drafter_->prompt_rows(static_cast<int64_t>(tokens_.size())); }
  bool has_small_head() const { return drafter_->draft_head() != nullptr; }

 private:
  static std::unique_ptr<Session> session_for(std::shared_ptr<const Model> model, int n_threads) {
    SessionOptions options;
    options.n_ctx = 4096;
    options.n_threads = n_threads;
    options.mtp = true;
    auto session = Session::create(std::move(model), options);
    check(session);
    return session.take();
  }
  void ran(size_t first, size_t n, int32_t hidden) {
    const TargetRows rows{0, history_, static_cast<int64_t>(first), static_cast<int64_t>(n), hidden};
    behind_ += seconds_of([&] { check(drafter_->ran({&rows, 1})); });
  }
  TokenId next() {
    at_ = (at_ + 13) % tokens_.size();
    return tokens_[at_];
  }

  std::unique_ptr<Session> session_;
  std::unique_ptr<MtpDrafter> drafter_;
  SequenceState sequence_;
  std::vector<TokenId> tokens_, history_;
  SamplingParams params_;
  size_t at_ = 0;
  double behind_ = 0;  // seconds in ran()
};

int run(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: draft_bench MODEL.gguf [threads] [rounds] [prompt tokens]\n");
    return 2;
  }
  auto model = Model::load(argv[1], {}, nullptr);
  check(model);
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  const int n_threads = argc > 2 ? std::atoi(argv[2]) : 0, n_prompt = argc > 4 ? std::atoi(argv[4]) : 512;
  const auto tokenizer = tokenizer_from_gguf((*model)->file());
  check(tokenizer);
  Bench whole(*model, n_threads, n_prompt, nullptr),
      small(*model, n_threads, n_prompt, &tokenizer->vocabulary());
  const int64_t n_hidden[] = {whole.prompt_rows(), 256, n_prompt};
  std::vector<double> plain, one, outside, keeping_up, hidden[std::size(n_hidden)], warm[std::size(n_hidden)],
      first[2], more[2];
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    const double without = whole.read(0, false);
    small.read(0, false);
    if (round >= 0) plain.push_back(without);
    for (size_t i = 0; i < std::size(n_hidden); ++i) {
      const double with_hidden = whole.read(n_hidden[i], false), with = whole.read(n_hidden[i], true);
      if (round < 0) continue;
      hidden[i].push_back(with_hidden);
      warm[i].push_back(with);
    }
    small.read(n_hidden[0], true);
    const double behind = whole.keeping_up();
    if (round >= 0) keeping_up.push_back(behind);
    for (int i = 0; i < 8; ++i) {
      const double step = whole.decode();
      small.decode();
      for (const int head : {0, 1}) {
        Bench& bench = head == 0 ? whole : small;
        const double short_draft = bench.draft(1), long_draft = bench.draft(1 + kDrafted);
        if (round < 0) continue;
        first[head].push_back(short_draft / step);
        more[head].push_back((long_draft - short_draft) / kDrafted / step);
      }
      const double host = small.outside_of_plans(1 + kDrafted);
      if (round < 0) continue;
      one.push_back(step);
      outside.push_back(host);
    }
  }
  fmt::print("prompt of {} tokens {:.1f} ms\n", n_prompt, 1e3 * least(plain));
  for (size_t i = 0; i < std::size(n_hidden); ++i)
    fmt::print("with {} hidden rows {:.4f} of it, and these read by the block {:.4f}\n", n_hidden[i],
               least(hidden[i]) / least(plain), least(warm[i]) / least(plain));
  fmt::print("step of one row {:.3f} ms\n", 1e3 * median(one));
  for (const int head : {0, 1})
    fmt::print("{} head: first drafted token {:.4f} of it, each more {:.4f}\n",
               head == 0                ? "the model's"
               : small.has_small_head() ? "small"
                                        : "(no small)",
               median(first[head]), median(more[head]));
  fmt::print("keeping up without drafts {:.4f} of all steps\n", median(keeping_up));
  fmt::print("outside of plans {:.4f} of drafting\n", median(outside));
  return 0;
}

}  // namespace
}  // namespace gannet

int main(int argc, char** argv) {
  return gannet::run(argc, argv);
}
