// A small loop of drafting and verifying, for tests of drafters that have a model.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>

#include "draft/drafter.h"
#include "engine/session.h"
#include "engine/vocabulary_from_gguf.h"
#include "sample/sampler.h"

namespace gannet {

inline std::shared_ptr<const Model> pocket() {
  static const auto model = Model::load("models/pocket.gguf", {}, nullptr).take();
  return model;
}

inline const Tokenizer& tokenizer() {
  static const Tokenizer made = tokenizer_from_gguf(pocket()->file()).take();
  return made;
}

inline std::vector<TokenId> ids(std::string_view text) {
  return tokenizer().encode(text).take();
}

inline const std::vector<TokenId>& long_text() {
  static const std::vector<TokenId> made = [] {
    std::ifstream in("models/heldout.txt");
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    return ids(std::string_view(text).substr(0, 4000));
  }();
  return made;
}

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Texts that are read and continued, one per slot.
struct Texts {
  struct Text {
    SequenceState sequence;
    std::vector<TokenId> history;  // the last token was not run
    size_t n_prompt = 0;
    std::vector<std::vector<TokenId>> drafts;
    int tested = 0, right = 0;  // first tokens of drafts
    explicit Text(Session& session) : sequence(session.new_sequence()) {}
  };
  int32_t n_vocab;
  std::unique_ptr<Session> session;
  std::unique_ptr<Drafter> drafter;
  std::vector<Text> texts;
  SamplingParams params;
  const SamplingParams* drafting_params = nullptr;  // null: the same
  Sampler sampler;

  static SamplingParams greedy() {
    SamplingParams p;
    p.temperature = 0;
    return p;
  }

  Texts(int n, SessionOptions options, SamplingParams with, const std::shared_ptr<const Model>& model)
      : n_vocab(static_cast<int32_t>(model->hyperparameters().n_vocab)),
        params(with),
        sampler(Sampler::create(with, n_vocab).take()) {
    if (options.n_threads == 0) options.n_threads = 1;
    session = Session::create(model, options).take();
    texts.reserve(static_cast<size_t>(n));
    for (int i = 0; i < n; ++i) texts.emplace_back(*session);
  }

  TokenId sample(Text& text, const float* logits) {
    return sampler
        .sample(std::span(logits, static_cast<size_t>(n_vocab)), text.history.size() - text.n_prompt,
                text.history)
        .take();
  }

  // Reads the text from where the sequence ends, and chooses a first token. Of each piece n_hidden hidden
  // rows are made.
  void read(int slot, std::span<const TokenId> prompt, size_t n_kept = 0, int64_t n_hidden = -1) {
    Text& t = texts[static_cast<size_t>(slot)];
    t.history.assign(prompt.begin(), prompt.end());
    t.n_prompt = prompt.size();
    ASSERT_TRUE(drafter->begin(slot, t.history, n_kept).ok());
    for (auto at = static_cast<size_t>(t.sequence.length()); at < prompt.size();) {
      const size_t n = std::min(static_cast<size_t>(session->options().n_ubatch), prompt.size() - at);
      const StepPiece piece{&t.sequence, prompt.subspan(at, n), LogitRows::kLast, true, {}, n_hidden};
      const StepResult result = session->step(StatePart::kTrunk, {&piece, 1}, drafter->info().hidden).take();
      t.sequence.commit(StatePart::kTrunk, static_cast<int64_t>(n));
      TargetRows rows{slot, t.history, static_cast<int64_t>(at), static_cast<int64_t>(n),
                      result.hidden < 0 ? -1 : result.piece_hidden[0]};
      if (n_hidden >= 0) rows.no_hidden = std::max(int64_t{0}, rows.n - n_hidden);
      at += n;
      const TokenId next = sample(t, result.logits_row(0));  // logits are gone after the block's step
      const auto ran = drafter->ran({&rows, 1});
      ASSERT_TRUE(ran.ok()) << ran.error().message();
      if (at == prompt.size()) t.history.push_back(next);
    }
  }

  // One step for all texts that are not done, with drafts of n_draft tokens (0: none).
  void round(size_t n_tokens, int n_draft, const std::function<bool(float)>& another = {}) {
    std::vector<DraftRequest> requests;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].history.size() >= texts[i].n_prompt + n_tokens) continue;
      DraftRequest r;
      r.slot = static_cast<int>(i);
      r.history = texts[i].history;
      r.n_most = n_draft;
      r.sampling = drafting_params != nullptr ? drafting_params : &params;
      r.position = texts[i].history.size() - texts[i].n_prompt;
      r.another = another;
      requests.push_back(r);
    }
    if (n_draft > 0) {
      ASSERT_TRUE(drafter->draft(requests).ok());
    }
    std::vector<std::vector<TokenId>> given;
    std::vector<StepPiece> pieces;
    given.reserve(requests.size());
    for (const DraftRequest& r : requests) {
      Text& t = texts[static_cast<size_t>(r.slot)];
      given.push_back({t.history.back()});
      for (const DraftToken& d : r.tokens) given.back().push_back(d.token);
      t.drafts.emplace_back(given.back().begin() + 1, given.back().end());
      pieces.push_back({&t.sequence, given.back(), LogitRows::kAll, false, {}});
    }
    const StepResult result = session->step(StatePart::kTrunk, pieces, drafter->info().hidden).take();
    std::vector<TargetRows> rows;
    int32_t row = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
      Text& t = texts[static_cast<size_t>(requests[i].slot)];
      const int64_t first = t.sequence.length();
      size_t n = 0;
      for (bool right = true; right; ++n) {
        const TokenId token = sample(t, result.logits_row(static_cast<size_t>(row) + n));
        t.history.push_back(token);
        right = n + 1 < given[i].size() && given[i][n + 1] == token;
        if (n == 0 && given[i].size() > 1) {
          ++t.tested;
          t.right += right;
        }
        right = right && t.history.size() < t.n_prompt + n_tokens;
      }
      t.sequence.commit(StatePart::kTrunk, static_cast<int64_t>(n));
      rows.push_back({requests[i].slot, t.history, first, static_cast<int64_t>(n),
                      result.hidden < 0 ? -1 : result.hidden + row});
      row += static_cast<int32_t>(given[i].size());
    }
    const auto ran = drafter->ran(rows);
    ASSERT_TRUE(ran.ok()) << ran.error().message();
  }

  void write(size_t n_tokens, int n_draft) {
    for (Text& t : texts) t.drafts.clear();
    while (
        std::ranges::any_of(texts, [&](const Text& t) { return t.history.size() < t.n_prompt + n_tokens; }))
      round(n_tokens, n_draft);
  }
};

}  // namespace gannet
