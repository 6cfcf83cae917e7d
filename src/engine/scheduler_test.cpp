// Many requests at once: every answer is that of the lone run, whatever else goes on; what was read is not
// read again.
#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <thread>

#include "engine/drafters.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

using Ids = std::vector<TokenId>;

struct Answered {
  std::string text;
  std::optional<RequestOutcome> outcome;
};

struct SchedulerTest : testing::Test {
  std::shared_ptr<const Model> model = Model::load("models/pocket.gguf", {}, nullptr).take();
  Tokenizer tokenizer = tokenizer_from_gguf(model->file()).take();
  std::unique_ptr<Session> session;
  std::unique_ptr<Decoder> decoder;
  std::string folder;  // of the store; empty: there is none
  std::unique_ptr<StateStore> store;
  std::unique_ptr<Scheduler> scheduler;

  ~SchedulerTest() override {
    scheduler = nullptr;
    store = nullptr;
    if (!folder.empty()) std::filesystem::remove_all(folder);
  }
  void use(SpeculationMode mode, SchedulerOptions options = {}, int64_t state_bytes = 0) {
    scheduler = nullptr;
    store = nullptr;
    decoder = nullptr;
    SpeculationOptions speculation;
    speculation.mode = mode;
    SessionOptions s;
    s.n_ctx = 1024;
    s.n_threads = 1;
    s.n_ubatch = 128;
    s.exact = true;  // a prompt gives the same however it is cut
    s.state_bytes = state_bytes;
    fit_session(s, speculation, model->hyperparameters());
    session = Session::create(model, s).take();
    DecoderOptions d;
    d.speculation = speculation;
    decoder = std::make_unique<Decoder>(
        *session, tokenizer.vocabulary(), d,
        make_drafters(*session, tokenizer.vocabulary(), speculation, options.n_streams).take());
    if (!folder.empty()) {
      StateStoreOptions o;
      o.folder = folder;
      store = StateStore::open(session->pool().shared_from_this(), o).take();
      options.store = store.get();
    }
    scheduler = std::make_unique<Scheduler>(*decoder, tokenizer, session->pool(), options);
  }
  Ids ids(std::string_view text) const { return tokenizer.encode(text, {.parse_special = true}).take(); }
  std::shared_ptr<Sampler> sampler(uint64_t seed, float temperature = 0.8f) const {
    SamplingParams params;
    params.seed = seed;
    params.temperature = temperature;
    return std::make_shared<Sampler>(Sampler::create(params, tokenizer.vocabulary().size()).take());
  }
  Request request(Ids prompt, Answered& answered, int64_t n_predict = 30, uint64_t seed = 1) const {
    Request r;
    r.prompt = std::move(prompt);
    r.sampler = sampler(seed);
    r.answer.n_predict = n_predict;
    r.on_text = [&answered](std::string_view piece) {
      answered.text += piece;
      return true;
    };
    r.on_end = [&answered](const RequestOutcome& o) { answered.outcome = o; };
    return r;
  }
  Scheduler::Id submit(Request r) {
    auto id = scheduler->submit(std::move(r));
    EXPECT_TRUE(id.ok()) << id.error().message();
    EXPECT_TRUE(id->has_value());
    return id->value_or(0);
  }
  void run() {
    while (scheduler->step() || scheduler->counters().fetching > 0)
      if (scheduler->counters().fetching > 0) scheduler->wait(std::chrono::milliseconds(20));
  }
};

// Prompts that share beginnings, as conversations do.
std::string some_prompt(std::mt19937& random) {
  static constexpr const char* kParts[] = {"<|im_start|>user\ndefine sea<|im_end|>\n",
                                           "<|im_start|>user\ndefine harbor", "In the beginning ",
                                           "{\"a\": [1, 2, 3]} ", "<|im_start|>assistant\n"};
  std::string text;
  for (size_t n = 1 + random() % 12; n > 0; --n) text += kParts[random() % std::size(kParts)];
  return text;
}

