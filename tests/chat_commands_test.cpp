// What begins with a slash in a chat, and thoughts at a terminal.
#include "chat_fixture.h"

namespace gannet {
namespace {

// ChatML whose answers begin inside a thought.
const std::string kThinking =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}";

TEST_F(ChatTest, SettingsChangeWhileItRuns) {
  TerminalProgram chat(command({"-n", "5"}), variables);
  chat.wait_for(kReady);
  const auto says = [&](const std::string& line, const std::string& text) {
    chat.send(line + "\r");
    chat.wait_for(text);
    chat.wait_for(kReady);
  };
  says("/set", "temp 0,");
  says("/set predict 2", "");
  ask(chat, "define sea");
  EXPECT_NE(chat.seen().find("answer 2 tokens"), std::string::npos) << chat.seen();
  says("/set temp 1.5", "");
  says("/set", "temp 1.5,");
  says("/set --top-k 3", "");
  says("/set", "top-k 3,");
  says("/set temp hot", "/set temp");
  says("/set temp", "a value is missing");
  says("/set colour red", "no setting colour");
  says("/set thoughts dim", "write shown or folded");
  says("/set", "temp 1.5, top-k 3,");
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
}

TEST_F(ChatTest, FilesAreReadSavedAndLoaded) {
  const std::string note = folder / "note.txt", saved = folder / "saved.json";
  std::ofstream(note) << "define sea";
  std::vector<int> sizes;
  {
    TerminalProgram chat(command({"-n", "3", "-sys", "You are brief."}), variables);
    chat.wait_for(kReady);
    const auto says = [&](const std::string& line, const std::string& text) {
      chat.send(line + "\r");
      chat.wait_for(text);
      chat.wait_for(kReady);
    };
    says("/read " + note, " tokens stand in front of your next message");
    sizes.push_back(ask(chat, "please"));
    sizes.push_back(ask(chat, "define harbor"));
    says("/save " + saved, "saved in");
    says("/read " + folder.string() + "/nothing", "nothing");
    says("/read models/pocket.gguf", "pocket.gguf");
    says("/read", "needs a FILE");
    says("/save /nowhere/at/all", "/nowhere/at/all");
    says("/load " + note, "is not JSON");
    says("/load " + folder.string() + "/nothing", "nothing");
    sizes.push_back(ask(chat, "define sea"));  // all is as it was
    chat.send("/exit now\r");
    chat.wait_for("takes nothing behind it");
    chat.wait_for(kReady);
    chat.send("/exit\r");
    EXPECT_EQ(chat.wait_for_end(), 0);
  }
  const std::string text = bytes(saved);
  EXPECT_NE(text.find("\"You are brief.\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"define sea\\nplease\""), std::string::npos) << text;
  TerminalProgram chat(command({"-n", "3"}), variables);
  chat.wait_for(kReady);
  chat.send("/load " + saved + "\r");
  chat.wait_for("loaded from");
  chat.wait_for(kReady);
  EXPECT_GT(ask(chat, "define sea"), sizes[0] + sizes[1] + sizes[2]);  // all of it is read
  chat.send("/clear\r");
  chat.wait_for(kReady);
  EXPECT_LT(ask(chat, "define sea"), sizes[0]);
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
}

TEST_F(ChatTest, ResultsOfCallsAreGivenBack) {
  const std::string tools = folder / "tools.json";
  std::ofstream(tools)
      << R"([{"type": "function", "function": {"name": "look", "parameters": {"type": "object",
    "properties": {"where": {"enum": ["up"]}}, "required": ["where"], "additionalProperties": false}}}])";
  TerminalProgram chat(
      command(
          {"-n", "200", "--tools", tools, "--tool-choice", "look", "--no-parallel-tool-calls",
           "--chat-template",
           "{{ tools | tojson }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% for c in "
           "m.tool_calls %}<tool_call>\n<function={{ c.function.name }}>\n<parameter=where>\n{{ "
           "c.function.arguments.where }}\n</parameter>\n</function>\n</tool_call>{% endfor %}<|im_end|>\n{% "
           "endfor %}"
           "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"}),
      variables);
  chat.wait_for(kReady);
  chat.send("/tool 5\r");
  chat.wait_for("no call that waits for a result");
  chat.wait_for(kReady);
  ask(chat, "hi");
  EXPECT_NE(chat.seen().find("\"name\":\"look\",\"arguments\":{\"where\":\"up\"}"), std::string::npos)
      << chat.seen();
  EXPECT_GT(ask(chat, "/tool nothing there"), 5);  // and it calls again
  chat.send("/save " + (folder / "s.json").string() + "\r");
  chat.wait_for("saved in");
  chat.wait_for(kReady);
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
  const std::string saved = bytes(folder / "s.json");
  EXPECT_NE(saved.find("\"role\": \"tool\""), std::string::npos) << saved;
  EXPECT_NE(saved.find("nothing there"), std::string::npos) << saved;
}

