// What operators want of the server: its log, what it shows, what requests get that say nothing about it.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "backend/testing/guarded_device.h"
#include "serve/request_log.h"
#include "serve/serve_fixture_for_test.h"

namespace gannet {
namespace {

// What the log says of a request, and what it does not.
TEST_F(ServeTest, RequestsAreLogged) {
  std::mutex mutex;
  std::vector<std::string> lines;
  access_log = [&](const HttpAccess& access) {
    const auto* note = dynamic_cast<const RequestNote*>(access.note);
    const auto facts = note == nullptr ? RequestNote::Facts() : note->facts();
    const std::lock_guard lock(mutex);
    lines.push_back(log_line(access, note == nullptr ? nullptr : &facts, {}, {.json = true}));
  };
  serve({});
  const auto line = [&](size_t n) {
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return lines.size() > n;
    }));
    const std::lock_guard lock(mutex);
    EXPECT_EQ(lines.back().find("canary"), std::string::npos);
    return Json::parse(lines.back());
  };
  Json body = asks("canary", 6);
  const auto answer = post("/v1/chat/completions", body, "X-Request-Id: mine-1\r\n");
  EXPECT_EQ(answer.header("X-Request-Id"), "mine-1");
  EXPECT_EQ(answer.header("X-Cached-Tokens"), "0");
  const Json usage = Json::parse(answer.body)["usage"], first = line(0);
  EXPECT_EQ(first["id"], "mine-1");
  EXPECT_EQ(first["path"], "/v1/chat/completions");
  EXPECT_EQ(first["status"], 200);
  EXPECT_EQ(first["client"], "127.0.0.1");
  EXPECT_EQ(first["model"], "pocket");
  EXPECT_EQ(first["n_prompt"], usage["prompt_tokens"]);
  EXPECT_EQ(first["n_generated"], usage["completion_tokens"]);
  EXPECT_EQ(first["end"], "length");
  EXPECT_LE(first["first_token_s"], first["total_s"]);
  body["stream"] = true;
  const auto again = post("/v1/chat/completions", body);
  const Json second = line(1);
  EXPECT_GT(second["n_cached"], 0);
  EXPECT_EQ(again.header("X-Cached-Tokens"), second["n_cached"].dump());
  body["messages"][0]["role"] = "canary";
  post("/v1/chat/completions", body);
  EXPECT_EQ(line(2)["status"], 400);
  body = asks("canary" + std::string(20000, 'x'));
  post("/v1/chat/completions", body);
  EXPECT_EQ(line(3)["end"], "refused");
  body = asks("canary", 1000);
  body["stream"] = body["ignore_eos"] = true;
  {
    RawClient client(port());
    client.send(post_text("/v1/chat/completions", body.dump()));
    client.until("content");
  }
  EXPECT_EQ(line(4)["end"], "client_gone");
  fetch("/v1/models");
  EXPECT_FALSE(line(5).contains("model"));
}

TEST_F(ServeTest, ModelsSayWhatAgentsLookFor) {
  const Json all = Json::parse(fetch("/v1/models"));
  EXPECT_EQ(all["data"][0]["context_length"], 1024);
  EXPECT_EQ(all["data"][0]["max_model_len"], 1024);
  const Json& model = all["models"][0];
  EXPECT_EQ(model["name"], "pocket");
  EXPECT_EQ(model["slug"], "pocket");
  EXPECT_EQ(model["context_window"], 1024);
  EXPECT_FALSE(model.contains("base_instructions"));  // would replace those of the agent
}

// What the watchdog goes by.
TEST_F(ServeTest, AStepThatHangsIsSeen) {
  using std::chrono::milliseconds;
  std::atomic<bool> hangs = true;
  service->scheduler().post([&] {
    while (hangs) std::this_thread::sleep_for(milliseconds(1));
  });
  EXPECT_TRUE(eventually([&] { return service->since_last_step() > milliseconds(500); }));
  hangs = false;
  EXPECT_TRUE(eventually([&] { return service->since_last_step() < milliseconds(400); }));
}

// The requests of a lost device fail with the reason; the next one has the model loaded again.
TEST_F(ServeTest, ALostDeviceIsOpenedAgain) {
  std::vector<std::shared_ptr<GuardedDevice>> devices;
  ServedModel model{.card = {.id = "pocket"}, .load = [&] {
                      devices.push_back(std::make_shared<GuardedDevice>());
                      return std::unique_ptr<LoadedModel>(new PocketModel({}, folder, devices.back()));
                    }};
  serve({model}, {});
  const Json request = asks("define harbor");
  const auto before = post("/v1/chat/completions", request);
  ASSERT_EQ(before.status, 200) << before.body;
  ASSERT_EQ(devices.size(), 1u);
  devices[0]->lose();
  const auto failed = post("/v1/chat/completions", request);
  EXPECT_EQ(failed.status, 500) << failed.body;
  EXPECT_NE(failed.body.find("the test device is lost"), std::string::npos) << failed.body;
  const auto after = post("/v1/chat/completions", request);
  ASSERT_EQ(after.status, 200) << after.body;
  EXPECT_EQ(Json::parse(after.body)["choices"], Json::parse(before.body)["choices"]);
  EXPECT_EQ(devices.size(), 2u);
}

TEST_F(ServeTest, WhatIsOffSaysSo) {
  routes.metrics = routes.slots = routes.props = routes.page = false;
  serve({});
  for (const auto& [path, status] :
       {std::pair("/metrics", 501), {"/slots", 501}, {"/props", 501}, {"/", 404}, {"/v1/models", 200}}) {
    RawClient client(port());
    client.send(get(path));
    EXPECT_EQ(client.answer().status, status) << path;
  }
  EXPECT_EQ(post("/slots/0?action=erase", {}).status, 501);
}

// What the operator wants holds for requests that say nothing about it, and only for those.
TEST_F(ServeTest, RequestsGetTheDefaultsOfTheServer) {
  ModelServiceOptions options;
  options.defaults.n_predict = 3;
  options.defaults.seed = 7;
  options.defaults.cache_prompt = false;
  options.defaults.sampling.emplace().temperature = 0;
  options.defaults.stop = {"("};
  options.defaults.thoughts_in_content = true;
  serve(options);
  Json body = asks("define sea");
  body.erase("max_tokens");
  body.erase("seed");
  const auto usage = [&] { return Json::parse(post("/v1/chat/completions", body).body)["usage"]; };
  EXPECT_EQ(usage()["completion_tokens"], 3);
  EXPECT_EQ(usage()["prompt_tokens_details"]["cached_tokens"], 0);
  body["max_tokens"] = 20;
  body["cache_prompt"] = true;
  EXPECT_EQ(usage()["prompt_tokens_details"]["cached_tokens"], 0);
  EXPECT_GT(usage()["prompt_tokens_details"]["cached_tokens"], 0);
  const Json whole = Json::parse(post("/v1/chat/completions", body).body)["choices"][0];
  EXPECT_EQ(whole["message"]["content"], "1. sea ");
  EXPECT_EQ(whole["finish_reason"], "stop");
  body["temperature"] = 1.5;
  const std::string one = Json::parse(post("/v1/chat/completions", body).body)["choices"].dump();
  EXPECT_EQ(Json::parse(post("/v1/chat/completions", body).body)["choices"].dump(), one);
}

}  // namespace
}  // namespace gannet