TEST_F(SchedulerTest, EveryAnswerIsThatOfTheLoneRun) {
  struct Asked {
    Ids prompt;
    int64_t n_predict;
    uint64_t seed;
  };
  std::mt19937 random(11);
  std::vector<Asked> asked;
  for (int i = 0; i < 60; ++i)
    asked.push_back({ids(some_prompt(random)), static_cast<int64_t>(1 + random() % 40), random() % 5});
  std::vector<std::string> expected;
  use(SpeculationMode::kOff, {.n_streams = 1});
  for (const Asked& a : asked) {
    Answered alone;
    Request r = request(a.prompt, alone, a.n_predict, a.seed);
    r.use_cache = false;
    submit(std::move(r));
    run();
    ASSERT_TRUE(alone.outcome);
    EXPECT_FALSE(alone.outcome->error);
    expected.push_back(alone.text);
  }
  for (const SpeculationMode mode : {SpeculationMode::kOff, SpeculationMode::kAuto}) {
    use(mode, {.n_streams = 4, .checkpoint_tokens = 32});
    std::vector<Answered> answers(asked.size());
    std::vector<Scheduler::Id> ids(asked.size());
    std::vector<bool> cancelled(asked.size());
    for (size_t next = 0; next < asked.size() || scheduler->step();) {
      if (next < asked.size() && random() % 2 == 0) {
        Request r = request(asked[next].prompt, answers[next], asked[next].n_predict, asked[next].seed);
        r.client = std::to_string(next % 3);
        for (size_t at = 5; at < asked[next].prompt.size(); at += 1 + random() % 20) r.borders.push_back(at);
        ids[next] = submit(std::move(r));
        ++next;
      }
      scheduler->step();
      if (next > 0 && random() % 12 == 0) {
        const size_t one = random() % next;
        scheduler->cancel(ids[one]);
        cancelled[one] = cancelled[one] || !answers[one].outcome;
      }
    }
    int n_whole = 0;
    for (size_t i = 0; i < asked.size(); ++i) {
      ASSERT_TRUE(answers[i].outcome) << i;
      if (cancelled[i]) {
        EXPECT_EQ(answers[i].outcome->error->code(), ErrorCode::kInterrupted);
        EXPECT_TRUE(expected[i].starts_with(answers[i].text)) << answers[i].text;
        continue;
      }
      EXPECT_FALSE(answers[i].outcome->error) << answers[i].outcome->error->message();
      EXPECT_EQ(answers[i].text, expected[i]) << i;
      ++n_whole;
    }
    EXPECT_GT(n_whole, 30);
    EXPECT_GT(scheduler->counters().cached_tokens, 100u);
    EXPECT_GT(scheduler->counters().cancelled, 0u);
    EXPECT_EQ(scheduler->counters().running + scheduler->counters().reading, 0u);
  }
}

// A conversation of many turns: what was said is not read again.
TEST_F(SchedulerTest, TheNextTurnReadsWhatIsNew) {
  for (const SpeculationMode mode : {SpeculationMode::kOff, SpeculationMode::kAuto}) {
    use(mode);
    std::string text = "<|im_start|>system\nBe brief, and answer what you are asked.<|im_end|>\n";
    size_t before = 0;
    for (int turn = 0; turn < 20; ++turn) {
      text +=
          "<|im_start|>user\ndefine sea" + std::string(static_cast<size_t>(turn) % 3, '!') + "<|im_end|>\n";
      const size_t border = ids(text).size();
      Answered answered;
      Request r = request(ids(text + "<|im_start|>assistant\n"), answered, 20);
      r.borders = {border};
      int n_pieces = 0;
      r.on_progress = [&n_pieces](size_t, size_t) { ++n_pieces; };
      const size_t n_prompt = r.prompt.size();
      submit(std::move(r));
      run();
      ASSERT_TRUE(answered.outcome);
      EXPECT_EQ(answered.outcome->n_prompt, n_prompt);
      EXPECT_GE(answered.outcome->n_cached, before) << turn;
      if (mode == SpeculationMode::kAuto) {
        EXPECT_EQ(n_pieces, 1) << "a border costs no step";
      }
      EXPECT_EQ(session->pool().counters().rings, 0) << "what is remembered holds rings";
      before = border;  // thoughts may be left out behind it, so no more is promised
      text += "<|im_start|>assistant\n" + answered.text + "<|im_end|>\n";
    }
  }
}