// What was pasted stays whole, whatever is done to the word that stands for it.
TEST_F(ChatTest, EditingTheWordOfAPasteKeepsThePaste) {
  TerminalProgram chat(command({"-n", "1", "-c", "4096"}), variables);
  chat.wait_for(kReady);
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "a line\n";
  const int whole = ask(chat, kPaste + lines + kPasteEnd);
  chat.send("/clear\r");
  chat.wait_for(kReady);
  EXPECT_EQ(ask(chat, kPaste + lines + kPasteEnd + "\x1b[D\x1b[D\x1b[D\x7f"), whole);
  std::ofstream(folder / "note.txt") << lines;
  chat.send("/read " + (folder / "note.txt").string() + "\r");
  chat.wait_for("tokens stand in front");
  chat.wait_for(kReady);
  chat.send("/unread\r");
  chat.wait_for(kReady);
  EXPECT_LT(ask(chat, "x"), 20);
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
}

TEST_F(ChatTest, ThoughtsAreDimmedOrFolded) {
  const auto thinking = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {
        "-n",     "12", "--reasoning-budget", "4", "--reasoning-budget-message", "enough", "--chat-template",
        kThinking};
    words.insert(words.end(), more.begin(), more.end());
    return command(words);
  };
  TerminalProgram chat(thinking({}), variables);
  chat.wait_for(kReady);
  chat.send("define sea\r");
  chat.wait_for("\x1b[2m[Start thinking]");
  EXPECT_NE(chat.wait_for("[End thinking]\x1b[22m").find("enough"), std::string::npos);
  chat.wait_for(kReady);
  chat.send("/thoughts\r");
  chat.wait_for("enough");
  chat.wait_for(kReady);
  chat.send("/set thoughts folded\r");
  chat.wait_for(kReady);
  chat.send("define sea\r");
  chat.wait_for("[thought for ");
  EXPECT_EQ(chat.wait_for(kReady).find("Start thinking"), std::string::npos);
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);

  variables["NO_COLOR"] = "1";
  TerminalProgram plain(thinking({}), variables);
  plain.wait_for(kReady);
  ask(plain, "define sea");
  plain.send("\x04");
  EXPECT_EQ(plain.wait_for_end(), 0);
  EXPECT_EQ(plain.seen().find("\x1b[2m"), std::string::npos);
}

// What was thought is not in later prompts where the template leaves it out; nothing is read twice for that.
TEST_F(ChatTest, GoesOnWhereAnAnswerWasOpened) {
  TerminalProgram chat(command({"-n", "30", "--reasoning-budget", "4", "--chat-template", kThinking}),
                       variables);
  chat.wait_for(kReady);
  ask(chat, "define sea");
  const int second = ask(chat, "x");
  const int third = ask(chat, "x");
  EXPECT_LT(second, 30 + 12);  // the answer without its thoughts, and the message
  EXPECT_LT(third, 30 + 12);
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
}

}  // namespace
}  // namespace gannet
