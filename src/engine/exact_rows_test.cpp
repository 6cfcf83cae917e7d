// Rows are exact in any company: whole models give the same bits for a token whatever rows share its step,
// however a text is cut into calls, and whatever was tried and taken back before.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <random>

#include "backend/cpu/isa.h"
#include "engine/made_model_for_test.h"
#include "engine/session.h"

namespace gannet {
namespace {

const std::string kShared = "../shared";

using Rows = std::vector<std::vector<float>>;

std::shared_ptr<const Model> pocket() {
  static const auto model = Model::load("models/pocket.gguf", {.check_tensors = true}, nullptr).take();
  return model;
}

std::unique_ptr<Session> session_for(std::shared_ptr<const Model> model, SessionOptions options = {}) {
  options.n_threads = options.n_threads > 0 ? options.n_threads : 2;
  options.n_ctx = 1024;
  return Session::create(std::move(model), options).take();
}

std::vector<int32_t> some_tokens(size_t n, int32_t seed = 0) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < n; ++i)
    tokens.push_back((static_cast<int32_t>(i) * 37 + seed * 101 + static_cast<int32_t>(i * i) % 53) % 997);
  return tokens;
}

std::vector<float> copied(const float* row, const Session& session) {
  return {row, row + session.model().hyperparameters().n_vocab};
}

// Logits of all tokens, fed in pieces of the given sizes, the last of them again and again.
Rows read(Session& session, std::span<const int32_t> tokens, const std::vector<size_t>& sizes) {
  SequenceState sequence = session.new_sequence();
  Rows rows;
  for (size_t at = 0, i = 0; at < tokens.size(); ++i) {
    const size_t n = std::min(sizes[std::min(i, sizes.size() - 1)], tokens.size() - at);
    const auto result = session.forward(sequence, tokens.subspan(at, n), LogitRows::kAll);
    EXPECT_TRUE(result.ok()) << result.error().message();
    for (size_t r = 0; r < n; ++r)
      rows.push_back(copied(result->logits.f32(static_cast<int64_t>(r)), session));
    at += n;
  }
  return rows;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// How many rows differ in any bit.
size_t rows_that_differ(const Rows& a, const Rows& b) {
  EXPECT_EQ(a.size(), b.size());
  size_t n = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) n += same_bits(a[i], b[i]) ? 0 : 1;
  return n;
}

void expect_any_micro_batch(const std::shared_ptr<const Model>& model, std::span<const int32_t> tokens,
                            const SessionOptions& options, const std::string& name) {
  auto session = session_for(model, options);
  const Rows alone = read(*session, tokens, {1});
  for (const size_t n : {2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 64})
    EXPECT_EQ(rows_that_differ(read(*session, tokens, {n}), alone), 0u) << name << ", " << n << " at a time";
}

// The recorded models lie beside the checkout; made ones of the same family are there everywhere.
struct ExactFamily : testing::TestWithParam<std::string> {};
TEST_P(ExactFamily, AnyMicroBatch) {
  const MadeModel made(find_architecture(GetParam()).take());
  std::vector<std::shared_ptr<const Model>> models = {made.model};
  const std::string path = kShared + "/oracle/" + GetParam() + ".gguf";
  if (std::filesystem::exists(path)) models.push_back(Model::load(path, {}, nullptr).take());
  for (const auto& model : models)
    for (const Isa isa : machine_isas()) {
      SessionOptions options;
      options.policy.isas = isas_up_to(isa).take();
      options.k_type = options.v_type = DType::kF32;
      std::vector<int32_t> tokens = some_tokens(75);
      for (int32_t& token : tokens) token %= static_cast<int32_t>(model->hyperparameters().n_vocab);
      expect_any_micro_batch(model, tokens, options, isa_name(isa));
    }
}
INSTANTIATE_TEST_SUITE_P(All, ExactFamily,
                         testing::Values("qwen3", "qwen3moe", "qwen3next", "qwen35", "qwen35moe"),
                         [](const auto& arch) { return arch.param; });