// An answer never waits for a newcomer: each step beside a prompt gives it a token.
TEST_F(SchedulerTest, NobodyWaitsForANewcomer) {
  use(SpeculationMode::kOff, {.n_streams = 4});
  std::vector<Answered> answers(3);
  for (size_t i = 0; i < 2; ++i) {
    Request r = request(ids("define sea"), answers[i], 200, i);
    r.sampler = [&] {
      SamplingParams params;
      for (TokenId id = 0; id < tokenizer.vocabulary().size(); ++id)
        if (tokenizer.vocabulary().is_end(id)) params.logit_bias.push_back({id, -1e9f});
      return std::make_shared<Sampler>(Sampler::create(params, tokenizer.vocabulary().size()).take());
    }();
    submit(std::move(r));
  }
  scheduler->step();
  std::string text;
  for (int i = 0; i < 100; ++i) text += "In the beginning there was ";
  Request late = request(ids(text), answers[2], 1);
  late.client = "late";
  submit(std::move(late));
  const auto generated = [&] { return scheduler->counters().generated_tokens; };
  int steps = 0;
  while (!answers[2].outcome) {
    const uint64_t before = generated();
    ASSERT_TRUE(scheduler->step());
    ++steps;
    EXPECT_GE(generated(), before + 2);
  }
  EXPECT_GT(steps, 2);
}

TEST_F(SchedulerTest, TurnsAreTakenByClients) {
  use(SpeculationMode::kOff, {.n_streams = 1});
  std::vector<Answered> answers(9);
  std::vector<int> order;
  for (int i = 0; i < 9; ++i) {
    Request r = request(ids("define sea"), answers[static_cast<size_t>(i)], 10, static_cast<uint64_t>(i));
    r.client = i < 8 ? "many" : "few";
    r.on_end = [&order, i](const RequestOutcome&) { order.push_back(i); };
    submit(std::move(r));
  }
  run();
  EXPECT_LE(std::ranges::find(order, 8) - order.begin(), 1);
  EXPECT_EQ(order.size(), 9u);
}

TEST_F(SchedulerTest, WithoutAQueueWhoFindsAPlaceIsAnswered) {
  use(SpeculationMode::kOff, {.n_streams = 2, .most_waiting = 0});
  std::vector<Answered> answers(5);
  for (size_t i = 0; i < 2; ++i) submit(request(ids("define sea"), answers[i], 5));
  for (size_t i = 2; i < 4; ++i) {
    const auto full = scheduler->submit(request(ids("define sea"), answers[i], 5));
    EXPECT_TRUE(full.ok() && !full->has_value());
    ASSERT_TRUE(scheduler->step());  // running or about to, they take the place
  }
  run();
  submit(request(ids("define sea"), answers[4], 5));
  run();
  EXPECT_EQ(scheduler->counters().finished, 3u);
}

TEST_F(SchedulerTest, TheQueueHasAnEnd) {
  use(SpeculationMode::kOff, {.n_streams = 1, .most_waiting = 2});
  std::vector<Answered> answers(4);
  for (size_t i = 0; i < 3; ++i) submit(request(ids("define sea"), answers[i], 5));
  const auto full = scheduler->submit(request(ids("define sea"), answers[3], 5));
  ASSERT_TRUE(full.ok());
  EXPECT_FALSE(full->has_value());
  EXPECT_GT(scheduler->seconds_to_wait(), 0);
  run();
  EXPECT_EQ(scheduler->counters().refused, 1u);
  EXPECT_EQ(scheduler->counters().finished, 3u);
  EXPECT_EQ(scheduler->counters().waiting, 0u);
}

TEST_F(SchedulerTest, PlacesCanBeReserved) {
  use(SpeculationMode::kOff, {.n_streams = 1, .most_waiting = 1});
  Answered first, second, none;
  EXPECT_TRUE(scheduler->reserve());
  EXPECT_TRUE(scheduler->reserve());
  EXPECT_FALSE(scheduler->reserve());
  const auto full = scheduler->submit(request(ids("define sea"), none, 5));  // the places are others'
  EXPECT_TRUE(full.ok() && !full->has_value());
  for (Answered* answered : {&first, &second}) {
    Request reserved = request(ids("define sea"), *answered, 5);
    reserved.reserved = true;
    submit(std::move(reserved));
  }
  EXPECT_FALSE(scheduler->reserve());
  run();
  EXPECT_TRUE(first.outcome && second.outcome);
  EXPECT_EQ(scheduler->counters().refused, 3u);
  // One that cannot be answered gives its place back, as does one that is given up.
  EXPECT_TRUE(scheduler->reserve());
  Request bad = request({}, none);
  bad.reserved = true;
  EXPECT_FALSE(scheduler->submit(std::move(bad)).ok());
  EXPECT_TRUE(scheduler->reserve());
  scheduler->unreserve();
  EXPECT_TRUE(scheduler->reserve());
  EXPECT_TRUE(scheduler->reserve());
  EXPECT_FALSE(scheduler->reserve());
}

