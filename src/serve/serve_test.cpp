// The server as clients meet it, over real sockets, with the pocket model.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "serve/serve_fixture_for_test.h"

namespace gannet {
namespace {

TEST_F(ServeTest, EveryDialectAnswers) {
  const Json messages = {{{"role", "user"}, {"content", "define sea"}}};
  struct Case {
    const char* path;
    Json body;
    const char* place;  // of the text
  };
  for (const Case& c : {Case{"/v1/chat/completions",
                             {{"messages", messages}, {"max_tokens", 8}, {"temperature", 0}},
                             "/choices/0/message/content"},
                        Case{"/v1/messages",
                             {{"model", "x"}, {"messages", messages}, {"max_tokens", 8}, {"temperature", 0}},
                             "/content/0/text"},
                        Case{"/v1/responses",
                             {{"input", "define sea"}, {"max_output_tokens", 8}, {"temperature", 0}},
                             "/output/0/content/0/text"},
                        Case{"/api/chat",
                             {{"model", "x"},
                              {"messages", messages},
                              {"stream", false},
                              {"options", {{"num_predict", 8}, {"temperature", 0}}}},
                             "/message/content"}}) {
    const auto a = post(c.path, c.body);
    ASSERT_EQ(a.status, 200) << c.path << a.body;
    const Json answer = Json::parse(a.body);
    EXPECT_EQ(answer.at(Json::json_pointer(c.place)), "1. sea (noun): a divi") << a.body;
  }
  for (const char* path : {"/v1/completions", "/completion"}) {
    const auto a = post(path, {{"prompt", "In the beginning"}, {"n_predict", 5}, {"max_tokens", 5}});
    EXPECT_EQ(a.status, 200) << a.body;
  }
}

TEST_F(ServeTest, StreamsSayWhatWholeAnswersSay) {
  for (int seed = 0; seed < 4; ++seed) {
    Json body = asks("define harbor", 40, seed);
    const std::string whole =
        Json::parse(post("/v1/chat/completions", body).body)["choices"][0]["message"]["content"];
    body["stream"] = true;
    const auto a = post("/v1/chat/completions", body);
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.header("Content-Type"), "text/event-stream");
    EXPECT_EQ(joined(a.body), whole);
    EXPECT_TRUE(a.body.ends_with("data: [DONE]\n\n"));
  }
}

TEST_F(ServeTest, SmallEndpoints) {
  const auto tokens = post("/tokenize", {{"content", "define sea"}});
  EXPECT_EQ(tokens.status, 200);
  const Json ids = Json::parse(tokens.body)["tokens"];
  EXPECT_EQ(Json::parse(post("/detokenize", {{"tokens", ids}}).body)["content"], "define sea");
  EXPECT_NE(post("/apply-template", asks("hi")).body.find("<|im_start|>user"), std::string::npos);
  const Json count = Json::parse(
      post("/v1/messages/count_tokens", {{"model", "x"}, {"messages", asks("hi")["messages"]}}).body);
  EXPECT_GT(count["input_tokens"], 4);
  for (const char* path :
       {"/health", "/v1/models", "/props", "/metrics", "/api/tags", "/api/ps", "/api/version", "/"}) {
    RawClient client(port());
    client.send(get(path));
    EXPECT_EQ(client.answer().status, 200) << path;
  }
  for (const auto& [name, status] : {std::pair("pocket", 200), std::pair("other", 404)}) {
    RawClient client(port());
    client.send(get(std::string("/v1/models/") + name));
    EXPECT_EQ(client.answer().status, status);
  }
}

TEST_F(ServeTest, WhatIsWrongIsNamed) {
  const auto says = [&](const std::string& path, const Json& body, int status, const std::string& text) {
    const auto a = post(path, body);
    EXPECT_EQ(a.status, status) << a.body;
    EXPECT_NE(a.body.find(text), std::string::npos) << a.body;
  };
  says("/v1/chat/completions", {{"messages", {{{"role", "bot"}}}}}, 400, "messages[0].role");
  says("/v1/chat/completions", {{"messages", Json::array()}}, 400, "messages");
  says("/v1/messages", {{"messages", 3}}, 400, "messages");
  says("/v1/completions", {{"prompt", Json::array({1 << 20})}}, 400, "outside the vocabulary");
  says("/nothing", {}, 404, "not_found");
  says("/v1/embeddings", {}, 501, "not_supported");
  Json long_text = asks(std::string(20000, 'x'));
  says("/v1/chat/completions", long_text, 400, "1024");
  Json schema = asks("x");
  schema["response_format"] = {{"type", "json_schema"},
                               {"json_schema", {{"name", "a"}, {"schema", {{"contains", 1}}}}}};
  says("/v1/chat/completions", schema, 400, "contains");
  RawClient client(port());
  client.send(post_text("/v1/chat/completions", "{"));
  EXPECT_EQ(client.answer().status, 400);
}

TEST_F(ServeTest, AnswersOfAForm) {
  Json body = asks("x", 200);
  body["temperature"] = 2.0;
  body["response_format"] = {{"type", "json_schema"},
                             {"json_schema",
                              {{"name", "a"},
                               {"schema",
                                {{"type", "object"},
                                 {"properties", {{"n", {{"enum", {1, 2}}}}}},
                                 {"required", {"n"}},
                                 {"additionalProperties", false}}}}}};
  const Json answer = Json::parse(post("/v1/chat/completions", body).body);
  const Json said = Json::parse(answer["choices"][0]["message"]["content"].get<std::string>());
  EXPECT_TRUE(said["n"] == 1 || said["n"] == 2) << said;
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
}

// The second turn of a conversation reads what is new.
TEST_F(ServeTest, TheSecondTurnIsCached) {
  Json body = asks("define sea", 20);
  const Json first = Json::parse(post("/v1/chat/completions", body).body);
  EXPECT_EQ(first["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
  body["messages"].push_back(first["choices"][0]["message"]);
  body["messages"].push_back({{"role", "user"}, {"content", "define harbor"}});
  const Json second = Json::parse(post("/v1/chat/completions", body).body);
  const int n_first = first["usage"]["prompt_tokens"],
            cached = second["usage"]["prompt_tokens_details"]["cached_tokens"];
  EXPECT_GE(cached, n_first - 3) << second["usage"];
}

// Whatever happens to the requests beside it, an answer is that of the lone run.
TEST_F(ServeTest, NoAnswerDependsOnAnother) {
  constexpr int kKinds = 12;
  std::vector<std::string> expected;
  const auto request = [](int kind) {
    static constexpr const char* kTexts[] = {"define sea", "define harbor", "canary seven", "{\"a\": 1}"};
    Json body =
        asks(kTexts[kind % 4] + std::string(static_cast<size_t>(kind / 4) * 30, 'z'), 5 + kind * 2, kind);
    body["stream"] = kind % 2 == 0;
    return body;
  };
  const auto content = [](const RawClient::Answer& a, int kind) {
    return kind % 2 == 0 ? joined(a.body)
                         : Json::parse(a.body)["choices"][0]["message"]["content"].get<std::string>();
  };
  for (int kind = 0; kind < kKinds; ++kind) {
    Json body = request(kind);
    body["cache_prompt"] = false;
    expected.push_back(content(post("/v1/chat/completions", body), kind));
  }
  std::atomic<int> n_whole = 0, n_cut = 0;
  std::vector<std::thread> clients;
  for (unsigned c = 0; c < 6; ++c)
    clients.emplace_back([&, c] {
      std::mt19937 random(c);
      for (int i = 0; i < 30; ++i) {
        const int kind = static_cast<int>(random() % kKinds);
        RawClient client(port());
        client.send(post_text("/v1/chat/completions", request(kind).dump()));
        if (random() % 4 == 0) {  // goes away in the middle
          client.until("content");
          client.close();
          ++n_cut;
          continue;
        }
        const auto a = client.answer();
        if (a.status == 429) continue;
        ASSERT_EQ(a.status, 200) << a.body;
        EXPECT_EQ(content(a, kind), expected[static_cast<size_t>(kind)]) << kind;
        ++n_whole;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_GT(n_whole, 80);
  EXPECT_GT(n_cut, 10);
  EXPECT_TRUE(eventually([&] { return service->scheduler().counters().running == 0; }));
}

TEST_F(ServeTest, AScriptSaysWhatItIsAskedToAndNothingElse) {
  const std::string said = "Grüße, 日本 & <tool_call>\n\n  {\"x\": [1]}";
  ModelServiceOptions options;
  options.script = [&](const GenerationRequest& request, bool in_thought) -> std::optional<std::string> {
    EXPECT_FALSE(in_thought);
    const std::string& asked = request.chat()->conversation.messages.back().content;
    if (asked == "silence") return "";
    return asked == "say it" ? std::optional(said) : std::nullopt;
  };
  serve(options);
  const auto answer = [&](const std::string& text, int n) {
    return Json::parse(post("/v1/chat/completions", asks(text, n)).body)["choices"][0];
  };
  EXPECT_EQ(answer("say it", 200)["message"]["content"], said);
  EXPECT_EQ(answer("say it", 200)["finish_reason"], "stop");
  EXPECT_EQ(answer("say it", 3)["finish_reason"], "length");
  EXPECT_EQ(answer("silence", 200)["message"]["content"], "");
  EXPECT_NE(answer("define sea", 20)["message"]["content"], said);
}

TEST_F(ServeTest, AClientThatGoesAwayEndsItsRequest) {
  Json body = asks("define sea", 1000);
  body["stream"] = true;
  body["logit_bias"] = Json::object();
  for (TokenId id = 0; id < tokenizer.vocabulary().size(); ++id)
    if (tokenizer.vocabulary().is_end(id)) body["logit_bias"][std::to_string(id)] = -100;
  {
    RawClient client(port());
    client.send(post_text("/v1/chat/completions", body.dump()));
    client.until("content");
  }
  EXPECT_TRUE(eventually([&] { return service->scheduler().counters().cancelled == 1; }));
  EXPECT_LT(service->scheduler().counters().generated_tokens, 900u);
}

TEST_F(ServeTest, AFullQueueSaysWhenToComeBack) {
  ModelServiceOptions options;
  options.scheduler.n_streams = 1;
  options.scheduler.most_waiting = 1;
  serve(options);
  std::vector<RawClient> clients;
  int n_refused = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(port());
    clients.back().send(post_text("/v1/chat/completions", asks("define sea", 200).dump()));
  }
  for (RawClient& client : clients) {
    const auto a = client.answer();
    if (a.status != 429) continue;
    ++n_refused;
    EXPECT_GT(std::atoi(a.header("Retry-After").c_str()), 0) << a.head;
    EXPECT_NE(a.body.find("the queue is full"), std::string::npos);
  }
  EXPECT_GT(n_refused, 0);
}

TEST_F(ServeTest, KeysAndHosts) {
  AccessOptions access;
  ASSERT_TRUE(access.keys.add("secret").ok());
  serve({}, access);
  EXPECT_EQ(post("/v1/chat/completions", asks("hi")).status, 401);
  EXPECT_EQ(post("/v1/chat/completions", asks("hi", 2), "Authorization: Bearer secret\r\n").status, 200);
  EXPECT_EQ(post("/v1/messages", {{"model", "x"}, {"max_tokens", 2}, {"messages", asks("hi")["messages"]}},
                 "x-api-key: secret\r\n")
                .status,
            200);
  RawClient client(port());
  client.send("GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_GE(client.answer().status, 400);
}

TEST_F(ServeTest, StoppingEndsStreamsProperly) {
  Json body = asks("define sea", 1000);
  body["stream"] = true;
  RawClient client(port());
  client.send(post_text("/v1/chat/completions", body.dump()));
  client.until("content");
  std::thread stopping([&] { stop(); });
  const std::string rest = client.rest(std::chrono::seconds(20));
  stopping.join();
  EXPECT_NE(rest.find("[DONE]"), std::string::npos) << rest.substr(rest.size() > 300 ? rest.size() - 300 : 0);
}

// Two models where only one has room: each is loaded when somebody asks for it, nobody is interrupted, and
// what was read is not read again when it comes back.
TEST_F(ServeTest, ModelsTakeTurns) {
  std::atomic<int> loads = 0;
  const auto model = [&](const std::string& name) {
    return ServedModel{
        .card = {.id = name, .aliases = {name + "-alias"}}, .bytes = 10, .load = [&loads, this, name] {
          ++loads;
          return std::unique_ptr<LoadedModel>(new PocketModel({}, folder + "/" + name));
        }};
  };
  serve({model("one"), model("two")}, {.most_bytes = 15});
  Json messages = {{{"role", "user"}, {"content", std::string(300, 'a')}}};
  const auto ask = [&](const std::string& name) {
    Json body = asks("", 10);
    body["messages"] = messages;
    body["model"] = name;
    return post("/v1/chat/completions", body);
  };
  EXPECT_EQ(ask("three").status, 404);
  EXPECT_EQ(loads, 0);
  int64_t before = 0;
  for (int turn = 0; turn < 3; ++turn) {
    for (const char* name : {"one", "two-alias"}) {
      const auto answer = ask(name);
      ASSERT_EQ(answer.status, 200) << answer.body;
      const int64_t cached = Json::parse(answer.body)["usage"]["prompt_tokens_details"]["cached_tokens"];
      const int64_t all = Json::parse(answer.body)["usage"]["prompt_tokens"];
      // Only what is worth no file is read again.
      EXPECT_GE(cached, before - 64) << turn << name;
      if (name == std::string("two-alias")) before = all;
    }
    messages.push_back({{"role", "assistant"}, {"content", "yes"}});
    messages.push_back({{"role", "user"}, {"content", std::string(100, 'b')}});
  }
  EXPECT_GT(before, 300);
  EXPECT_EQ(loads, 6);
  EXPECT_EQ(pool->cards()[1].loaded, true);
  EXPECT_EQ(pool->cards()[0].loaded, false);
  // Many at once, in both: everybody is answered.
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int i = 0; i < 12; ++i)
    clients.emplace_back([&, i] { good += ask(i % 2 == 0 ? "one" : "two").status == 200 ? 1 : 0; });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 12);
}

TEST_F(ServeTest, ModelsThatCannotBeLoadedAreNamed) {
  std::atomic<bool> broken = true;
  serve({{.card = {.id = "one"},
          .load = [&]() -> Result<std::unique_ptr<LoadedModel>> {
            if (broken) return Error(ErrorCode::kModelFile, "one.gguf: it is cut short");
            return std::unique_ptr<LoadedModel>(new PocketModel({}, ""));
          }}},
        {});
  const auto answer = post("/v1/chat/completions", asks("define sea"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("cut short"), std::string::npos);
  broken = false;
  EXPECT_EQ(post("/v1/chat/completions", asks("define sea")).status, 200);
}

TEST_F(ServeTest, IdleModelsGo) {
  serve({{.card = {.id = "one"},
          .load = [&] { return std::unique_ptr<LoadedModel>(new PocketModel({}, "")); }}},
        {.idle_time = std::chrono::seconds(1)});
  EXPECT_EQ(post("/v1/chat/completions", asks("define sea")).status, 200);
  EXPECT_TRUE(pool->cards()[0].loaded);
  for (int i = 0; i < 100 && pool->cards()[0].loaded; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(pool->cards()[0].loaded);
  EXPECT_EQ(Json::parse(fetch("/props"))["is_sleeping"], true);
  EXPECT_EQ(fetch("/slots"), "[]");
  EXPECT_EQ(post("/v1/chat/completions", asks("define sea")).status, 200);
  EXPECT_EQ(Json::parse(fetch("/props"))["is_sleeping"], false);
}

TEST_F(ServeTest, SlotsAreSavedAndRestored) {
  const std::string text(400, 'a');
  const auto cached = [&](const RawClient::Answer& answer) {
    return Json::parse(answer.body)["usage"]["prompt_tokens_details"]["cached_tokens"].get<int64_t>();
  };
  const auto first = post("/v1/chat/completions", asks(text));
  const Json name = {{"filename", "one.bin"}};
  const auto saved = post("/slots/0?action=save", name);
  ASSERT_EQ(saved.status, 200) << saved.body;
  EXPECT_GT(Json::parse(saved.body)["n_saved"], 100);
  serve({});  // another process
  const auto cold = post("/v1/chat/completions", asks(text));
  EXPECT_EQ(cached(cold), 0);
  serve({});
  const auto restored = post("/slots/2?action=restore", name);
  ASSERT_EQ(restored.status, 200) << restored.body;
  Json next = asks(text);
  next["messages"].push_back({{"role", "assistant"}, {"content", "yes"}});
  next["messages"].push_back({{"role", "user"}, {"content", "go on"}});
  EXPECT_GT(cached(post("/v1/chat/completions", next)), 100);
  const auto message = [](const RawClient::Answer& a) {
    return Json::parse(a.body)["choices"][0]["message"].dump();
  };
  EXPECT_EQ(message(cold), message(first));
  EXPECT_EQ(message(post("/v1/chat/completions", asks(text))), message(first));
  EXPECT_EQ(post("/slots/0?action=erase", {}).status, 200);

  EXPECT_EQ(post("/slots/9?action=save", name).status, 400);
  EXPECT_EQ(post("/slots/0?action=dance", name).status, 400);
  for (const char* bad : {"../one.bin", "/etc/passwd", "", ".hidden", "a b", "a\nb"})
    EXPECT_EQ(post("/slots/0?action=restore", {{"filename", bad}}).status, 400) << bad;
  EXPECT_EQ(post("/slots/0?action=restore", {{"filename", "missing"}}).status, 400);
  EXPECT_EQ(post("/slots/0?action=restore", {}).status, 400);
  // Whatever is changed in the file: it is refused, and answers stay what they were.
  std::ifstream in(folder + "/one.bin", std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = whole;
    if (i % 2 == 0)
      bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    else
      bytes.resize(random() % bytes.size());
    std::ofstream(folder + "/two.bin", std::ios::binary) << bytes;
    ASSERT_EQ(post("/slots/0?action=restore", {{"filename", "two.bin"}}).status, 400) << i;
  }
  EXPECT_EQ(message(post("/v1/chat/completions", asks(text))), message(first));
}

TEST_F(ServeTest, ItSaysWhatGoesOn) {
  post("/v1/chat/completions", asks("define sea"));
  const Json slots = Json::parse(fetch("/slots"));
  EXPECT_EQ(slots.size(), 4u);
  EXPECT_EQ(slots[0]["is_processing"], false);
  EXPECT_GT(slots[0]["n_prompt_tokens"], 5);
  EXPECT_GT(slots[0]["next_token"][0]["n_decoded"], 0);
  const std::string metrics = fetch("/metrics");
  for (const char* line :
       {"llamacpp:tokens_predicted_total ", "vllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} 1",
        "vllm:e2e_request_latency_seconds_count 1", "gannet_requests_total 1", "gannet_slots 4"})
    EXPECT_NE(metrics.find(line), std::string::npos) << line;
}

}  // namespace
}  // namespace gannet
