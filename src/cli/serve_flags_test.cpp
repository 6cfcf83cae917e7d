// The flags of `gannet serve`.
#include "cli/serve_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "cli/model_list.h"
#include "cli/model_options.h"
#include "cli/parse.h"
#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct ServeFlagsTest : testing::Test {
  ServeFlags server;
  ServedModelFlags model;
  ModelListFlags list;

  Command program() {
    Command serve{.name = "serve", .action = [] { return Result<void>(); }};
    add_serve_options(serve.options, server);
    add_served_model_options(serve.options, model);
    add_model_list_options(serve.options, list);
    return {.name = "gannet", .commands = {serve}};
  }
  // The message of what is wrong; empty: nothing.
  std::string parse(std::vector<std::string> arguments) {
    server = {};
    model = {};
    list = {};
    const Command all = program();
    arguments.insert(arguments.begin(), "serve");
    const auto parsed = parse_arguments(all, arguments);
    return parsed.ok() ? "" : parsed.error().message();
  }
  Result<RequestDefaults> defaults() {
    const GgufFile file = open_model_file("").take();
    const Tokenizer tokenizer = tokenizer_from_gguf(file).take();
    const TemplateOptions chat = GANNET_TRY(template_options(model.request.chat));
    return request_defaults(model.request, chat, file, tokenizer);
  }
};

TEST_F(ServeFlagsTest, CommandLinesOfOtherServersAreTaken) {
  EXPECT_EQ(parse({"--host",
                   "0.0.0.0",
                   "--port",
                   "9000",
                   "-np",
                   "2",
                   "-cb",
                   "--metrics",
                   "--props",
                   "--slots",
                   "--no-webui",
                   "-to",
                   "600",
                   "--threads-http",
                   "8",
                   "--sse-ping-interval",
                   "5",
                   "--reuse-port",
                   "--cache-prompt",
                   "--cache-reuse",
                   "256",
                   "-ctxcp",
                   "32",
                   "-cms",
                   "2048",
                   "-kvu",
                   "-sps",
                   "0.5",
                   "--jinja",
                   "-rea",
                   "off",
                   "--reasoning-format",
                   "none",
                   "--reasoning-budget",
                   "100",
                   "--chat-template-kwargs",
                   "{\"a\":1}",
                   "--temp",
                   "0.5",
                   "--top-p",
                   "0.9",
                   "-n",
                   "50",
                   "--log-timestamps",
                   "--log-prefix",
                   "--log-colors",
                   "off",
                   "-lv",
                   "3",
                   "-a",
                   "x,y",
                   "--tags",
                   "t",
                   "-fa",
                   "on",
                   "-ngl",
                   "0",
                   "-cram",
                   "100"}),
            "");
  EXPECT_EQ(server.timeout, 600);
  EXPECT_EQ(server.slot_save_path, "");
  EXPECT_EQ(model.checkpoint_tokens, 2048);
  EXPECT_FALSE(log_options(server, false));
  EXPECT_FALSE(routes_options(server, {}).page);
  const auto http = http_options(server).take();
  ASSERT_THAT(http.listen, SizeIs(1));
  EXPECT_EQ(http.listen[0].host, "0.0.0.0");
  EXPECT_TRUE(http.listen[0].reuse_port);
  EXPECT_EQ(http.stall_time, std::chrono::seconds(600));
  EXPECT_THAT(serve_notes(server), SizeIs(2));  // threads, and reuse
  EXPECT_EQ(parse({}), "");
  EXPECT_THAT(serve_notes(server), IsEmpty());
  EXPECT_TRUE(routes_options(server, {}).page);
  EXPECT_EQ(parse({"--no-ui", "--no-metrics", "--no-slots", "--no-cont-batching"}), "");
  const RoutesOptions routes = routes_options(server, {});
  EXPECT_FALSE(routes.page || routes.metrics || routes.slots);
  EXPECT_TRUE(routes.props);
  EXPECT_THAT(serve_notes(server), SizeIs(1));
  EXPECT_THAT(parse({"-nocb"}), HasSubstr("not needed"));
  EXPECT_THAT(parse({"--log-disable"}), HasSubstr("unless it is asked for"));
}