TEST_F(SchedulerTest, BadRequestsAreRefusedAndFailAlone) {
  use(SpeculationMode::kOff);
  Answered none;
  EXPECT_FALSE(scheduler->submit(request({}, none)).ok());
  EXPECT_FALSE(scheduler->submit(request({-1}, none)).ok());
  EXPECT_FALSE(scheduler->submit(request({1 << 30}, none)).ok());
  EXPECT_FALSE(scheduler->submit(request(Ids(2000, 1), none)).ok());
  Request bad_stop = request(ids("a"), none);
  bad_stop.answer.stop = {""};
  EXPECT_FALSE(scheduler->submit(std::move(bad_stop)).ok());

  // A request whose constraint allows nothing fails; the one beside it does not notice.
  struct Nothing : TokenConstraint {
    Result<std::span<const uint64_t>> allowed() override {
      return Error(ErrorCode::kRuntime, "nothing fits");
    }
    void accept(TokenId) override {}
  };
  Answered good, bad, late;
  submit(request(ids("define sea"), good, 20));
  Request failing = request(ids("define harbor"), bad, 20);
  failing.constraint = std::make_shared<Nothing>();
  submit(std::move(failing));
  Request overdue = request(ids("define sea"), late, 20);
  overdue.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  submit(std::move(overdue));
  run();
  ASSERT_TRUE(good.outcome && bad.outcome && late.outcome);
  EXPECT_FALSE(good.outcome->error);
  EXPECT_FALSE(good.text.empty());
  ASSERT_TRUE(bad.outcome->error);
  EXPECT_NE(bad.outcome->error->message().find("nothing fits"), std::string::npos);
  ASSERT_TRUE(late.outcome->error);
  EXPECT_EQ(scheduler->counters().failed, 2u);
}

// Where memory is short, what is remembered goes first; then requests fail, and the others go on.
TEST_F(SchedulerTest, LittleMemory) {
  use(SpeculationMode::kOff, {.n_streams = 3, .checkpoint_tokens = 32}, 24 << 20);
  std::mt19937 random(5);
  std::vector<Answered> answers(40);
  for (size_t i = 0; i < answers.size(); ++i) {
    submit(request(ids(some_prompt(random) + std::to_string(i)), answers[i], 25, i));
    run();
  }
  size_t whole = 0;
  for (const Answered& a : answers) {
    ASSERT_TRUE(a.outcome);
    whole += a.outcome->error ? 0 : 1;
  }
  EXPECT_EQ(whole, answers.size());
  EXPECT_GT(session->pool().counters().given_up, 0);
}

// Conversations that go on in another process, at a point from disk: the same answers as without all of that.
TEST_F(SchedulerTest, ConversationsOutliveTheProcess) {
  folder = testing::TempDir() + "scheduler_test." + std::to_string(::getpid());
  constexpr size_t kConversations = 3;
  for (const SpeculationMode mode : {SpeculationMode::kOff, SpeculationMode::kAuto}) {
    scheduler = nullptr;
    store = nullptr;  // it writes
    std::filesystem::remove_all(folder);
    std::vector<std::string> texts(kConversations, "<|im_start|>system\nAnswer in one line.<|im_end|>\n");
    std::vector<size_t> before(kConversations, 0);
    for (int turn = 0; turn < 5; ++turn) {
      use(mode, {.n_streams = 4, .checkpoint_tokens = 128});  // a new process
      std::vector<Answered> answers(kConversations), alone(kConversations);
      std::vector<Ids> prompts;
      for (size_t c = 0; c < kConversations; ++c) {
        texts[c] += "<|im_start|>user\n" + std::to_string(c) +
                    "? define sea and define harbor and what is a river<|im_end|>\n";
        Request r = request(ids(texts[c] + "<|im_start|>assistant\n"), answers[c], 40, c);
        r.borders = {ids(texts[c]).size()};
        prompts.push_back(r.prompt);
        submit(std::move(r));
      }
      run();
      for (size_t c = 0; c < kConversations; ++c) {
        ASSERT_TRUE(answers[c].outcome);
        ASSERT_FALSE(answers[c].outcome->error);
        // What was not stored is worth fewer tokens than a file is.
        EXPECT_GE(answers[c].outcome->n_cached + 64, before[c]) << turn;
        before[c] = ids(texts[c]).size();
        texts[c] += "<|im_start|>assistant\n" + answers[c].text + "<|im_end|>\n";
        Request r = request(prompts[c], alone[c], 40, c);
        r.use_cache = false;
        submit(std::move(r));
      }
      EXPECT_EQ(scheduler->counters().stored_tokens > 0, turn > 0);
      run();
      for (size_t c = 0; c < kConversations; ++c) EXPECT_EQ(answers[c].text, alone[c].text);
    }
  }
}

