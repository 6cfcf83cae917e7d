// Calls made at random, written by templates in both formats, sometimes in the sloppy ways of models, and
// read back.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "chat/chat_template.h"
#include "chat/output_check_for_test.h"
#include "chat/templates_for_test.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

// What values are made of: words, other scripts, and all that looks like the format.
constexpr const char* kBits[] = {"a",
                                 "word",
                                 " ",
                                 "\n",
                                 "\n\n",
                                 "\t",
                                 "\xE6\xBC\xA2\xE5\xAD\x97",
                                 "\xF0\x9F\x98\x80",
                                 "<",
                                 ">",
                                 "</",
                                 "&amp;",
                                 "\"",
                                 "\\",
                                 "{",
                                 "}",
                                 "[1]",
                                 "null",
                                 "<b>",
                                 "</parameter>",
                                 "</function>",
                                 "<parameter=x>",
                                 "<function=f>",
                                 "<tool_call>",
                                 "</tool_call>",
                                 "</parameter>\nno",
                                 "<think>",
                                 "</think>",
                                 "<|im_end|>",
                                 "{\"name\": \"f\", \"arguments\": {}}",
                                 "\\n",
                                 "\x01",
                                 "\r\n"};

// Whether a closing tag with a line break at one side of it is followed by a tag that may stand behind a
// value.
bool ends_a_value(const std::string& text) {
  for (const std::string tag : {"</parameter>", "</function>"}) {
    for (size_t at = text.find(tag); at != text.npos; at = text.find(tag, at + 1)) {
      const size_t behind = at + tag.size();
      const std::string rest = text.substr(std::min(text.find_first_not_of(" \t\r\n", behind), text.size()));
      const bool broken = text[at - 1] == '\n' || text.find('\n', behind) < text.size() - rest.size();
      for (const char* next : {"<parameter=", "</function>", "</tool_call>"}) {
        if (broken && rest.starts_with(next)) return true;
      }
    }
  }
  return false;
}

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}
  size_t below(size_t n) { return random_() % n; }

  // Of which no part ends a value of the tagged format.
  std::string text(size_t bits) {
    for (;;) {
      std::string made;
      for (size_t n = below(bits + 1); n > 0; --n) made += kBits[below(std::size(kBits))];
      if (!ends_a_value("\n" + made)) return made;
    }
  }
  Json json(int depth) {
    switch (below(depth > 0 ? 7 : 5)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return static_cast<int64_t>(random_()) - (int64_t{1} << 31);
      case 3:
        return static_cast<double>(below(1000)) / 8 + 0.0625;
      case 4:
        return text(4);
      case 5: {
        Json list = Json::array();
        for (size_t n = below(4); n > 0; --n) list.push_back(json(depth - 1));
        return list;
      }
      default: {
        Json object = Json::object();
        for (size_t n = below(4); n > 0; --n) object[text(2)] = json(depth - 1);
        return object;
      }
    }
  }
  Json value_of(const std::string& type) {
    for (;;) {
      Json value = json(3);
      if (type == "string") return text(12);
      if (type == "any" && !value.is_string()) return value;
      if (type == "integer" && value.is_number_integer()) return value;
      if (type == "number" && value.is_number_float()) return value;
      if (type == "boolean" && value.is_boolean()) return value;
      if (type == "array" && value.is_array()) return value;
      if (type == "object" && value.is_object()) return value;
      if (type == "nullable") return below(3) == 0 ? Json() : Json("say " + text(5));
    }
  }

 private:
  std::mt19937 random_;
};

constexpr const char* kTypes[] = {"string",  "any",   "integer", "number",
                                  "boolean", "array", "object",  "nullable"};

std::vector<Tool> tools() {
  Json properties;
  for (const char* type : kTypes) properties[std::string("p_") + type] = {{"type", type}};
  properties["p_any"] = Json::object();
  properties["p_nullable"] = {{"anyOf", {{{"type", "string"}}, {{"type", "null"}}}}};
  const Json schema{{"type", "object"}, {"properties", properties}};
  return {tool_for_test("write_file", schema.dump().c_str()), tool_for_test("ns.run", schema.dump().c_str())};
}