struct ExactMix : testing::TestWithParam<std::string> {};
TEST_P(ExactMix, AnyMicroBatch) {
  for (const Architecture arch : {Architecture::kQwen35Moe, Architecture::kQwen3}) {
    const MadeModel made(arch, GetParam().c_str());
    expect_any_micro_batch(made.model, some_tokens(70), {}, GetParam());
  }
}
INSTANTIATE_TEST_SUITE_P(All, ExactMix, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Mix& mix : mixes())
                             if (find_mix(mix.name).ok()) names.emplace_back(mix.name);
                           return names;
                         }()),
                         [](const auto& mix) { return mix.param; });

TEST(ExactPocket, AnyMicroBatchKernelsAndCaches) {
  for (const Isa isa : machine_isas()) {
    if (isa == Isa::kScalar) continue;  // has the oracles
    for (const DType type : {DType::kF16, DType::kQ8_0}) {
      SessionOptions options;
      options.policy.isas = isas_up_to(isa).take();
      options.k_type = type;
      options.v_type = DType::kF16;
      expect_any_micro_batch(pocket(), some_tokens(200), options, isa_name(isa));
    }
  }
}

// 64 tokens cut into calls of 1 to 16 at random; the calls may be of the kind whose rows could be taken back.
TEST(ExactPocket, AnyPartition) {
  for (const int64_t open_rows : {0, 1, 8, 16}) {
    SessionOptions options;
    options.open_rows = open_rows;
    auto session = session_for(pocket(), options);
    const auto tokens = some_tokens(64);
    const Rows alone = read(*session, tokens, {1});
    std::mt19937 random(static_cast<uint32_t>(open_rows));
    for (int round = 0; round < 12; ++round) {
      std::vector<size_t> sizes(64);
      for (size_t& size : sizes) size = 1 + random() % 16;
      EXPECT_EQ(rows_that_differ(read(*session, tokens, sizes), alone), 0u) << open_rows;
    }
  }
}

// One sequence among up to 15 others, in any order, with any number of rows each.
TEST(ExactPocket, AnyCompany) {
  auto session = session_for(pocket());
  constexpr size_t kOthers = 15, kTokens = 48;
  std::vector<std::vector<int32_t>> texts;
  std::vector<Rows> alone;
  for (size_t i = 0; i <= kOthers; ++i) {
    texts.push_back(some_tokens(kTokens, static_cast<int32_t>(i)));
    alone.push_back(read(*session, texts.back(), {1}));
  }
  std::mt19937 random(7);
  for (int round = 0; round < 4; ++round) {
    std::vector<SequenceState> sequences;
    for (size_t i = 0; i <= kOthers; ++i) sequences.push_back(session->new_sequence());
    for (;;) {
      std::vector<size_t> order;
      for (size_t i = 0; i <= kOthers; ++i)
        if (sequences[i].length() < static_cast<int64_t>(kTokens) && random() % 4 != 0) order.push_back(i);
      if (order.empty()) {
        const auto done = [&](const SequenceState& s) { return s.length() == static_cast<int64_t>(kTokens); };
        if (std::ranges::all_of(sequences, done)) break;
        continue;
      }
      std::ranges::shuffle(order, random);
      std::vector<StepPiece> pieces;
      size_t rows = 0;
      for (const size_t i : order) {
        const auto at = static_cast<size_t>(sequences[i].length());
        const size_t n = std::min({1 + random() % 8, kTokens - at, size_t{64} - rows});
        if (n == 0) break;
        rows += n;
        pieces.push_back({&sequences[i], std::span(texts[i]).subspan(at, n), LogitRows::kAll, false, {}});
      }
      const auto result = session->step(StatePart::kTrunk, pieces);
      ASSERT_TRUE(result.ok()) << result.error().message();
      size_t row = 0;
      for (size_t p = 0; p < pieces.size(); ++p) {
        const size_t i = order[p], n = pieces[p].tokens.size();
        const auto at = static_cast<size_t>(sequences[i].length());
        for (size_t r = 0; r < n; ++r)
          ASSERT_TRUE(same_bits(copied(result->logits_row(row++), *session), alone[i][at + r])) << i;
        sequences[i].commit(StatePart::kTrunk, static_cast<int64_t>(n));
      }
    }
  }
}