TEST_F(SchedulerTest, SlowReadersPauseAlone) {
  use(SpeculationMode::kOff, {.n_streams = 2});
  Answered slow, fast, alone;
  bool wants = true;
  Request r = request(ids("define sea"), slow, 30);
  r.on_text = [&](std::string_view piece) {
    slow.text += piece;
    wants = false;
    return true;
  };
  r.wants_more = [&] { return wants; };
  submit(std::move(r));
  submit(request(ids("define harbor"), fast, 60, 2));
  run();  // until nobody can go on
  EXPECT_TRUE(fast.outcome);
  EXPECT_FALSE(slow.outcome);
  EXPECT_EQ(scheduler->counters().paused, 1u);
  for (int i = 0; i < 100 && !slow.outcome; ++i) {
    wants = true;
    run();
  }
  ASSERT_TRUE(slow.outcome);
  submit(request(ids("define sea"), alone, 30));
  run();
  EXPECT_EQ(slow.text, alone.text);
}

// Answers wait where there is no memory for one more, instead of failing; what takes drafts back counts too.
TEST_F(SchedulerTest, AnswersWaitForMemory) {
  for (const SpeculationMode mode : {SpeculationMode::kOff, SpeculationMode::kAuto}) {
    use(mode, {.n_streams = 8});
    const StatePlaces places = session->pool().places();
    const int64_t two = 2 * (2 * (places.slot_bytes + places.ring_bytes) + 10 * places.page_bytes);
    use(mode, {.n_streams = 8}, two + places.slot_bytes + places.page_bytes);
    std::vector<Answered> answers(8);
    for (size_t i = 0; i < answers.size(); ++i) {
      Ids prompt(500, static_cast<TokenId>(40 + i));
      submit(request(prompt, answers[i], 40, i));
    }
    size_t most = 0;
    while (scheduler->step())
      most = std::max(most, scheduler->counters().running + scheduler->counters().reading);
    for (const Answered& a : answers) {
      ASSERT_TRUE(a.outcome);
      EXPECT_FALSE(a.outcome->error) << a.outcome->error->message();
    }
    EXPECT_GE(most, 2u);
    EXPECT_LT(most, 8u);
  }
}

// From other threads, as servers use it.
TEST_F(SchedulerTest, ManyThreadsSubmitAndCancel) {
  use(SpeculationMode::kOff, {.n_streams = 4, .most_waiting = 1000});
  constexpr size_t kThreads = 4, kEach = 20;
  std::vector<Answered> answers(kThreads * kEach);
  std::atomic<size_t> ended = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < kEach; ++i) {
        Answered& answered = answers[t * kEach + i];
        Request r = request(ids("define sea"), answered, 5, i);
        r.client = std::to_string(t);
        r.on_end = [&](const RequestOutcome& o) {
          answered.outcome = o;
          ++ended;
        };
        const auto id = scheduler->submit(std::move(r));
        if (i % 5 == 0) scheduler->cancel(**id);
      }
    });
  while (ended < answers.size())
    if (!scheduler->step()) scheduler->wait(std::chrono::milliseconds(20));
  for (std::thread& thread : threads) thread.join();
  for (const Answered& a : answers) EXPECT_TRUE(a.outcome);
}

}  // namespace
}  // namespace gannet