TEST_F(ServeFlagsTest, VariablesOfOtherServers) {
  const std::pair<const char*, const char*> set[] = {{"HOST", "::1"},
                                                     {"ENDPOINT_METRICS", "0"},
                                                     {"ENDPOINT_SLOTS", "off"},
                                                     {"WEBUI", "false"},
                                                     {"TIMEOUT", "7"},
                                                     {"CACHE_PROMPT", "0"},
                                                     {"REASONING", "off"},
                                                     {"THINK", "none"},
                                                     {"THINK_BUDGET", "9"},
                                                     {"N_PREDICT", "11"},
                                                     {"LOG_FILE", "/tmp/x"},
                                                     {"THREADS_HTTP", "4"},
                                                     {"CHAT_TEMPLATE_KWARGS", "{\"b\":2}"}};
  for (const auto& [name, value] : set) ::setenv((std::string("LLAMA_ARG_") + name).c_str(), value, 1);
  EXPECT_EQ(parse({"--timeout", "8"}), "");
  for (const auto& [name, value] : set) ::unsetenv((std::string("LLAMA_ARG_") + name).c_str());
  EXPECT_EQ(server.host, "::1");
  EXPECT_FALSE(server.metrics || server.slots || server.page);
  EXPECT_TRUE(server.props);
  EXPECT_EQ(server.timeout, 8);
  EXPECT_EQ(server.threads_http, 4);
  EXPECT_EQ(log_options(server, false)->file, "/tmp/x");
  const RequestDefaults d = defaults().take();
  EXPECT_EQ(d.n_predict, 11);
  EXPECT_EQ(d.thinking, false);
  EXPECT_TRUE(d.thoughts_in_content);
  EXPECT_EQ(d.thinking_budget, 9);
  EXPECT_FALSE(d.cache_prompt);
  EXPECT_EQ(d.template_variables["b"], 2);
}

TEST_F(ServeFlagsTest, HostsAreAList) {
  EXPECT_EQ(parse({"--host", "127.0.0.1,::1,/run/gannet/http.sock", "--port", "0"}), "");
  const auto http = http_options(server).take();
  ASSERT_THAT(http.listen, SizeIs(3));
  EXPECT_EQ(http.listen[1].host, "::1");
  EXPECT_EQ(http.listen[2].unix_path, "/run/gannet/http.sock");
  for (const char* bad : {",", "localhost,", ",localhost", "a,,b"}) {
    EXPECT_EQ(parse({"--host", bad}), "");
    EXPECT_THAT(http_options(server).error().message(), HasSubstr("--host"));
  }
  EXPECT_EQ(parse({"--ssl-cert-file", "x"}), "");
  EXPECT_FALSE(http_options(server).ok());
}

TEST_F(ServeFlagsTest, LogsAreAskedFor) {
  for (const std::vector<std::string>& asked :
       {std::vector<std::string>{"--log-requests"}, {"--log-jsonl"}, {"--log-file", "x"}, {"-lv", "4"}}) {
    EXPECT_EQ(parse(asked), "");
    EXPECT_TRUE(log_options(server, false)) << asked[0];
  }
  EXPECT_EQ(parse({"--no-log-timestamps"}), "");
  EXPECT_FALSE(log_options(server, false));
  EXPECT_FALSE(log_options(server, true)->timestamps);
}

TEST_F(ServeFlagsTest, DefaultsOfRequestsAreCheckedAtOnce) {
  EXPECT_EQ(
      parse({"--temp", "0.25", "--top-k", "3", "-s", "5", "--stop", "END", "--dry-sequence-breaker", "none"}),
      "");
  const RequestDefaults d = defaults().take();
  EXPECT_EQ(d.sampling->temperature, 0.25f);
  EXPECT_EQ(d.sampling->top_k, 3);
  EXPECT_EQ(d.seed, 5u);
  EXPECT_EQ(d.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(d.dry_breakers, std::vector<std::string>());
  EXPECT_FALSE(d.thinking);
  EXPECT_EQ(parse({}), "");
  EXPECT_FALSE(defaults()->seed);
  for (const auto& [flag, value] : {std::pair("--top-p", "7"),
                                    {"--chat-template-kwargs", "[]"},
                                    {"--logit-bias", "x"},
                                    {"--samplers", "y"}}) {
    EXPECT_EQ(parse({flag, value}), "");
    const auto made = defaults();
    ASSERT_FALSE(made.ok()) << flag;
    EXPECT_THAT(made.error().message(), HasSubstr(flag));
  }
}

// What the command line says wins over a preset, also where nothing is the default.
TEST_F(ServeFlagsTest, PresetsGiveWayToTheCommandLine) {
  const std::string file = testing::TempDir() + "preset." + std::to_string(::getpid());
  std::ofstream(file) << "temp = nonsense\ntop-k = 5\ncache-prompt = off\n[*]\ntags = a,b\n";
  EXPECT_EQ(parse({"--models-preset", file, "--temp", "0.5"}), "");
  const auto models = served_models(model, list, {});
  ASSERT_TRUE(models.ok()) << models.error().message();
  EXPECT_EQ(models->front().card.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parse({"--models-preset", file}), "");
  EXPECT_THAT(served_models(model, list, {}).error().message(), HasSubstr("temp"));
  ::unlink(file.c_str());
}

}  // namespace
}  // namespace gannet
