// What one round of a Decoder works with. For the decoder's own files.
#pragma once

#include <chrono>

#include "engine/decoder.h"

namespace gannet {

// One stream in a round.
struct Decoder::Turn {
  Stream* stream = nullptr;
  int n_most = 0;  // tokens that may be drafted
  int source = -1;
  std::vector<DraftToken> draft;
  std::vector<int32_t> rows;  // the last token of the text and the draft
  int n_right = 0, n_emitted = 0;
  int64_t n_before = 0;  // rows in the state before the round
  // By drafter that looks up: what it has to offer.
  std::vector<std::vector<DraftToken>> found;
  std::vector<std::vector<float>> found_confidence;
  std::vector<Offer> offers;
};

// Memory of rounds is used again by the next ones.
struct Decoder::Round {
  using Clock = std::chrono::steady_clock;

  std::vector<Turn> all;  // as many as any round had
  size_t n_turns = 0;
  std::vector<double> draft_seconds;  // by drafter
  std::vector<int> draft_tokens;
  std::vector<SequenceOffers> offers;
  std::vector<DraftRequest> requests;
  std::vector<size_t> requesting;              // turns of the requests
  std::vector<std::vector<float>> confidence;  // of the drafts, by turn
  std::vector<PromptPiece> prompts;            // with as many tokens as the step takes
  std::vector<StepPiece> pieces;               // those of the turns, then those of prompts
  std::vector<TargetRows> told;
  std::vector<SequenceOutcome> outcomes;
  Clock::time_point began;
  int64_t plans_waited_for = 0;
  int n_rows = 0;

  std::span<Turn> turns() { return std::span(all).first(n_turns); }
  void begin(std::span<Stream* const> streams, size_t n_drafters);
};

// Adds the time of its life to a number of seconds.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds), began_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() {
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace gannet