// A step of decode rows and drafts in front of a long piece of a prompt, only some rows of which get logits.
TEST(ExactPocket, BesideAPrompt) {
  auto session = session_for(pocket());
  const auto text = some_tokens(40), prompt = some_tokens(300, 3);
  const Rows alone = read(*session, text, {1});
  SequenceState writer = session->new_sequence(), reader = session->new_sequence();
  for (size_t at = 0; at < 39; at += 3) {
    const size_t read_so_far = at / 3 * 23;
    const StepPiece pieces[] = {{&writer, std::span(text).subspan(at, 3), LogitRows::kAll, false, {}},
                                {&reader,
                                 std::span(prompt).subspan(read_so_far, 23 + (at == 36 ? 1 : 0)),
                                 LogitRows::kLast,
                                 true,
                                 {}}};
    // A larger one first, so that the step has more than 64 rows.
    const StepPiece large[] = {pieces[0],
                               {&reader, std::span(prompt).subspan(0, 200), LogitRows::kNone, true, {}}};
    const auto result = session->step(StatePart::kTrunk, at == 0 ? std::span(large) : std::span(pieces));
    ASSERT_TRUE(result.ok()) << result.error().message();
    for (size_t r = 0; r < 3; ++r)
      EXPECT_TRUE(same_bits(copied(result->logits_row(r), *session), alone[at + r])) << at + r;
    writer.commit(StatePart::kTrunk, 3);
    reader.commit(StatePart::kTrunk, at == 0 ? 200 : static_cast<int64_t>(pieces[1].tokens.size()));
  }
}

// Drafts that are partly wrong: what is kept goes on as if nothing had been tried. More than 64 rounds, so
// that the ring of the state goes round.
TEST(ExactPocket, DraftsThatAreTakenBack) {
  auto session = session_for(pocket());
  const auto tokens = some_tokens(300);
  const Rows alone = read(*session, tokens, {1});
  std::mt19937 random(11);
  int64_t copied_for_forks = 0;
  SequenceState sequence = session->new_sequence();
  for (size_t at = 0, round = 0; at + 8 < tokens.size(); ++round) {
    const size_t n = 1 + random() % 8, right = random() % n;
    std::vector<int32_t> draft(tokens.begin() + static_cast<ptrdiff_t>(at),
                               tokens.begin() + static_cast<ptrdiff_t>(at + n));
    for (size_t i = right + 1; i < n; ++i)
      draft[i] = (draft[i] + 1 + static_cast<int32_t>(random() % 900)) % 997;
    if (round % 9 == 4) {  // given up in the middle
      const StepPiece tried{&sequence, draft, LogitRows::kNone, false, {}};
      ASSERT_TRUE(session->step(StatePart::kTrunk, {&tried, 1}).ok());
      sequence.cancel(StatePart::kTrunk);
    }
    const StepPiece piece{&sequence, draft, LogitRows::kAll, false, {}};
    const auto result = session->step(StatePart::kTrunk, {&piece, 1});
    ASSERT_TRUE(result.ok()) << result.error().message();
    for (size_t i = 0; i <= right; ++i)
      ASSERT_TRUE(same_bits(copied(result->logits_row(i), *session), alone[at + i])) << at + i;
    sequence.commit(StatePart::kTrunk, static_cast<int64_t>(right + 1));
    at += right + 1;
    if (round % 13 == 5) {  // others go on from here without a trace
      const int64_t before = session->pool().counters().bytes_copied;
      SequenceState fork = sequence.fork();
      ASSERT_TRUE(session->forward(fork, std::span(draft).first(1), LogitRows::kNone).ok());
      copied_for_forks += session->pool().counters().bytes_copied - before;
    }
    if (round % 7 == 3 && sequence.truncate(StatePart::kTrunk, sequence.length() - 1)) --at;
  }
  EXPECT_GT(copied_for_forks, 0);  // the rows of a page that both go on with
  EXPECT_EQ(session->pool().counters().bytes_copied, copied_for_forks) << "going back copied something";
}