Message answer_for(Maker* maker, bool thoughts) {
  Message answer;
  answer.role = Role::kAssistant;
  if (thoughts && maker->below(3) > 0)
    answer.reasoning = "Let me see: " + std::string(maker->below(2) ? "\xE6\xBC\xA2\n\nso" : "x <b> y");
  if (maker->below(2)) answer.content = "I will.\n\nNow & <here>";
  for (size_t n = maker->below(3); n < 3; ++n) {
    ToolCall call;
    call.id = "call_" + std::to_string(answer.calls.size());
    call.name = maker->below(2) ? "write_file" : "ns.run";
    Json arguments = Json::object();
    for (size_t count = maker->below(5); count > 0; --count) {
      const std::string type = kTypes[maker->below(std::size(kTypes))];
      arguments["p_" + type] = maker->value_of(type);
    }
    call.arguments = arguments.dump();
    answer.calls.push_back(std::move(call));
  }
  return answer;
}

// The calls with their arguments in one way of writing.
std::string calls_text(const Message& message) {
  Json list = Json::array();
  for (const ToolCall& call : message.calls)
    list.push_back({call.id, call.name, Json::parse(call.arguments), call.complete});
  return list.dump(1);
}

// What a model that is answered by `answer` wrote: what the template says behind the prompt, up to its end.
std::string written(const ChatTemplate& chat, const Conversation& conversation, const Message& answer) {
  const auto prompt = chat.render(conversation);
  EXPECT_TRUE(prompt.ok());
  Conversation longer = conversation;
  longer.messages.push_back(answer);
  const auto text = chat.render(longer, {.add_generation_prompt = false});
  EXPECT_TRUE(text.ok()) << text.error().message();
  const std::string& all = text->text.text;
  EXPECT_TRUE(all.starts_with(prompt->text.text)) << all << "\n---\n" << prompt->text.text;
  const std::string rest = all.substr(prompt->text.text.size());
  return rest.substr(0, rest.rfind("<|im_end|>"));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

void round_trip(const ChatTemplate& chat, uint32_t seeds, bool every_split, bool thoughts) {
  Conversation conversation;
  conversation.messages.emplace_back().content = "Do it";
  conversation.tools = tools();
  const auto prompt = chat.render(conversation);
  ASSERT_TRUE(prompt.ok()) << prompt.error().message();
  const OutputOptions options = chat.output_options(conversation, *prompt);
  for (uint32_t seed = 0; seed < seeds; ++seed) {
    Maker maker(seed);
    const Message answer = answer_for(&maker, thoughts);
    const std::string text = written(chat, conversation, answer);
    const ParsedOutput parsed =
        every_split ? parse_at_every_split(text, options) : parse_output(text, options, OutputEnd::kStop);
    ASSERT_EQ(calls_text(parsed.message), calls_text(answer)) << text;
    ASSERT_EQ(parsed.message.content, answer.content) << text;
    ASSERT_EQ(parsed.message.reasoning.value_or(""), answer.reasoning.value_or("")) << text;
    // Given back, it is written as it was.
    ASSERT_EQ(written(chat, conversation, parsed.message), text);
  }
}

TEST(OutputRoundTrip, OurTemplateWithTags) {
  auto chat = ChatTemplate::make(kTaggedTemplate, {});
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  ASSERT_EQ(chat->facts().calls, CallFormat::kTagged);
  round_trip(*chat, 1200, true, true);
}

TEST(OutputRoundTrip, OurTemplateWithJson) {
  auto chat = ChatTemplate::make(kHermesTemplate, {});
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  ASSERT_EQ(chat->facts().calls, CallFormat::kHermes);
  round_trip(*chat, 800, true, false);
}

// Whether the template writes answers, with a thought or without, behind what it opens answers with. Some
// leave an opened thought out.
bool writes_as_it_opens(const ChatTemplate& chat, bool with_thought) {
  Conversation conversation;
  conversation.messages.emplace_back().content = "Do it";
  conversation.tools = tools();
  const auto opened = chat.render(conversation);
  Message& answer = conversation.messages.emplace_back();
  answer.role = Role::kAssistant;
  answer.content = "Done";
  if (with_thought) answer.reasoning = "Hm";
  const auto text = chat.render(conversation, {.add_generation_prompt = false});
  return opened.ok() && text.ok() && text->text.text.starts_with(opened->text.text);
}

// Published templates, where a folder of them is at hand: files that end in .jinja.
TEST(OutputRoundTrip, PublishedTemplates) {
  const char* files = std::getenv("GANNET_TEST_TEMPLATES");
  if (!files) GTEST_SKIP() << "GANNET_TEST_TEMPLATES names no template files (separated by ':')";
  std::istringstream list(files);
  for (std::string name; std::getline(list, name, ':');) {
    SCOPED_TRACE(name);
    std::ifstream in(name);
    const std::string source((std::istreambuf_iterator<char>(in)), {});
    auto chat = ChatTemplate::make(source, {{"bos_token", ""}, {"eos_token", "<|im_end|>"}});
    ASSERT_TRUE(chat.ok()) << chat.error().message();
    printf("%s: %s\n", name.c_str(), chat->facts().describe().c_str());
    ASSERT_NE(chat->facts().calls, CallFormat::kNone);
    const bool thoughts = chat->facts().thoughts && writes_as_it_opens(*chat, true);
    if (writes_as_it_opens(*chat, false))
      round_trip(*chat, 300, false, thoughts);
    else
      printf("  not tested: it does not write answers behind what it opens them with\n");
  }
}

// What models get wrong about white space and tags changes nothing.
TEST(OutputRoundTrip, SloppyTags) {
  auto chat = ChatTemplate::make(kTaggedTemplate, {});
  ASSERT_TRUE(chat.ok());
  Conversation conversation;
  conversation.messages.emplace_back().content = "Do it";
  conversation.tools = tools();
  const auto prompt = chat->render(conversation);
  const OutputOptions options = chat->output_options(conversation, *prompt);
  const std::pair<const char*, const char*> changes[] = {
      {"<tool_call>\n<function=", "<tool_call><function="},
      {"<tool_call>\n<function=", "<tool_call>\n\n<function="},
      {"<tool_call>\n<function=", "<function="},
      {"</function>\n</tool_call>", "</function>"},
      {"</function>\n</tool_call>", "</function></tool_call>"},
      {"</function>\n</tool_call>", "</function>\n\n</tool_call>\n"},
      {"</function>\n</tool_call>", "</function>\n</tool_call>\n</tool_call>"},
      {">\n<parameter=", ">\n\n<parameter="},
      {">\n<parameter=", "><parameter="},
      {"</parameter>\n</function>", "</parameter></function>"},
      {"</parameter>\n</function>", "</parameter>\n\n</function>"},
      {"</parameter>\n</function>\n</tool_call>", "</parameter>\n</tool_call>"},
      {"</think>\n\n", "</think>\n"},
      {"</think>\n\n", "</think>"}};
  size_t cases = 0;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Maker maker(seed);
    Message answer = answer_for(&maker, true);
    for (ToolCall& call : answer.calls) {  // values that the changes below leave alone
      Json arguments = Json::parse(call.arguments);
      for (Json& value : arguments) {
        if (value.is_string()) value = "some\n" + std::to_string(seed) + " <b>text</b>";
        if (value.is_structured()) value = Json::array({1, {{"k", "v>"}}});
      }
      call.arguments = arguments.dump();
    }
    const std::string text = written(*chat, conversation, answer);
    for (const auto& [from, to] : changes) {
      const std::string sloppy = replaced(text, from, to);
      if (sloppy == text) continue;
      ++cases;
      const ParsedOutput parsed = parse_at_every_split(sloppy, options);
      ASSERT_EQ(calls_text(parsed.message), calls_text(answer)) << sloppy;
      ASSERT_EQ(parsed.message.content, answer.content) << sloppy;
    }
  }
  EXPECT_GT(cases, 300u);
}

}  // namespace
}  // namespace gannet
