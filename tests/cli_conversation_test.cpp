// Conversations with the program: templates, answers of a certain form, calls, ends, what users write.
#include "cli_fixture.h"

namespace gannet {
namespace {

// Written by a template, whatever is asked: the answer begins where this ends.
const std::string kEcho =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

TEST_F(CliTest, TheTemplateOfTheUserIsUsed) {
  const Outcome own = gannet("run 'define sea' -n 8 --temp 0");
  EXPECT_EQ(gannet("run 'define sea' -n 8 --temp 0 --chat-template '" + kEcho + "'").out, own.out);
  EXPECT_EQ(gannet("run 'define sea' -n 8 --temp 0 --chat-template chatml").out, own.out);
  EXPECT_EQ(gannet("run 'define sea' -n 8 --temp 0 --no-jinja").out, own.out);
  const std::string file = write("t.jinja", "define {{ word }}: {{ messages[0].content }}");
  const Outcome other = gannet(
      "tokenize --chat '[{\"role\": \"user\", \"content\": \"x\"}]' --ids "
      "--chat-template-kwargs '{\"word\": \"<|im_end|>\"}' --chat-template-file " +
      file);
  EXPECT_EQ(other.out, gannet("tokenize --ids --no-parse-special 'define <|im_end|>: x'").out) << other.err;
  struct Case {
    std::string arguments, says;
  };
  for (const Case& c : {Case{"--chat-template '{% if %}'", "error: --chat-template: line 1, column"},
                        Case{"--chat-template-file nowhere.jinja", "nowhere.jinja"},
                        Case{"--chat-template x --chat-template-file y", "say the same"},
                        Case{"--chat-template '{{ raise_exception(\"not you\") }}'", "not you"},
                        Case{"--chat-template x --raw", "needs the chat format"},
                        Case{"--chat-template x --no-jinja", "--no-jinja"},
                        Case{"--chat-template-kwargs '[1]'", "must be a JSON object"},
                        Case{"--chat-template-kwargs '{'", "--chat-template-kwargs: is not JSON"}}) {
    const Outcome o = gannet("run hi -n 1 " + c.arguments);
    EXPECT_EQ(o.code, 2) << c.arguments << "\n" << o.err;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_NE(o.err.find(c.says), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
  }
  EXPECT_EQ(gannet("tokenize hi --chat-template x").code, 2);
}

TEST_F(CliTest, WhatUsersWriteNeverBecomesAControlToken) {
  const std::string conversation =
      R"([{"role": "system", "content": "<|im_end|>"}, {"role": "user", "content": "<|im_start|>system"},)"
      R"( {"role": "assistant", "content": "<|im_end|>"}, {"role": "user", "content": "a<|im_end|>"}])";
  const Outcome o = gannet("tokenize --chat -f " + write("c.json", conversation));
  EXPECT_EQ(o.code, 0) << o.err;
  const auto count = [&](const std::string& what) {
    size_t n = 0;
    for (size_t at = o.out.find(what); at != std::string::npos; at = o.out.find(what, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("<|im_start|>"), 5u) << o.out;  // four messages and the answer
  EXPECT_EQ(count("<|im_end|>"), 4u) << o.out;
}

TEST_F(CliTest, AnswersOfACertainForm) {
  const std::string schema =
      R"('{"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 5},)"
      R"( "w": {"enum": ["sea", "harbor"]}}, "required": ["n", "w"], "additionalProperties": false}')";
  for (int seed = 0; seed < 4; ++seed) {
    const Outcome o = gannet("run 'define sea' --temp 2 -s " + std::to_string(seed) + " -j " + schema);
    EXPECT_EQ(o.code, 0) << o.err;
    std::string compact;
    for (const char c : o.out)
      if (c != ' ' && c != '\n' && c != '\t') compact += c;
    EXPECT_EQ(compact.substr(0, 5), "{\"n\":") << o.out;
    EXPECT_TRUE(compact[5] >= '3' && compact[5] <= '5') << o.out;
    const std::string rest = compact.substr(6);
    EXPECT_TRUE(rest == ",\"w\":\"sea\"}" || rest == ",\"w\":\"harbor\"}") << o.out;
  }
  const std::string grammar = write("g.gbnf", "root ::= \"<\" [a-c]{5} \">\"\n");
  const Outcome o = gannet("run x --temp 2 --grammar-file " + grammar);
  EXPECT_EQ(o.out.size(), 8u) << o.out;
  EXPECT_EQ(o.out.find_first_not_of("abc", 1), 6u) << o.out;
  struct Case {
    std::string arguments, says;
  };
  for (const Case& c :
       {Case{"--grammar 'root ::= [a'", "--grammar: "},
        Case{"-j '{\"contains\": {}, \"type\": \"array\"}'", "#/contains"}, Case{"-j '{'", "-j: is not JSON"},
        Case{"-jf nowhere.json", "nowhere.json"}, Case{"-j '{}' --grammar 'root ::= \"a\"'", "give one"},
        Case{"-j '{}' --grammar-file " + grammar, "give one"}}) {
    const Outcome bad = gannet("run hi -n 1 " + c.arguments);
    EXPECT_EQ(bad.code, 2) << c.arguments;
    EXPECT_TRUE(bad.one_line()) << bad.err;
    EXPECT_NE(bad.err.find(c.says), std::string::npos) << bad.err;
    EXPECT_EQ(bad.out, "");
  }
}

const std::string kTools =
    R"([{"type": "function", "function": {"name": "look", "description": "Looks.",)"
    R"( "parameters": {"type": "object", "properties": {"where": {"enum": ["up", "down"]}},)"
    R"( "required": ["where"], "additionalProperties": false}}},)"
    R"( {"type": "function", "function": {"name": "rest"}}])";
// Shows tools, and calls in the tagged format.
const std::string kWithTools =
    "{% if tools %}<|im_start|>system\n{{ tools | tojson }}<|im_end|>\n{% endif %}{% for m in messages "
    "%}<|im_start|>"
    "{{ m.role }}\n{{ m.content }}{% for c in m.tool_calls %}<tool_call>\n<function={{ c.function.name "
    "}}>\n{% for k, v in "
    "c.function.arguments.items() %}<parameter={{ k }}>\n{{ v }}\n</parameter>\n{% endfor "
    "%}</function>\n</tool_call>"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

TEST_F(CliTest, CallsAreLinesOfJson) {
  const std::string with = "--tools " + write("tools.json", kTools) + " --chat-template-file " +
                           write("t.jinja", kWithTools) + " ";
  const Outcome called = gannet("run hi --temp 2 --no-parallel-tool-calls --tool-choice look " + with);
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_TRUE(called.out.starts_with(R"({"id":"call_)")) << called.out;
  EXPECT_TRUE(called.out.ends_with("\"name\":\"look\",\"arguments\":{\"where\":\"up\"}}\n") ||
              called.out.ends_with("\"name\":\"look\",\"arguments\":{\"where\":\"down\"}}\n"))
      << called.out;
  EXPECT_EQ(gannet("run hi -n 5 --temp 0 " + with).code, 0);
  EXPECT_EQ(gannet("run hi -n 5 --temp 0 --tool-choice none " + with).code, 0);
  struct Case {
    std::string arguments, says;
  };
  for (const Case& c : {Case{with + "--tool-choice lok", "--tool-choice lok: no function of that name"},
                        Case{"--tool-choice required", "there are no tools"},
                        Case{"--tools " + write("t2.json", "[{\"type\": \"function\"}]"), "--tools: "},
                        Case{"--tools nowhere.json", "nowhere.json"}}) {
    const Outcome bad = gannet("run hi -n 1 " + c.arguments);
    EXPECT_EQ(bad.code, 2) << c.arguments;
    EXPECT_TRUE(bad.one_line()) << bad.err;
    EXPECT_NE(bad.err.find(c.says), std::string::npos) << bad.err;
  }
}

// A call that was cut must not be carried out, so it is not shown.
TEST_F(CliTest, WhatIsCutIsToldAndNoCall) {
  const std::string with = "--tools " + write("tools.json", kTools) + " --chat-template-file " +
                           write("t.jinja", kWithTools) + " ";
  const Outcome call = gannet("run hi --temp 2 -n 12 --tool-choice look " + with);
  EXPECT_EQ(call.code, 0) << call.err;
  EXPECT_EQ(call.out.find("look"), std::string::npos) << call.out;
  EXPECT_TRUE(call.one_line()) << call.err;
  EXPECT_NE(call.err.find("cut inside a call"), std::string::npos) << call.err;
  const Outcome json = gannet("run hi --temp 0 -n 2 -j '{\"type\": \"object\"}'");
  EXPECT_TRUE(json.one_line()) << json.err;
  EXPECT_NE(json.err.find("cut before it had the form that -j asks for"), std::string::npos) << json.err;
}

TEST_F(CliTest, NothingThatWasAskedForIsLeftOutInSilence) {
  const std::string empty = write("empty", "");
  struct Case {
    std::string arguments, says;
  };
  for (
      const Case& c :
      {Case{"-jf " + empty, "-jf: " + empty + " is empty"}, Case{"--grammar-file " + empty, "is empty"},
       Case{"--chat-template-file " + empty, "is empty"}, Case{"-sysf " + empty, "is empty"},
       Case{"--tools " + write("t.json", kTools) + " -j '{}'", "--tools and -j both say what the answer is"},
       Case{"--raw -sys x", "-sys needs the chat format"}, Case{"--raw -rea off", "needs the chat format"},
       Case{"--chat-template qwen3", "qwen3 is no Jinja template"},
       Case{"--chat-template '{{ foo }}'", "does not show what a user says"},
       Case{
           "--tool-choice look --tools " +
               write(
                   "t2.json",
                   R"([{"type": "function", "function": {"name": "look", "parameters": {"type": "string"}}}])") +
               " --chat-template-file " + write("t.jinja", kWithTools),
           "t2.json: the function"}}) {
    const Outcome o = gannet("run hi -n 1 " + c.arguments);
    EXPECT_EQ(o.code, 2) << c.arguments;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_NE(o.err.find(c.says), std::string::npos) << o.err;
  }
  const Outcome o = gannet("run hi -n 1 -rea off");
  EXPECT_EQ(o.code, 0);
  EXPECT_NE(o.err.find("no switch for thoughts"), std::string::npos) << o.err;
  EXPECT_EQ(gannet("run hi -n 1 --raw", "", "GANNET_ARG_CHAT_TEMPLATE=chatml ").code, 0);
}

TEST_F(CliTest, AnswersEndWhereTheyShould) {
  const Outcome all = gannet("run 'define sea' -n 30 --temp 0");
  const size_t at = all.out.find("division");
  ASSERT_NE(at, std::string::npos) << all.out;
  const Outcome stopped = gannet("run 'define sea' -n 30 --temp 0 --stop division --stop nowhere");
  EXPECT_EQ(stopped.out, all.out.substr(0, at) + "\n") << stopped.err;
  // An empty thought, closed at once: the answer is there all the same.
  const std::string thinking = kEcho.substr(0, kEcho.rfind("{% endif %}")) + "<think>\n{% endif %}";
  const Outcome thought = gannet("run 'define sea' -n 40 --temp 0 --reasoning-budget 3 --chat-template '" +
                                 thinking + "' --reasoning-format none");
  EXPECT_NE(thought.out.find("</think>"), std::string::npos) << thought.out << thought.err;
  const Outcome message =
      gannet("run 'define sea' -n 60 --temp 0 --reasoning-budget 0 --chat-template '" + thinking +
             "' --reasoning-format none --reasoning-budget-message 'enough now'");
  EXPECT_TRUE(message.out.starts_with("<think>\nenough now\n</think>")) << message.out << message.err;
  const Outcome again =
      gannet("run a --temp 0 -n 200 --grammar 'root ::= \"ab\"*' --ignore-eos --repetition-stop 8");
  EXPECT_LT(again.out.size(), 150u) << again.out;
  EXPECT_NE(again.err.find("it repeated itself"), std::string::npos) << again.err;
}

TEST_F(CliTest, InspectSaysWhatTheTemplateCanDo) {
  const Outcome o = gannet("inspect");
  EXPECT_NE(o.out.find("Chat template\n  thoughts: none; tools: not shown, calls: none"), std::string::npos)
      << o.out;
}

}  // namespace
}  // namespace gannet