// The MTP block: rows in company, hidden rows that stay with the session, K and V that were only warmed up,
// and drafts of drafts that are taken back.
TEST(ExactPocket, MtpBlock) {
  SessionOptions options;
  options.mtp = true;
  auto session = session_for(pocket(), options);
  ASSERT_EQ(session->model().hyperparameters().n_mtp, 1u);
  const auto tokens = some_tokens(60);
  const auto run = [&](size_t at_once, bool warm, bool draft) {
    Rows rows;
    SequenceState sequence = session->new_sequence();
    for (size_t at = 0; at + 1 < tokens.size();) {
      const size_t n = std::min(at_once, tokens.size() - 1 - at);
      const StepPiece piece{&sequence, std::span(tokens).subspan(at, n), LogitRows::kNone, false, {}};
      const StepResult trunk = session->step(StatePart::kTrunk, {&piece, 1}, true).take();
      sequence.commit(StatePart::kTrunk, static_cast<int64_t>(n));
      std::vector<int32_t> hidden(n);
      std::iota(hidden.begin(), hidden.end(), trunk.hidden);
      // All rows but the last are warmed up; or all are run.
      const auto next = std::span(tokens).subspan(at + 1, n);
      size_t done = 0;
      if (warm && n > 1) {
        const StepPiece first{&sequence, next.first(n - 1), LogitRows::kNone, true,
                              std::span(hidden).first(n - 1)};
        EXPECT_TRUE(session->step(StatePart::kMtp, {&first, 1}).ok());
        sequence.commit(StatePart::kMtp, static_cast<int64_t>(n - 1));
        done = n - 1;
      }
      const StepPiece rest{&sequence, next.subspan(done), LogitRows::kAll, false,
                           std::span(hidden).subspan(done)};
      const StepResult block = session->step(StatePart::kMtp, {&rest, 1}, true).take();
      rows.resize(rows.size() + done);  // of those that were warmed up nothing is known
      for (size_t i = done; i < n; ++i) rows.push_back(copied(block.logits_row(i - done), *session));
      sequence.commit(StatePart::kMtp, static_cast<int64_t>(rest.tokens.size()));
      if (draft) {  // chained rows that nobody keeps
        const int32_t last = block.hidden + static_cast<int32_t>(rest.tokens.size()) - 1, guess = 5;
        const int32_t kept = session->carry_hidden(last, 3).take();
        const int64_t length = sequence.length(StatePart::kMtp);
        const StepPiece chained{&sequence, {&guess, 1}, LogitRows::kLast, false, {&kept, 1}};
        EXPECT_TRUE(session->step(StatePart::kMtp, {&chained, 1}, true).ok());
        sequence.commit(StatePart::kMtp, 1);
        EXPECT_TRUE(sequence.truncate(StatePart::kMtp, length));
      }
      at += n;
    }
    return rows;
  };
  const Rows alone = run(1, false, false);
  for (const size_t n : {2, 5, 16, 60}) EXPECT_EQ(rows_that_differ(run(n, false, false), alone), 0u) << n;
  EXPECT_EQ(rows_that_differ(run(1, false, true), alone), 0u);
  for (const size_t n : {3, 16, 60}) {
    const Rows warm = run(n, true, true);
    ASSERT_EQ(warm.size(), alone.size());
    size_t compared = 0;
    for (size_t i = 0; i < warm.size(); ++i) {
      if (warm[i].empty()) continue;
      ++compared;
      EXPECT_TRUE(same_bits(warm[i], alone[i])) << n << ", row " << i;
    }
    EXPECT_GE(compared, alone.size() / n);
  }
}

