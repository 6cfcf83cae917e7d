// What rows cost: steps of T rows of one sequence, as when drafts are verified, and steps of one row each of
// many sequences; and what it costs to take rows back. In turns with steps of a single row, so that a machine
// whose speed changes disturbs the ratios little.
//   step_bench MODEL.gguf [threads] [rounds]
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <fmt/core.h>

#include "engine/session.h"

namespace gannet {
namespace {

constexpr int64_t kPast = 64;  // tokens that every sequence holds
constexpr int kBatches[] = {1, 2, 4, 8, 16};
constexpr int kMost = 16;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

class Bench {
 public:
  Bench(std::shared_ptr<const Model> model, int n_threads) {
    SessionOptions options;
    options.n_ctx = 1024;
    options.n_threads = n_threads;
    options.open_rows = kMost;
    session_ = Session::create(std::move(model), options).take();
    const auto n_vocab = static_cast<int32_t>(session_->model().hyperparameters().n_vocab);
    for (int i = 0; i < 1024; ++i) tokens_.push_back(static_cast<int32_t>(i * 7919LL % n_vocab));
    for (int i = 0; i < kMost; ++i) {
      sequences_.push_back(session_->new_sequence());
      check(session_->prefill(sequences_.back(), std::span(tokens_).subspan(static_cast<size_t>(i), kPast)));
      start_.push_back(sequences_.back().snapshot());
    }
  }

  // A step of n rows of sequence 0, of which one is kept.
  void verify(int n) {
    const StepPiece piece{&sequences_[0], next(n), LogitRows::kAll, false, {}};
    check(session_->step(StatePart::kTrunk, {&piece, 1}));
    going_back = seconds_of([&] { sequences_[0].commit(StatePart::kTrunk, 1); });
  }
  double going_back = 0;  // seconds of the last commit of one row of a step
  // A step of one row of each of n sequences.
  void together(int n) {
    std::vector<StepPiece> pieces;
    for (int i = 0; i < n; ++i)
      pieces.push_back({&sequences_[static_cast<size_t>(i)], next(1), LogitRows::kLast, false, {}});
    check(session_->step(StatePart::kTrunk, pieces));
    for (int i = 0; i < n; ++i) sequences_[static_cast<size_t>(i)].commit(StatePart::kTrunk, 1);
  }
  void one_by_one(int n) {
    for (int i = 0; i < n; ++i)
      check(session_->forward(sequences_[static_cast<size_t>(i)], next(1), LogitRows::kLast));
  }
  void rewind() {
    for (size_t i = 0; i < sequences_.size(); ++i) sequences_[i].rollback(start_[i]);
  }

 private:
  template <class T>
  static void check(const Result<T>& result) {
    if (result.ok()) return;
    fmt::print(stderr, "{}\n", result.error().message());
    std::exit(1);
  }
  // Random experts, as in a text.
  std::span<const int32_t> next(int n) {
    at_ = (at_ + 13) % (tokens_.size() - kMost);
    return std::span(tokens_).subspan(at_, static_cast<size_t>(n));
  }

  std::unique_ptr<Session> session_;
  std::vector<SequenceState> sequences_;
  std::vector<StateSnapshot> start_;
  std::vector<int32_t> tokens_;
  size_t at_ = 0;
};

int run(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: step_bench MODEL.gguf [threads] [rounds]\n");
    return 2;
  }
  auto model = Model::load(argv[1], {}, nullptr);
  if (!model.ok()) {
    fmt::print(stderr, "{}\n", model.error().message());
    return 1;
  }
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 15;
  Bench bench(*model, argc > 2 ? std::atoi(argv[2]) : 0);
  std::vector<double> verify[std::size(kBatches)], ratio[std::size(kBatches)], gain, commit, after;
  for (int round = -2; round < rounds; ++round) {  // the first two warm up
    bench.rewind();
    double one = 0;
    for (size_t b = 0; b < std::size(kBatches); ++b) {
      const double time = seconds_of([&] {
        for (int i = 0; i < 4; ++i) bench.verify(kBatches[b]);
      });
      if (b == 0) one = time;
      if (round < 0) continue;
      verify[b].push_back(time / 4);
      ratio[b].push_back(time / one);
    }
    // A step behind one of which three of four rows were taken back, beside one behind a single row.
    bench.verify(4);
    const double taken_back = bench.going_back;
    const double behind = seconds_of([&] { bench.verify(1); });
    const double usual = seconds_of([&] { bench.verify(1); });
    if (round >= 0) {
      commit.push_back(taken_back / usual);
      after.push_back(behind / usual);
    }
    bench.rewind();
    const double alone = seconds_of([&] { bench.one_by_one(kMost); });
    bench.rewind();
    const double all = seconds_of([&] { bench.together(kMost); });
    if (round >= 0) gain.push_back(alone / all);
  }
  for (size_t b = 0; b < std::size(kBatches); ++b)
    fmt::print("V({:2}) {:8.3f} ms   V(T)/V(1) {:.3f}\n", kBatches[b], 1e3 * median(verify[b]),
               median(ratio[b]));
  fmt::print("taking back 3 of 4 rows: {:.4f} of V(1); the step behind it {:.3f} of V(1)\n", median(commit),
             median(after));
  fmt::print("{} sequences in one step against one by one: {:.2f}x\n", kMost, median(gain));
  return 0;
}

}  // namespace
}  // namespace gannet

int main(int argc, char** argv) {
  return gannet::run(argc, argv);
}