// Where few hidden rows of a large step are wanted they come out as if all were, and logits too; in company
// of a draft, whose rows are exact.
TEST(ExactPocket, FewHiddenRowsOfAPrompt) {
  const auto tokens = some_tokens(400);
  for (const bool exact : {true, false}) {
    SessionOptions options;
    options.exact = exact;
    auto session = session_for(pocket(), options);
    const int64_t n_embd = session->model().hyperparameters().n_embd;
    Rows expected;
    for (const int64_t n_hidden : {-1, 300, 200, 40, 20, 1}) {
      SequenceState draft = session->new_sequence(), prompt = session->new_sequence();
      const std::vector<StepPiece> pieces = {
          {&draft, std::span(tokens).first(5), LogitRows::kAll, false, {}},
          {&prompt, std::span(tokens).subspan(5, 300), LogitRows::kLast, true, {}, n_hidden}};
      const StepResult result = session->step(StatePart::kTrunk, pieces, true).take();
      Rows rows;
      for (size_t i = 0; i < 6; ++i) rows.push_back(copied(result.logits_row(i), *session));
      const auto hidden = [&](int32_t number) {
        const float* row = session->hidden_rows(number, 1)->f32(0);
        rows.emplace_back(row, row + n_embd);
      };
      for (int32_t i = 0; i < 5; ++i) hidden(result.piece_hidden[0] + i);
      const auto of_prompt = static_cast<int32_t>(n_hidden < 0 ? 300 : n_hidden);
      for (int32_t i = of_prompt - 1; i >= 0; --i) hidden(result.piece_hidden[1] + i);
      if (expected.empty()) expected = rows;
      // Rows of prompts are exact only if that was asked for.
      for (size_t i = 0; i < rows.size(); ++i) {
        if (!exact && (i == 5 || i >= 11)) continue;
        EXPECT_TRUE(same_bits(rows[i], expected[i])) << n_hidden << ", row " << i;
      }
      draft.commit(StatePart::kTrunk, 2);
      prompt.commit(StatePart::kTrunk, 300);
    }
  }
}

// With --exact prompts are as exact as answers: whatever the micro-batch, read anew or behind a cached part.
TEST(ExactPocket, ExactPrompts) {
  const auto tokens = some_tokens(400);
  SessionOptions options;
  options.exact = true;
  Rows expected;
  for (const int64_t n_ubatch : {1, 37, 100, 512}) {
    options.n_ubatch = n_ubatch;
    auto session = session_for(pocket(), options);
    const Rows rows = read(*session, tokens, {static_cast<size_t>(n_ubatch)});
    if (expected.empty()) expected = rows;
    EXPECT_EQ(rows_that_differ(rows, expected), 0u) << n_ubatch;
    SequenceState first = session->new_sequence();
    ASSERT_TRUE(session->prefill(first, std::span(tokens).first(150)).ok());
    const StateSnapshot cached = first.snapshot();
    ASSERT_TRUE(session->prefill(first, std::span(tokens).subspan(150, 77)).ok());
    first.rollback(cached);
    const auto again = session->prefill(first, std::span(tokens).subspan(150));
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(same_bits(copied(again->logits.f32(0), *session), expected.back())) << n_ubatch;
  }
}

// After plan_ahead() no step waits for a plan, whatever it holds.
TEST(ExactPocket, NoPlanIsMadeWhileTokensAre) {
  SessionOptions options;
  options.mtp = true;
  options.n_ubatch = 128;
  auto session = session_for(pocket(), options);
  session->plan_ahead(session->most_rows(), true);
  session->plan_ahead(session->most_rows(), false);
  session->wait_for_plans();
  std::mt19937 random(3);
  const auto tokens = some_tokens(1024);
  std::vector<SequenceState> sequences;
  for (int i = 0; i < 12; ++i) sequences.push_back(session->new_sequence());
  for (int round = 0; round < 1000; ++round) {
    std::vector<StepPiece> pieces;
    size_t rows = 0;
    for (SequenceState& s : sequences) {
      if (s.length() > 700) s.clear();
      if (random() % 3 == 0) continue;
      const size_t n = random() % 5 == 0 ? 1 + random() % 6 : 1;
      if (rows + n > 100) break;
      rows += n;
      pieces.push_back({&s,
                        std::span(tokens).subspan(random() % 1000, n),
                        std::array{LogitRows::kAll, LogitRows::kLast, LogitRows::kNone}[random() % 3],
                        false,
                        {}});
    }
    SequenceState prompt = session->new_sequence();
    if (random() % 4 == 0 || pieces.empty())
      pieces.push_back(
          {&prompt, std::span(tokens).first(1 + random() % (128 - rows)), LogitRows::kLast, true, {}});
    const bool hidden = random() % 2 == 0;
    const auto result = session->step(StatePart::kTrunk, pieces, hidden);
    ASSERT_TRUE(result.ok()) << result.error().message();
    for (const StepPiece& piece : pieces)
      piece.sequence->commit(StatePart::kTrunk, static_cast<int64_t>(piece.tokens.size()));
  }
  EXPECT_EQ(session->plans_waited_for(), 0);
}

}  // namespace
}  // namespace gannet
